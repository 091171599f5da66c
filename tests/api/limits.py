#!/usr/bin/env python3
"""Each limit of doc/limits.md, at it and one beyond, and clients that are slow. $COPSE is the
program. Standard library only.

  limits.py [NAME ...]    all tests, or those named
"""
import json
import select
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from harness import Server, ended, head_of, open_watch, run, wait_for

HEAD, HEADER_COST = 16384, 80
PATH, DEPTH, PARAMS = 16384, 1024, 4096
FORM, DRAIN = 10485760, 10485760 + 262144
FORM_TYPE = b"Content-Type: application/x-www-form-urlencoded\r\n"


def answer_to(server, data):
    """The status that these bytes get; the reason stays in the server's log of differences."""
    with server.connect() as s:
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already
        return head_of(s)[0]


def error(body):
    return json.loads(body)["errorCode"], json.loads(body).get("cause")


def same(got, want, where=""):
    assert got == want, "%sexpected %r, got %r" % (where and where + ": ", want, got)


# ---- the head


def target_head(size):
    """A head whose target and headers count SIZE."""
    host = len("Host") + len("a") + HEADER_COST
    start = b"/v2/keys/"
    return b"GET " + start + b"k" * (size - host - len(start)) + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def headers_head(size, count):
    """The same with COUNT headers of equal length besides Host."""
    left = size - len("/version") - (len("Host") + len("a") + HEADER_COST)
    lines, each = [], left // count
    for i in range(count):
        room = each if i < count - 1 else left - each * (count - 1)
        lines.append(b"X-Header: " + b"v" * (room - len("X-Header") - HEADER_COST) + b"\r\n")
    return b"GET /version HTTP/1.1\r\nHost: a\r\n" + b"".join(lines) + b"\r\n"


