"""Workloads of the key space on servers that stay up between them.

A workload yields (metric, value); the name of a metric tells which way is
better: names that end with "/s" or "%" are better high, the rest better low.
"""
import json, os, subprocess

from parts.run import one_key, thr
from parts.servers import HERE, NA, SRC2, Node, rq


def redis_bench(ctx, s, op, n, conns, what):
    c0 = s.stat()[0]
    out = subprocess.run(["redis-benchmark", "-h", "127.0.0.1", "-p", str(s.port), "-t", op, "-n", str(n), "-c",
                          str(conns), "-P", "1", "-d", "64", "-r", "1000", "--csv"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=True).stdout.decode()
    f = [x.strip('"') for x in out.strip().splitlines()[-1].split(",")]
    yield what + " req/s", float(f[1])
    yield what + " p50 us", float(f[4]) * 1e3
    yield what + " p99 us", float(f[6]) * 1e3
    yield what + " cpu us/op", (s.stat()[0] - c0) / n * 1e6


def w1(ctx, s):
    if s.spec.kind == "redis":
        yield from redis_bench(ctx, s, "get", int(60000 * ctx.a.secs), 64, "GET 64 conns")
        yield from redis_bench(ctx, s, "get", int(10000 * ctx.a.secs), 1, "GET 1 conn")
        return
    one_key(s)
    yield from thr(ctx.load(s, "1 GET /v2/keys/k"), "GET 64 conns")
    yield from thr(ctx.load(s, "1 GET /v2/keys/k", conns=1), "GET 1 conn")
    if s.spec.kind == "etcd":
        yield from thr(ctx.load(s, "1 GET /v2/keys/k?quorum=true"), "quorum GET 64 conns")


def w2(ctx, s):
    for n in ctx.a.dirs:
        file = os.path.join(ctx.scratch, f"body{n}")
        kinds = [("recursive", "recursive=true")]
        if s.spec.kind == "tool":                   # the limit answers the same bytes
            if not os.path.exists(file):
                raise NA("no listing of a server to answer with")
            node = Node(ctx, s.spec, extra=["-B", file]).start()
        else:
            node = s
            if n >= 10000 and not ctx.a.quick:
                kinds.append(("recursive sorted", "recursive=true&sorted=true"))
            if rq(s.port, "GET", f"/v2/keys/dir{n}/k{n-1}")[0] != 200:
                ctx.load(s, f"1 PUT /v2/keys/dir{n}/k%s value=%v", total=n)
            st, body, _ = rq(s.port, "GET", f"/v2/keys/dir{n}?recursive=true", timeout=30)
            try:
                got = len(json.loads(body)["node"]["nodes"])
            except (ValueError, KeyError, TypeError):
                got = -1
            if st != 200 or got != n:
                raise NA(f"listing of {n} keys: status {st}, {got} nodes")
            if not os.path.exists(file):
                with open(file, "wb") as f:
                    f.write(body)
        try:
            for what, q in kinds:
                r = ctx.load(node, f"1 GET /v2/keys/dir{n}?{q}", conns=8)
                yield from thr(r, f"GET {what} dir of {n}, 8 conns")
        finally:
            if node is not s:
                node.drop()


PUT = "1 PUT /v2/keys/b/%R value=%v"


def w3(ctx, s):
    if s.spec.kind == "redis":
        for c, n in ((64, 15000), (1, 1500), (256, 15000)):
            yield from redis_bench(ctx, s, "set", int(n * ctx.a.secs), c, "PUT 1 conn" if c == 1 else f"PUT {c} conns")
        return
    for c in (64, 1, 256):
        yield from thr(ctx.load(s, PUT, conns=c), "PUT 1 conn" if c == 1 else f"PUT {c} conns")


def w4(ctx, s):
    ctx.load(s, PUT, total=1000)
    yield from thr(ctx.load(s, ["9 GET /v2/keys/b/%r", "1 PUT /v2/keys/b/%r value=%v"]), "90/10 64 conns")


def w5(ctx, s):
    st, body, _ = rq(s.port, "POST", "/v2/keys/queue", "value=first")
    try:
        n = json.loads(body)["node"]
        good = st == 201 and int(n["key"].rsplit("/", 1)[1]) == n["createdIndex"]
    except (ValueError, KeyError):
        good = False
    if not good:
        raise NA(f"in-order POST answered {st} {body[:100]!r}")
    yield from thr(ctx.load(s, "1 POST /v2/keys/queue value=%v"), "POST in order 64 conns")
    rq(s.port, "DELETE", "/v2/keys/queue?recursive=true&dir=true", timeout=60)


def w6(ctx, s):
    n = ctx.a.watchers
    for mode in ("stream", "poll"):
        c0 = s.stat()[0]
        p = subprocess.run([ctx.tool("watch"), "fan", "-a", f"127.0.0.1:{s.port}", "-b", SRC2, "-n", str(n),
                            "-p", f"/v2/keys/fan{mode}", "-m", mode, "-d", str(ctx.a.secs)],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode:
            raise NA(f"watch ended with status {p.returncode}: {p.stderr.decode()[-200:].strip()}")
        r = json.loads(p.stdout)
        if r["dropped"] or r["late"] or not r["puts"]:
            raise NA(f"{mode}: {r['dropped']} watchers dropped, {r['late']} PUTs not seen by all in 10 s")
        c1 = s.stat()[0]
        what = f"{mode}, {n} watchers:"
        yield what + " delivered events/s", r["events_s"]
        yield what + " PUT to delivery p50 us", r["deliver_p50_us"]
        yield what + " PUT to delivery p99 us", r["deliver_p99_us"]
        yield what + " PUT to all p50 us", r["send_to_all_p50_us"]
        yield what + " cpu us/event (with set-up)", (c1 - c0) / (r["puts"] * n) * 1e6


def w15(ctx, s):
    st = rq(s.port, "PUT", "/v2/keys/cas", "value=0")[0]
    st2 = rq(s.port, "PUT", "/v2/keys/cas", "value=0&prevValue=other")[0]
    if st not in (200, 201) or st2 != 412:
        raise NA(f"compare-and-swap answered {st}, {st2}")
    r = ctx.load(s, [], conns=16, C="/v2/keys/cas")
    yield "CAS on one key 16 conns, won/s", r["cas_ok"] / r["secs"]
    yield "CAS on one key 16 conns, lost per won", r["cas_fail"] / max(1, r["cas_ok"])
    yield "CAS on one key 16 conns, cpu us/op", r["cpu_us"]


def wrk(ctx, s):
    one_key(s)
    d = str(max(1, int(ctx.a.secs)))
    for name, extra, path in (("GET", [], "/v2/keys/k"), ("PUT", ["-s", os.path.join(HERE, "load/put.lua")], "/")):
        out = subprocess.run(["wrk", "-t1", "-c64", f"-d{d}s"] + extra + [f"http://127.0.0.1:{s.port}{path}"],
                             stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
        yield f"wrk {name} 64 conns req/s", float(out.split("Requests/sec:")[1].split()[0])
