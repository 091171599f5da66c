#!/usr/bin/env python3
"""Clients that are slow, that stop in the middle, or that never read: they are cut, and nobody else is hurt.
$COPSE is the program. Standard library only.

  slow.py [NAME ...]    all tests, or those named
"""
import select
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from harness import Server, ended, head_of, open_watch, run, wait_for

FORM_TYPE = b"Content-Type: application/x-www-form-urlencoded\r\n"


def same(got, want, where=""):
    assert got == want, "%sexpected %r, got %r" % (where and where + ": ", want, got)


class Others(threading.Thread):
    """Clients that go on meanwhile: each request must be answered."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.stop, self.answers, self.wrong = server, threading.Event(), 0, None

    def run(self):
        try:
            while not self.stop.is_set():
                self.server.put("/others", "x")
                assert self.server.ask("GET", "/v2/keys/others")[0] == 200
                self.answers += 1
        except Exception as e:
            self.wrong = repr(e)

    def finish(self):
        self.stop.set()
        self.join()
        assert self.wrong is None and self.answers > 0, "others were hurt: %s" % self.wrong


def trickle(connections, patience_s=60):
    """Sends each of the connections (socket to bytes and size of a piece) piece by piece for ever, until the server
    has ended all of them."""
    end = time.monotonic() + patience_s
    left = dict(connections)
    while left:
        assert time.monotonic() < end, "still open: %d of %d" % (len(left), len(connections))
        for c, data in list(left.items()):
            try:
                if ended(c):
                    del left[c]
                    continue
                if data:
                    c.send(data)
            except (BrokenPipeError, ConnectionResetError):
                del left[c]
        time.sleep(0.05)


def slow_requests():
    with Server("--idle-timeout", "2") as s:
        others = Others(s)
        others.start()
        put = b"PUT /v2/keys/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n" + FORM_TYPE + b"\r\nvalue="
        chunked = b"PUT /v2/keys/slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + FORM_TYPE + b"\r\n"
        kinds = {
            "nothing": (b"", b""),
            "half a line": (b"GET /v2/ke", b""),
            "half a head": (b"GET /version HTTP/1.1\r\nHost: a\r\nX-A", b""),
            "half a body": (put, b""),
            "half a chunk": (chunked + b"ff\r\nvalue=", b""),
            "a line in pieces": (b"GET /v2/keys/", b"k"),
            "a head in pieces": (b"GET /version HTTP/1.1\r\nHost: a\r\nX-A: ", b"v"),
            "headers without end": (b"GET /version HTTP/1.1\r\nHost: a\r\n", b"X-A: v\r\n"),
            "a body in pieces": (put, b"v"),
            "chunks in pieces": (chunked, b"1\r\nv\r\n"),
            "empty lines": (b"", b"\r\n"),
        }
        slow = {}
        for start, piece in list(kinds.values()) * 3:
            c = s.connect()
            c.sendall(start)
            slow[c] = piece
        # not too slow: about 20 KiB a second
        steady = s.connect()
        steady.sendall(b"PUT /v2/keys/steady HTTP/1.1\r\nHost: a\r\nContent-Length: 61440\r\n" + FORM_TYPE + b"\r\nvalue=")
        quiet = open_watch(s, "/quiet")
        same(head_of(quiet)[0], 200)
        begin = time.monotonic()
        sender = threading.Thread(target=trickle, args=(slow,))
        sender.start()
        sent = len("value=")
        while sent < 61440:
            n = min(1024, 61440 - sent)
            steady.sendall(b"v" * n)
            sent += n
            time.sleep(0.05)
        same(head_of(steady)[0], 201, "a body that takes %.1f s" % (time.monotonic() - begin))
        sender.join()
        for c, piece in slow.items():
            assert ended(c), "%r" % piece
            c.close()
        others.finish()
        assert not select.select([quiet], [], [], 0)[0], "a quiet watch is not slow"
        s.put("/quiet")
        assert b'"/quiet"' in quiet.recv(4096), "a quiet watch is alive"
        quiet.close()
        steady.close()


def halves_with_an_end():
    """A request that is not whole, and the end of the input with it: nobody waits for the rest."""
    with Server("--idle-timeout", "3600") as s:
        s.put("/a")
        before = s.descriptors()
        put = b"PUT /v2/keys/half HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n" + FORM_TYPE + b"\r\nvalue="
        halves = [b"", b"GET /v2/ke", b"GET /version HTTP/1.1\r\nHost: a\r\nX-A", put, put + b"v" * 5000]
        clients = [s.connect() for _ in halves * 20]
        s.ask("GET", "/version")  # all are accepted
        for stopped in (False, True):
            if stopped:
                s.process.send_signal(signal.SIGSTOP)  # it finds data and end at once
            for c, half in zip(clients[stopped::2], halves * 10):
                c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                c.sendall(half)
                c.shutdown(socket.SHUT_WR)
        s.process.send_signal(signal.SIGCONT)
        # one that is whole is answered, however it ends
        whole = s.connect()
        whole.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        whole.sendall(b"GET /v2/keys/a HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        whole.shutdown(socket.SHUT_WR)
        data = b""
        while data.count(b" 200 OK") < 3:
            part = whole.recv(65536)
            assert part, data
            data += part
        whole.close()
        wait_for(lambda: s.descriptors() <= before, "connections whose clients are gone are closed")
        assert s.ask("GET", "/v2/keys/half")[0] == 404
        for c in clients:
            c.close()


def slow_readers():
    """A large listing, a large value and a watch whose clients stop reading, and a listing and a value that are read in drops."""
    with Server("--idle-timeout", "1") as s:
        for i in range(24):
            s.put("/large/%d" % i, "v" * 1000000)
        s.put("/value", "v" * 10000000)
        before = s.descriptors()
        others = Others(s)
        others.start()
        readers = []
        for path in "/large?recursive=true", "/value":
            for _ in range(3):
                c = s.connect(receive_bytes=4096)
                c.sendall(b"GET /v2/keys%s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
                readers.append(c)
        dropwise = [s.connect(receive_bytes=4096) for _ in range(2)]
        for c, path in zip(dropwise, (b"/large?recursive=true", b"/value")):
            c.sendall(b"GET /v2/keys%s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
        deaf = [open_watch(s, "/noise", receive_bytes=4096) for _ in range(3)]
        for c in deaf:
            same(head_of(c)[0], 200)
        listener = open_watch(s, "/noise", receive_bytes=1 << 20)  # room for what comes between two looks, however late
        same(head_of(listener)[0], 200)
        heard = b""

        def all_cut():
            nonlocal heard
            s.put("/noise", "v" * 100000)
            for c in dropwise:
                try:
                    c.recv(50, socket.MSG_DONTWAIT)
                except (BlockingIOError, ConnectionResetError):
                    pass
            while select.select([listener], [], [], 0)[0]:
                heard = (heard + listener.recv(1 << 20))[-1000:]
                assert heard, "a watch that is read was cut"
            return s.descriptors() <= before + 1 + 4  # the listener, and those of the moment

        wait_for(all_cut, "slow readers are cut: %d descriptors, before %d" % (s.descriptors(), before))
        others.finish()
        # the end of what they got is no end of an answer: none takes half a listing for a whole one
        for c in readers:
            c.settimeout(10)
            data = b""
            try:
                while True:
                    part = c.recv(1 << 20)
                    if not part:
                        break
                    data = (data + part)[-10:]
            except ConnectionResetError:
                pass
            assert not data.endswith(b"0\r\n\r\n"), "cut, but it looks whole"
            c.close()
        for c in deaf + dropwise + [listener]:
            c.close()


class Reader(threading.Thread):
    """Takes all that a watch sends."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.s, self.deleted, self.ended = s, False, False

    def run(self):
        tail = b""
        while True:
            try:
                part = self.s.recv(1 << 20)
            except ConnectionResetError:
                break
            if not part:
                break
            tail = tail[-100:] + part
            self.deleted = self.deleted or b'"action":"delete"' in tail
        self.ended = True


def stuck_watches():
    """Fewer events than a watch may have undelivered, and then silence: the client that reads nothing is cut, the one
    that has read all is not."""
    with Server("--idle-timeout", "2") as s:
        before = s.descriptors()
        for query in "wait=true&stream=true", "wait=true":
            deaf = open_watch(s, "/deaf", query, receive_bytes=4096)
            quiet = open_watch(s, "/deaf")
            same((head_of(deaf)[0], head_of(quiet)[0]), (200, 200))
            reader = Reader(quiet)
            reader.start()
            for _ in range(3):
                s.put("/deaf", "v" * 5000000)
            wait_for(lambda: s.descriptors() <= before + 1, "a watch is cut that takes nothing")
            s.ask("DELETE", "/v2/keys/deaf")
            wait_for(lambda: reader.deleted, "the other one hears on")
            assert not reader.ended
            deaf.close()
            quiet.shutdown(socket.SHUT_RDWR)
            reader.join()
            quiet.close()


TESTS = [halves_with_an_end, slow_requests, slow_readers, stuck_watches]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1:]))
