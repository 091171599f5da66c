#!/usr/bin/env python3
"""HTTP at its edges: what is malformed, ambiguous or merely odd, byte by byte, and what happens to the answers around
it. As etcd 3.4 does, but for what doc/compat.md lists. $COPSE is the program. Standard library only.

  edges.py [NAME ...]    all tests, or those named
"""
import os
import re
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import Server, run

HOST = b"Host: a\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


def get(target, headers=HOST, method=b"GET", version=b"HTTP/1.1"):
    return method + b" " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def put(headers, body=b"", version=b"HTTP/1.1"):
    return get(b"/v2/keys/f", HOST + FORM + headers, b"PUT", version) + body


LAST = get(b"/version", HOST + b"Connection: close\r\n")


def answers(server, data, half=False):
    """All that comes until the end of the connection; a reset fails."""
    with server.connect() as s:
        s.sendall(data)
        if half:
            s.shutdown(socket.SHUT_WR)
        got = b""
        while part := s.recv(65536):
            got += part
        return got


def library():
    """Of libmicrohttpd: (0, 9, 75), (1, 0, 1), ..."""
    said = subprocess.run([os.environ["COPSE"], "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return tuple(int(n) for n in re.search(r"^libmicrohttpd ([0-9.]+)", said, re.M)[1].split("."))


NEWER = library() >= (1,)  # judges more by itself, in its own words (doc/compat.md)


def statuses(got):
    return [int(n) for n in re.findall(rb"HTTP/1\.[01] (\d+) ", got)]


def check(server, table, wanted, last=LAST):
    wrong = []
    for name, data in table:
        got = statuses(answers(server, data + last))
        if got != wanted:
            wrong.append("%s: %r" % (name, got))
    assert not wrong, "wanted %r, got %s" % (wanted, "; ".join(wrong))


def targets():
    with Server() as s:
        s.put("/a")
        check(s, [(t, get(t)) for t in (
            b"/v2/keys/a\x01b", b"/v2/keys/a\x7f", b"/v2/keys/a\tb", b"/v2/keys/a b", b"/v2/keys/a%", b"/v2/keys/a%zz",
            b"/v2/keys/?a=\x01", b"relative", b":/version", b"x://h?a", b"")], [400])
        check(s, [(t, get(t)) for t in (
            b"/v2/keys/a%00b", b"/v2/keys/n%2fb", b"/v2/keys/\xff", b"/version#f", b"/v2\\keys", b"ftp://x/nothing")], [404, 200])
        check(s, [(t, get(t)) for t in (
            b"http://x/v2/keys/a", b"http://u:p@x:99999/version", b"http:///version", b"/ver%73ion", b"/version")],
              [200, 200])
        check(s, [(t, get(t)) for t in (b"//version", b"/v2/keys/a/../b", b"/v2/keys/a/%2e%2e/b")], [301, 200])
        check(s, [("*", get(b"*"))], [400, 200])
        check(s, [("NUL", get(b"/v2/keys/a\0b"))], [] if NEWER else [400])


def methods():
    with Server() as s:
        for method in b"get", b"FOO", b"PATCH", b"TRACE", b"PRI", b"M" * 2000:
            check(s, [(method[:8], get(b"/v2/keys/", method=method)), (method[:8], get(b"/version", method=method))], [405, 200])
        check(s, [("G@T", get(b"/version", method=b"G@T"))], [400])
        check(s, [("OPTIONS", get(b"/v2/keys/", method=b"OPTIONS")), ("of all", get(b"*", method=b"OPTIONS"))], [200, 200])
        check(s, [("HEAD", get(b"/v2/keys/", method=b"HEAD")), ("with a body", get(b"/v2/keys/", HOST + b"Content-Length: 5\r\n", b"HEAD") + b"abcde")],
              [200, 200])
        check(s, [("HEAD nothing", get(b"/nothing", method=b"HEAD"))], [404, 200])
        # a single word is no request: the connection ends, with the answer to what came before
        assert statuses(answers(s, get(b"/version") + b"WORD\r\n\r\n")) == [200]


def hosts_and_headers():
    with Server() as s:
        for reason, headers in ((b": missing required Host header", (b"", b"X: Host\r\n")),
                                (b": too many Host headers", (HOST + HOST, HOST + b"hOST: b\r\n")),
                                (b": malformed Host header", (b"Host: a b\r\n", b"Host: a/b\r\n", b"Host: \xc3\xa4\r\n", b"Host: a\x01\r\n")),
                                (b": invalid header name", (HOST + b"X : v\r\n", HOST + b"X(y): v\r\n", HOST + b"X\xc3: v\r\n")),
                                (b": invalid header value", (HOST + b"X: a\x01b\r\n", HOST + b"X: \x7f\r\n"))):
            for h in headers:
                got = answers(s, get(b"/version", h) + LAST)
                own_words = NEWER and (b"Host: " not in h or b" :" in h)
                assert statuses(got) == [400] and (own_words or got.endswith(b"400 Bad Request" + reason)), (h, got)
        check(s, [(h, get(b"/version", h)) for h in (
            b"Host:\r\n", b"Host: [::1]:2379\r\n", HOST + b"X: \xff\t~\r\n", HOST + b"X: a\r\n b\r\n", HOST + b"X: v\r\n" * 150)], [200, 200])
        check(s, [("a bare CR", get(b"/version", HOST + b"X: a\rb\r\n"))], [200, 200] if NEWER else [400])
        check(s, [("no colon", get(b"/version", HOST + b"foo\r\n"))], [200, 200] if NEWER else [400])
        check(s, [("a NUL in a name", get(b"/version", HOST + b"X\0Y: v\r\n"))], [400])


def connections_that_end():
    with Server() as s:
        for h in b"close", b"x, Close", b"keep-alive\r\nConnection: close":
            check(s, [(h, get(b"/version", HOST + b"Connection: " + h + b"\r\n"))], [200])
        for h in b"keep-alive", b"Upgrade, HTTP2-Settings\r\nUpgrade: h2c", b"Upgrade\r\nUpgrade: websocket", b"x":
            check(s, [(h, get(b"/version", HOST + b"Connection: " + h + b"\r\n"))], [200, 200])
        old = b"HTTP/1.0"
        check(s, [("1.0", get(b"/version", b"", version=old)), ("two", get(b"/version", HOST, version=old))], [200])
        check(s, [("1.0 kept", get(b"/version", b"Connection: keep-alive\r\n", version=old))], [200, 200])
        check(s, [(v, get(b"/version", version=v)) for v in (b"HTTP/0.9", b"HTTP/2.0")], [505])
        check(s, [(v, get(b"/version", version=v)) for v in (b"http/1.1", b"HTTP/11", b"HTTP/1", b"")], [400])


def where_a_body_ends():
    """What one side takes for a body must not be a request to the other."""
    chunks = b"7\r\nvalue=1\r\n0\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    with Server() as s:
        s.put("/f")
        check(s, [("both", put(b"Content-Length: 5\r\n" + chunked, chunks)), ("both, turned", put(chunked + b"Content-Length: 5\r\n", chunks))],
              [200] if NEWER else [200, 200])
        check(s, [("two that agree", put(b"Content-Length: 7\r\nContent-Length: 7\r\n", b"value=1")),
                  ("CHUNKED", put(b"Transfer-Encoding: CHUNKED\r\n", chunks)), ("a trailer", put(chunked, chunks[:-2] + b"X: y\r\n\r\n")),
                  ("zeros", put(b"Content-Length: 07\r\n", b"value=1")), ("of GET", get(b"/version", HOST + b"Content-Length: 5\r\n") + b"abcde")],
              [200, 200])
        for coding in (b"identity", b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, identity", b"\x0bchunked", b"",
                       b"chunked\r\nTransfer-Encoding: chunked", b"identity\r\nTransfer-Encoding: chunked"):
            got = statuses(answers(s, put(b"Transfer-Encoding: " + coding + b"\r\n", chunks) + LAST))
            assert got == [501] or NEWER and got == [400], (coding, got)
        check(s, [("a blank", put(b"Transfer-Encoding: chunked \r\n", chunks))], [200, 200] if NEWER else [501])
        check(s, [("lengths", put(b"Content-Length: 7\r\nContent-Length: 8\r\n", b"value=1")), ("1.0", put(chunked, chunks, b"HTTP/1.0"))], [400])
        for length in b"7, 7", b"+7", b"-7", b"0x7", b"7a", b"18446744073709551616":
            got = statuses(answers(s, put(b"Content-Length: " + length + b"\r\n", b"value=1") + LAST))
            assert got and set(got) <= {400, 413}, (length, got)
        for size in b"-7", b"0x7", b"+7", b"", b"7 x", b"1ffffffffffffffff":
            got = statuses(answers(s, put(chunked, size + b"\r\nvalue=1\r\n0\r\n\r\n") + LAST))
            assert got in ([400], [413]), (size, got)
        assert statuses(answers(s, put(chunked, b"3\r\nvalue=1\r\n0\r\n\r\n"))) == [400]
        assert b'"value":"x"' not in answers(s, get(b"/v2/keys/f", HOST + b"Connection: close\r\n"))


def expectations():
    with Server() as s:
        s.put("/f")
        check(s, [("continue", put(b"Content-Length: 7\r\nExpect: 100-Continue\r\n", b"value=1"))],
              [200, 200] if NEWER else [100, 200, 200])  # who has sent the body already need not be told to
        check(s, [("of 1.0", put(b"Content-Length: 7\r\nExpect: 100-continue\r\n", b"value=1", b"HTTP/1.0"))], [200])
        check(s, [("another", put(b"Content-Length: 7\r\nExpect: foo\r\n", b"value=1"))], [417])
        check(s, [("too long", put(b"Content-Length: 70000000\r\nExpect: 100-continue\r\n"))], [400], b"")


def half_closed():
    with Server() as s:
        s.put("/f")
        assert statuses(answers(s, get(b"/version"), half=True)) == [200]
        assert statuses(answers(s, put(b"Content-Length: 7\r\n", b"value=1"), half=True)) == [200]
        assert statuses(answers(s, put(b"Content-Length: 70\r\n", b"value=1"), half=True)) == []
        assert len(statuses(answers(s, get(b"/v2/keys/w?wait=true"), half=True))) <= 1


def answers_before_what_is_malformed():
    """Each request before it has its answer, whole, however large it is and however much lies behind."""
    rest = b"x" * 300000
    bad = {
        "a version": b"GET / HTTP/9.9\r\n\r\n", "no colon": b"GET / HTTP/1.1\r\nfoo\r\n\r\n", "hosts": get(b"/", HOST + HOST),
        "too long": get(b"/" + b"k" * 40000), "a long header": get(b"/", HOST + b"X: " + b"v" * 40000 + b"\r\n"),
        "a length": put(b"Content-Length: x\r\n"), "a chunk": put(b"Transfer-Encoding: chunked\r\n", b"zz\r\n"),
        "a coding": put(b"Transfer-Encoding: gzip\r\n"), "a large body": put(b"Content-Length: 70000000\r\n"),
    }
    with Server() as s:
        s.put("/large", "v" * 3000000)
        s.put("/f")
        first = {"get": get(b"/v2/keys/large"), "write": put(b"Content-Length: 7\r\n", b"value=1"),
                 "quorum": get(b"/v2/keys/large?quorum=true"), "listing": get(b"/v2/keys/?recursive=true")}
        for before, request in first.items():
            for name, malformed in bad.items():
                with s.connect(receive_bytes=65536) as c:
                    c.sendall(request + malformed)
                    try:
                        c.sendall(rest)
                    except (BrokenPipeError, ConnectionResetError):
                        raise AssertionError("%s, then %s: reset" % (before, name)) from None
                    got = b""
                    while part := c.recv(1 << 20):
                        got += part
                where = "%s, then %s" % (before, name)
                assert statuses(got)[0] == 200 and statuses(got)[1] >= 400, (where, statuses(got))
                assert before == "write" or got.count(b"v") >= 3000000, where


TESTS = [targets, methods, hosts_and_headers, connections_that_end, where_a_body_ends, expectations, half_closed,
         answers_before_what_is_malformed]

if __name__ == "__main__":
    sys.exit(run(TESTS, sys.argv[1:]))
