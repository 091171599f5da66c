"""A TCP proxy in front of a member's peer port that can cut it off, as a network does. It reads the head of what a member
sends (X-Copse-From), so that single directions can be cut."""
import re
import select
import socket
import threading


class Proxy:
    def __init__(self, port, target):
        self.target = target
        self.lock = threading.Lock()
        self.cut_all = False
        self.cut_from = set()  # ids
        self.pairs = {}  # connection: (its other side, id of the sender)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *ids):
        """Without ids everybody: what is open ends, what is new gets nowhere."""
        with self.lock:
            self.cut_all = self.cut_all or not ids
            self.cut_from |= set(ids)
            for one, (other, sender) in list(self.pairs.items()):
                if self._is_cut(sender):
                    for s in (one, other):
                        _end(s)

    def heal(self):
        with self.lock:
            self.cut_all = False
            self.cut_from = set()

    def stop(self):
        self.stopped = True
        self.cut()
        _end(self.listener)
        self.listener.close()

    def _is_cut(self, sender):
        return self.cut_all or sender in self.cut_from

    def _accept(self):
        while not self.stopped:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one):
        other = None
        try:
            one.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = one.recv(4096)
                if not piece:
                    return
                head += piece
            found = re.search(rb"X-Copse-From: ([0-9a-f]+)", head, re.I)
            sender = found.group(1).decode() if found else None
            other = socket.create_connection(("127.0.0.1", self.target), 5)
            with self.lock:
                if self._is_cut(sender):
                    return
                self.pairs[one] = (other, sender)
            other.sendall(head)
            _forward(one, other)
        except OSError:
            pass
        finally:
            with self.lock:
                self.pairs.pop(one, None)
            for s in (one, other):
                if s is not None:
                    s.close()


def _end(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _forward(one, other):
    for s in (one, other):
        s.settimeout(30)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        for s in select.select([one, other], [], [])[0]:
            data = s.recv(65536)
            if not data:
                return
            (other if s is one else one).sendall(data)