def heads():
    for flags, limit in ([], HEAD), (["--max-head-bytes", "2048"], 2048), (["--max-head-bytes", "1048576"], 1048576):
        with Server(*flags) as s:
            at = 404 if limit - len("/v2/keys") < PATH else 414  # no such key, or longer than a key can be
            same(answer_to(s, target_head(limit)), at, "target at %d" % limit)
            same(answer_to(s, target_head(limit + 1)), 431, "target beyond %d" % limit)
            same(answer_to(s, b"GET /" + b"k" * limit + b" HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "target alone")
            same(answer_to(s, b"GET /" + b"k" * 3 * limit + b" HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "three times that")
            for count in 1, 7, limit // 128:
                same(answer_to(s, headers_head(limit, count)), 200, "%d headers at %d" % (count, limit))
                same(answer_to(s, headers_head(limit + 1, count)), 431, "%d headers beyond %d" % (count, limit))
                same(answer_to(s, headers_head(3 * limit, count)), 431, "%d headers, three times that" % count)


def heads_never_meet_silence():
    with Server() as s:
        for size in range(HEAD - 700, HEAD + 2200, 61):
            want = 404 if size <= HEAD else 431
            got = answer_to(s, target_head(size))
            assert got == want or size > HEAD and got in (414, 431), "target of %d: %r" % (size, got)
            got = answer_to(s, headers_head(size, 40))
            same(got, 200 if size <= HEAD else 431, "headers of %d" % size)


def a_long_target_that_is_redirected():
    with Server() as s:
        for n in 1000, 5000, 8000, HEAD - 200:
            for byte in b"k", b"\xc3":
                got = answer_to(s, b"GET //v2/keys/" + byte * n + b" HTTP/1.1\r\nHost: a\r\n\r\n")
                assert got in (301, 414), "%d of %r: %r" % (n, byte, got)


# ---- keys, forms, bodies


def keys():
    with Server("--max-head-bytes", "65536") as s:
        longest = "/" + "k" * (PATH - 1)
        same(s.ask("PUT", "/v2/keys" + longest, "value=x")[0], 201, "path at the limit")
        same(s.ask("PUT", "/v2/keys" + longest + "k", "value=x")[0], 414, "path beyond")
        same(s.ask("GET", "/v2/keys" + longest)[0], 200)
        same(s.ask("GET", "/v2/keys" + longest + "k?wait=true")[0], 414)
        encoded = "/" + "%6b" * (PATH - 1)
        same(s.ask("DELETE", "/v2/keys" + encoded)[0], 200, "it is the decoded path that counts")
        same(s.ask("POST", "/v2/keys" + longest, "value=x")[0], 201, "a name made below the longest path")

        deepest = "/d" * DEPTH
        same(s.ask("PUT", "/v2/keys" + deepest, "value=x")[0], 201, "depth at the limit")
        same(s.ask("PUT", "/v2/keys" + deepest + "/d", "value=x")[0], 414, "depth beyond")
        status, body = s.ask("GET", "/v2/keys/d?recursive=true")
        same(status, 200)
        assert b'"key":"%s"' % deepest.encode() in body, "the listing does not reach the deepest key"
        same(s.ask("DELETE", "/v2/keys/d?recursive=true")[0], 200)
        same(s.ask("PUT", "/v2/keys" + deepest, "dir=true")[0], 201)
        same(s.ask("POST", "/v2/keys" + deepest, "value=x")[0], 201, "a name made below the deepest directory")
        same(s.ask("GET", "/v2/keys/?recursive=true")[0], 200)


def parameters():
    with Server("--max-head-bytes", "65536") as s:
        path = "/v2/keys/p"
        same(s.ask("PUT", path, "a=b&" * (PARAMS - 1) + "value=v")[0], 201, "form at the limit")
        status, body = s.ask("PUT", path, "a=b&" * PARAMS + "value=v")
        same((status, error(body)), (400, (210, "too many parameters")), "form beyond")
        same(s.ask("GET", path + "?" + "a&" * PARAMS)[0], 200, "query at the limit")
        same(s.ask("GET", path + "?" + "a&" * (PARAMS + 1))[0], 400, "query beyond")
        half = "a=b&" * (PARAMS // 2)
        same(s.ask("PUT", path + "?" + half, half)[0], 200, "both at the limit")
        same(s.ask("PUT", path + "?" + half, half + "a")[0], 400, "both beyond")
        same(s.ask("PUT", path, "&" * 3 * PARAMS + "value=v")[0], 200, "nothing between two & is no parameter")


def bodies():
    with Server() as s:
        path, name = "/v2/keys/b", len("value=")
        status, body = s.ask("PUT", path, "value=" + "v" * (FORM - name))
        same(status, 201, "form at the limit")
        same(len(json.loads(body)["node"]["value"]), FORM - name)
        same(len(json.loads(s.ask("GET", path)[1])["node"]["value"]), FORM - name)
        status, body = s.ask("PUT", path, "value=" + "v" * (FORM - name + 1))
        same((status, error(body)), (400, (210, "http: POST too large")), "form beyond")

        # a body of any announced length is answered; it is read off up to a limit
        for length in DRAIN, DRAIN + 1, 10**12:
            head = b"PUT /v2/keys/b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % length + FORM_TYPE + b"\r\n"
            with s.connect() as c:
                c.sendall(head)
                if length == DRAIN:
                    c.sendall(b"v" * length)
                same(head_of(c)[0], 400, "a body of %d" % length)

        # one that announces no length is cut off
        with s.connect() as c:
            c.sendall(b"PUT /v2/keys/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + FORM_TYPE + b"\r\n")
            piece = b"10000\r\n" + b"v" * 65536 + b"\r\n"
            try:
                for _ in range(2 * DRAIN // 65536):
                    c.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            wait_for(lambda: ended(c), "an endless body is cut off")
        same(len(json.loads(s.ask("GET", path)[1])["node"]["value"]), FORM - name, "the key is as it was")


# ---- how many


def connections():
    count = 20
    with Server("--max-connections", str(count)) as s:
        open_ones = []
        # the connection that asked whether the server was ready may still be counted
        while len(open_ones) < count:
            c = s.connect()
            c.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
            if head_of(c)[0] == 200:
                open_ones.append(c)
            else:
                c.close()
        c = s.connect()
        same(head_of(c)[0], 503, "one beyond")
        wait_for(lambda: ended(c), "the refused connection ends")
        c.close()
        for c in open_ones:
            c.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
            same(head_of(c)[0], 200, "those within the limit")
        open_ones.pop().close()
        wait_for(lambda: s.is_ready(), "a place that was freed can be taken")
        for c in open_ones:
            c.close()


def connections_that_watch():
    """A watch keeps its place among the connections, whatever becomes of its socket, and gives it back once."""
    count = 8
    with Server("--max-connections", str(count)) as s:
        wait_for(lambda: s.descriptors() and s.is_ready(), "ready")
        writer = s.connect()

        def write():
            writer.sendall(b"PUT /v2/keys/w HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            status, headers, rest = head_of(writer)
            while len(rest) < int(headers["Content-Length"]):
                rest += writer.recv(4096)
            assert status in (200, 201)

        write()
        for _ in range(5):
            polls = []

            def fill():
                c = open_watch(s, "/w", "wait=true")
                if head_of(c)[0] == 200:
                    polls.append(c)
                else:
                    c.close()
                return len(polls) == count - 1

            wait_for(fill, "all places are taken")
            with s.connect() as c:
                same(head_of(c)[0], 503, "one beyond")
            for _ in range(3):  # each answered, then waiting again on the same connection
                write()
                for c in polls:
                    data = b""
                    while not data.endswith(b"0\r\n\r\n"):
                        data += c.recv(4096)
                    c.sendall(b"GET /v2/keys/w?wait=true HTTP/1.1\r\nHost: a\r\n\r\n")
                    same(head_of(c)[0], 200)
            with s.connect() as c:
                same(head_of(c)[0], 503, "still one beyond")
            for c in polls:
                c.close()
        writer.close()


def watchers():
    count = 5
    with Server("--max-watchers", str(count)) as s:
        open_ones = [open_watch(s, "/w") for _ in range(count)]
        for c in open_ones:
            same(head_of(c)[0], 200, "within the limit")
        for query in "wait=true", "wait=true&stream=true":
            status, body = s.ask("GET", "/v2/keys/w?" + query)
            same((status, error(body)), (503, (300, "etcdserver: too many watches")), "one beyond")
        with open_watch(s, "/w") as refused:
            status, headers, rest = head_of(refused)
            same(status, 503)
            while len(rest) < int(headers["Content-Length"]):
                rest += refused.recv(4096)
            refused.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
            same(head_of(refused)[0], 200, "the connection goes on")
        s.put("/w")
        for c in open_ones:
            assert b'"action":"set"' in c.recv(4096)
        open_ones.pop().close()

        def opens():
            c = open_watch(s, "/w")
            if head_of(c)[0] != 200:
                c.close()
                return False
            open_ones.append(c)
            return True

        wait_for(opens, "a place that was freed can be taken")
        for c in open_ones:
            c.close()


def history():
    """The index a watch may begin at: events and bytes, and always the newest event."""

    def first_of(s, index):
        status, body = s.ask("GET", "/v2/keys/h?wait=true&waitIndex=%d" % index)
        return error(body)[0] if status == 400 else json.loads(body)["node"]["modifiedIndex"]

    with Server("--history-events", "10") as s:
        last = [s.put("/h") for _ in range(12)][-1]
        same(first_of(s, last - 9), last - 9, "as many events as are kept")
        same(first_of(s, last - 10), 401, "one more")
    with Server("--history-bytes", "4096") as s:
        first = s.put("/h", "v" * 1000)
        second = s.put("/h", "v" * 1000)
        same(first_of(s, first), first, "both fit")
        third = s.put("/h", "v" * 1000)
        same(first_of(s, first), 401, "three do not")
        same(first_of(s, third), third)
        huge = s.put("/h", "v" * 10000)
        same(first_of(s, second), 401)
        same(first_of(s, huge), huge, "the newest is kept, however large")
    with Server("--history-bytes", "0") as s:
        first = s.put("/h", "v" * 100000)
        for _ in range(99):
            s.put("/h", "v" * 100000)
        same(first_of(s, first), first, "no bound in bytes")


# ---- slow clients


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


def watches_at_once():
    """Many ask at one moment, of all workers: no more get one than may."""
    count = 20
    with Server("--max-watchers", str(count)) as s:
        clients = [s.connect() for _ in range(10 * count)]
        for c in clients:
            c.sendall(b"GET /v2/keys/w?wait=true&stream=true HTTP/1.1\r\nHost: a\r\n\r\n")
        answers = [head_of(c)[0] for c in clients]
        assert set(answers) <= {200, 503} and 0 < answers.count(200) <= count, answers
        for c in clients:
            c.close()


def slow_readers():
    """A large listing, a large value and a watch whose clients stop reading, and a listing that is read in drops."""
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
        dropwise = s.connect(receive_bytes=4096)
        dropwise.sendall(b"GET /v2/keys/large?recursive=true HTTP/1.1\r\nHost: a\r\n\r\n")
        deaf = [open_watch(s, "/noise", receive_bytes=4096) for _ in range(3)]
        for c in deaf:
            same(head_of(c)[0], 200)
        listener = open_watch(s, "/noise")
        same(head_of(listener)[0], 200)
        heard = b""

        def all_cut():
            nonlocal heard
            s.put("/noise", "v" * 100000)
            try:
                dropwise.recv(50, socket.MSG_DONTWAIT)
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
        for c in deaf + [dropwise, listener]:
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


TESTS = [heads, heads_never_meet_silence, a_long_target_that_is_redirected, keys, parameters, bodies, connections,
         connections_that_watch, watchers, watches_at_once, history, halves_with_an_end, slow_requests, slow_readers, stuck_watches]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1:]))
