#!/usr/bin/env python3
"""Each limit of doc/limits.md, at it and one beyond; those of time are in slow.py. $COPSE is the
program. Standard library only.

  limits.py [NAME ...]    all tests, or those named
"""
import contextlib
import json
import os
import socket
import sys

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

        # one that announces no length is answered while it comes; what comes then is read off
        for method, path, want in (("PUT", "/v2/keys/b", 400), ("POST", "/v2/auth/users/a", 413), ("GET", "/v2/keys/b", 413)):
            with s.connect() as c:
                c.sendall(b"%s %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" % (method.encode(), path.encode())
                          + FORM_TYPE + b"\r\n")
                piece = b"10000\r\n" + b"v" * 65536 + b"\r\n"
                for _ in range(2 * DRAIN // 65536):
                    c.sendall(piece)
                status, headers, rest = head_of(c)
                same((status, headers["Connection"]), (want, "close"), "an endless body of " + method)
                while part := c.recv(65536):  # no reset
                    rest += part
                if want == 400:
                    same((len(rest), error(rest)), (int(headers["Content-Length"]), (210, "http: POST too large")))
        same(len(json.loads(s.ask("GET", path)[1])["node"]["value"]), FORM - name, "the key is as it was")


def bodies_together():
    """What all clients send at a time has a bound: the one beyond it is told, and others are served."""
    if os.environ.get("COPSE_SANITIZE", "no") != "no":
        return  # which would take a GiB
    together, small, each = 268435456, 65536, FORM - 1000
    with Server() as s, contextlib.ExitStack() as stack:
        head = b"PUT /v2/keys/b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % FORM + FORM_TYPE + b"\r\nvalue="
        clients, piece = [], b"v" * (each - len("value="))
        for _ in range(together // each):
            c = stack.enter_context(s.connect())
            c.sendall(head + piece)
            clients.append(c)
        last = stack.enter_context(s.connect())
        last.sendall(head + piece)
        last.sendall(b"v" * 1000)
        same(s.ask("PUT", "/v2/keys/small", "value=" + "v" * (small - len("value=")))[0], 201, "a small one")
        status, _, rest = head_of(last)
        same((status, error(rest)), (503, (300, "etcdserver: too many requests")), "one beyond")
        clients[0].sendall(b"v" * 1000)
        assert head_of(clients[0])[0] in (200, 201), "within"
        for c in clients:
            c.close()
        wait_for(lambda: s.ask("PUT", "/v2/keys/b", "value=" + "v" * each)[0] == 200, "room again")


def replies_together():
    """What is kept for clients that do not read has the same bound. That they are cut is in slow.py."""
    if os.environ.get("COPSE_SANITIZE", "no") != "no":
        return
    together, each = 268435456, 3000000
    with Server() as s, contextlib.ExitStack() as stack:
        s.put("/escaped", "\x01" * each)  # six bytes of JSON each
        clients = []
        for _ in range(together // (6 * each)):
            c = stack.enter_context(s.connect(receive_bytes=4096))
            c.sendall(b"GET /v2/keys/escaped HTTP/1.1\r\nHost: a\r\n\r\n")
            same(c.recv(12, socket.MSG_WAITALL), b"HTTP/1.1 200", "within")
            clients.append(c)
        status, body = s.ask("GET", "/v2/keys/escaped")
        same((status, error(body)), (503, (300, "etcdserver: too many requests")), "one beyond")
        same(s.ask("GET", "/v2/keys/nothing")[0], 404, "a small one")
        for c in clients:
            c.close()
        wait_for(lambda: s.ask("GET", "/v2/keys/escaped")[0] == 200, "room again")
        # that clients go away while they are answered is nothing to warn of
        for _ in range(20):
            with s.connect() as c:
                c.sendall(b"GET /v2/keys/escaped HTTP/1.1\r\nHost: a\r\n\r\n")
                c.recv(100000)
        wait_for(lambda: s.ask("GET", "/v2/keys/escaped")[0] == 200, "room again")
        same(b"http.library" in os.pread(s.log.fileno(), 1 << 20, 0), False, "in the log")


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


TESTS = [heads, heads_never_meet_silence, a_long_target_that_is_redirected, keys, parameters, bodies, bodies_together, replies_together, connections,
         connections_that_watch, watchers, watches_at_once, history]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1:]))
