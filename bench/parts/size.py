"""Workloads about memory, disk, start and restart, on servers of their own."""
import json, os, select, signal, statistics, subprocess, time

from parts.run import one_key
from parts.keys import PUT
from parts.servers import NA, NOW, SRC2, Node, rq


def w7(ctx, spec):
    n = ctx.a.idle
    s = Node(ctx, spec).start()
    w = None
    try:
        one_key(s)
        before = ctx.load(s, PUT)
        time.sleep(1.0)
        rss0 = s.stat()[1]
        t0 = NOW()
        w = subprocess.Popen([ctx.tool("watch"), "idle", "-a", f"127.0.0.1:{s.port}", "-b", SRC2, "-n", str(n),
                              "-p", "/v2/keys/idle/%c?wait=true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not select.select([w.stdout], [], [], 60)[0] or not w.stdout.readline():
            raise NA("watchers not in place in 60 s")
        setup = NOW() - t0
        time.sleep(1.0)
        rss1, c0 = s.stat()[1], s.stat()[0]
        time.sleep(ctx.a.rest)
        idle_cpu = (s.stat()[0] - c0) / ctx.a.rest * 1000
        after = ctx.load(s, PUT)
        for i in range(20):                         # are they alive?
            rq(s.port, "PUT", f"/v2/keys/idle/{i * (n // 20)}", "value=v")
        time.sleep(0.2)
        w.stdin.close()
        out = json.loads(w.stdout.readline() or b"{}")
        if out.get("events") != 20:
            raise NA(f"20 of the idle watchers were due an event, {out.get('events')} came")
        yield f"{n} idle watchers: RSS bytes each", (rss1 - rss0) / n
        yield f"{n} idle watchers: set-up s", setup
        yield f"{n} idle watchers: idle cpu ms per s", idle_cpu
        yield f"{n} idle watchers: PUT 64 conns req/s", after["rps"]
        yield f"{n} idle watchers: PUT speed kept %", 100 * after["rps"] / before["rps"]
    finally:
        if w:
            w.stdin.close()
            try:
                w.wait(10)
            except subprocess.TimeoutExpired:
                w.kill()
                w.wait()
        s.drop()


# 64 bytes of key: "/m/", 2 digits, "/", 38 letters, 20 digits
KEY64 = "/m/%e/" + "k" * 38 + "%P"


def fill(ctx, s, n, dir="", first=0, more="", **kw):
    return ctx.load(s, f"1 PUT /v2/keys{dir}{KEY64} value=%v{more}", total=n, conns=128, s=first, V=256, **kw)


def disk_bytes(s):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(s.data) for f in fs if f != "log")


def filled(ctx, spec, n):
    """A node with n keys; w8 leaves its own, stopped, for w10."""
    s = ctx.filled.pop((spec.name, n), None)
    if s:
        s.start(timeout=300)
    else:
        s = Node(ctx, spec).start()
        one_key(s)
        fill(ctx, s, n)
    return s


def w8(ctx, spec):
    if spec.kind == "redis":
        n = ctx.a.keys[0]
        s = Node(ctx, spec).start()
        try:
            r0 = s.stat()[1]
            subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(s.port), "debug", "populate", str(n),
                            "k" * 57, "256"], stdout=subprocess.DEVNULL, timeout=120, check=True)
            yield f"{n} keys: RSS bytes/key", (s.stat()[1] - r0) / n
        finally:
            s.drop()
        return
    for n in ctx.a.keys:
        if n >= 1000000 and ctx.round:              # long: one round is enough
            continue
        s = Node(ctx, spec).start()
        kept = False
        try:
            one_key(s)
            time.sleep(0.5)
            r0 = s.stat()[1]
            r = fill(ctx, s, n)
            time.sleep(ctx.a.rest)
            c, rss, peak = s.stat()
            yield f"{n} keys: RSS bytes/key", (rss - r0) / n
            yield f"{n} keys: peak RSS MiB", peak / 2**20
            yield f"{n} keys: load 128 conns req/s", r["rps"]
            yield f"{n} keys: load cpu us/op", r["cpu_us"]
            yield f"{n} keys: bytes on disk per key", disk_bytes(s) / n
            if "w10" in ctx.a.work and not ctx.round:
                s.end()
                ctx.filled[spec.name, n] = s
                kept = True
        finally:
            if not kept:
                s.drop()


def w10(ctx, spec):
    for n in ctx.a.restart_keys:
        if n >= 1000000 and ctx.round:
            continue
        s = filled(ctx, spec, n)
        last = "/v2/keys" + KEY64.replace("%e", f"{(n - 1) % 100:02d}").replace("%P", f"{n - 1:020d}")
        try:
            s.wait_ready(path=last, timeout=10)
            for how, sig in (("after kill -9", signal.SIGKILL), ("after TERM", signal.SIGTERM)):
                t0 = NOW()
                s.end(sig)
                if sig == signal.SIGTERM:
                    yield f"{n} keys: time to stop s", NOW() - t0
                s.start(wait=False)
                t = s.wait_ready(300, path=last)
                t2 = s.wait_ready(300, method="PUT", path="/v2/keys/k", body="value=v")
                yield f"{n} keys: restart {how} to GET s", t
                yield f"{n} keys: restart {how} to PUT s", t2
        finally:
            s.drop()


def w14(ctx, spec):
    ts, tp, rss, cpu, exe = [], [], 0, 0, 0
    for i in range(3):
        s = Node(ctx, spec).start(wait=False)
        try:
            ts.append(s.wait_ready())
            tp.append(s.wait_ready(method="PUT", path="/v2/keys/k", body="value=v"))
            if i == 0:
                exe = os.path.getsize(f"/proc/{s.proc.pid}/exe")
                time.sleep(0.5)
                c0 = s.stat()[0]
                time.sleep(ctx.a.rest)
                c1, rss, _ = s.stat()
                cpu = (c1 - c0) / ctx.a.rest * 1000
        finally:
            s.drop()
    yield "binary MiB", exe / 2**20
    yield "start to first GET ms", statistics.median(ts) * 1e3
    yield "start to first PUT ms", statistics.median(tp) * 1e3
    yield "empty node: RSS MiB", rss / 2**20
    yield "empty node: idle cpu ms per s", cpu
