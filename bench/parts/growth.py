"""How cost grows: with keys in a directory, connections, watchers, and bytes of a value.

Each on one server of its own. Look along a series: "cpu us/op" should stay flat, or grow as the
logarithm of the number of keys.
"""
import json, select, socket, subprocess

from parts.keys import PUT
from parts.run import one_key
from parts.servers import NA, SRC2, Node


def cost(r, what):
    yield what + " req/s", r["rps"]
    yield what + " cpu us/op", r["cpu_us"]
    yield what + " p99 us", r["p99_us"]


def w17(ctx, spec):
    s = Node(ctx, spec).start()
    try:
        have = 0
        for n in ctx.a.growth_keys:
            if n >= 1000000 and ctx.round:
                continue
            ctx.load(s, "1 PUT /v2/keys/wide/%s value=%v", total=n - have, conns=128, s=have)
            have = n
            if n >= 100000:
                yield f"directory of {n}: RSS bytes/key", s.stat()[1] / n
            yield from cost(ctx.load(s, "1 GET /v2/keys/wide/%r", k=n), f"directory of {n}: GET one")
            yield from cost(ctx.load(s, "1 PUT /v2/keys/wide/%r value=%v", k=n), f"directory of {n}: PUT one")
    finally:
        s.drop()


def w18(ctx, spec):
    s = Node(ctx, spec).start()
    try:
        one_key(s)
        for c in (1, 4, 16, 64, 256, 1024):
            yield from cost(ctx.load(s, "1 GET /v2/keys/k", conns=c), f"{c} connections: GET")
            yield from cost(ctx.load(s, PUT, conns=c), f"{c} connections: PUT")
    finally:
        s.drop()


class Idle:
    """N long-poll watchers, each on a key of its own."""

    def __init__(self, ctx, s, n):
        self.p = subprocess.Popen([ctx.tool("watch"), "idle", "-a", f"127.0.0.1:{s.port}", "-b", SRC2, "-n", str(n),
                                   "-p", "/v2/keys/idle/%c?wait=true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not select.select([self.p.stdout], [], [], 60)[0] or not self.p.stdout.readline():
            self.end()
            raise NA("watchers not in place in 60 s")

    def end(self):
        if not self.p.stdin.closed:
            self.p.stdin.close()
        self.p.stdout.read()
        self.p.wait()


class Suspended:
    """N streams that stay with the HTTP library, as those over TLS do: an odd header keeps them there."""

    def __init__(self, s, n):
        self.all = []
        try:
            for i in range(n):
                c = socket.create_connection(("127.0.0.1", s.port), 10, (SRC2, 0))
                self.all.append(c)
                c.sendall(b"GET /v2/keys/idle/%d?wait=true&stream=true HTTP/1.1\r\nHost: x\r\nConnection: x\r\n\r\n" % i)
            for c in self.all:
                if not c.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise NA("a watch was refused")
        except (OSError, NA):
            self.end()
            raise

    def end(self):
        for c in self.all:
            c.close()


def w19(ctx, spec):
    s = Node(ctx, spec).start()
    try:
        one_key(s)
        for n in (1, 10, 100, 1000, ctx.a.idle):
            w = Idle(ctx, s, n)
            try:
                yield from cost(ctx.load(s, PUT), f"{n} idle watchers: PUT")
            finally:
                w.end()
        for n in (0, 1000, ctx.a.idle):
            w = Suspended(s, n)
            try:
                yield from cost(ctx.load(s, PUT), f"{n} suspended watchers: PUT")
                yield from cost(ctx.load(s, PUT, conns=1), f"{n} suspended watchers: PUT 1 conn")
            finally:
                w.end()
        for n in (1, 10, 100, 1000, 10000):
            if n > ctx.a.idle:
                continue
            p = subprocess.run([ctx.tool("watch"), "fan", "-a", f"127.0.0.1:{s.port}", "-b", SRC2, "-n", str(n),
                                "-p", "/v2/keys/fan", "-m", "stream", "-d", str(ctx.a.secs)], stdout=subprocess.PIPE)
            if p.returncode:
                raise NA(f"watch ended with status {p.returncode}")
            r = json.loads(p.stdout)
            yield f"{n} streams: delivered events/s", r["events_s"]
            yield f"{n} streams: PUT to delivery p99 us", r["deliver_p99_us"]
    finally:
        s.drop()


def w20(ctx, spec):
    s = Node(ctx, spec).start()
    try:
        for size in (16, 256, 4096, 65536, 1048576):
            conns = 64 if size < 65536 else 8
            kw = {"conns": conns, "V": size, "k": 16}
            r = ctx.load(s, "1 PUT /v2/keys/v/%R value=%v", **kw)
            yield from cost(r, f"value of {size} B: PUT")
            yield f"value of {size} B: PUT MB/s", r["rps"] * size / 1e6
            r = ctx.load(s, "1 GET /v2/keys/v/%R", **kw)
            yield from cost(r, f"value of {size} B: GET")
            yield f"value of {size} B: GET MB/s", r["rps"] * size / 1e6
    finally:
        s.drop()
