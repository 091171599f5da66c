"""Workloads that would show a stall: snapshots, and many keys due at once."""
import calendar, glob, json, os, re, statistics, threading, time

from parts.keys import PUT
from parts.run import one_key
from parts.servers import NA, NOW, Node, rq, say
from parts.size import KEY64, fill


class Pause(threading.Thread):
    """When a snapshot of NODE is being written, and how much memory the node has then."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.over = node, threading.Event()
        self.begin = self.end = None
        self.memory = []  # (when, resident bytes)

    def run(self):
        known = set(self.finished())
        while not self.over.is_set():
            now = NOW()
            self.memory.append((now, self.node.stat()[1]))
            if self.begin is None and glob.glob(self.node.data + "/**/snap/*.tmp", recursive=True):
                self.begin = now
            if self.end is None and set(self.finished()) - known:
                self.end = now
                self.begin = self.begin or now
            time.sleep(0.01)

    def finished(self):
        return [p for p in glob.glob(self.node.data + "/**/snap/*", recursive=True) if not p.endswith(".tmp")]

    def resident(self, a, b):
        return [m for t, m in self.memory if a <= t <= b] or [0]


def w21(ctx, spec):
    """Writes before, during and after the one snapshot that falls due meanwhile: half as many as there can be, where a
    pause cannot be mistaken for a busy processor, and as many as there can be."""
    s = Node(ctx, spec).start()
    try:
        one_key(s)
        rate = int(ctx.load(s, PUT, secs=2.0, warm=0.3)["rps"])
    finally:
        s.drop()
    yield from one_snapshot(ctx, spec, "half speed", rate // 2, {"p": rate // 2})
    yield from one_snapshot(ctx, spec, "full speed", rate, {})


def one_snapshot(ctx, spec, label, rate, pace):
    n, before_s = ctx.a.pause_keys, 3.0
    label = f"{label}, {n} keys"
    s = Node(ctx, spec, extra=["--snapshot-count", str(int(n + rate * before_s))]).start()
    try:
        one_key(s)
        fill(ctx, s, n)
        time.sleep(1.0)
        p = Pause(s)
        p.start()
        r = ctx.load(s, PUT, secs=before_s * 4 + n / 30000, warm=0.3, **pace)
        p.over.set()
        p.join()
        if not p.begin or not p.end:
            raise NA("no snapshot was begun meanwhile" if not p.begin else "the snapshot was not done in time")
        parts = {"before": [], "during": [], "after": []}
        for i, count in enumerate(r["win"]):
            t = r["from_s"] + i / 10
            part = "before" if t + 0.1 <= p.begin else "after" if t >= p.end + 0.5 else "during"
            parts[part].append((count, r["slowest_us"][i]))
        average = sum(r["win"]) / len(r["win"])
        yield f"{label}: snapshot takes s", p.end - p.begin
        yield f"{label}: PUT 64 conns req/s", r["rps"]
        for part, wins in parts.items():
            counts = sorted(c for c, _ in wins)
            if not counts:
                raise NA(f"no 100 ms {part} the snapshot")
            mean = sum(counts) / len(counts)
            yield f"{label}: {part}: PUT req/s", 10 * mean
            yield f"{label}: {part}: fewest in 100 ms, % of the run's average, higher better %", 100 * counts[0] / average
            yield f"{label}: {part}: fewest in 1 s, % of the run's average, higher better %", 100 * min(
                sum(c for c, _ in wins[i:i + 10]) for i in range(max(1, len(wins) - 9))) / average / min(10, len(wins))
            yield f"{label}: {part}: PUT max ms", max(m for _, m in wins) / 1e3
        yield f"{label}: PUT p99.9 ms", r["p999_us"] / 1e3
        yield f"{label}: memory at its begin MiB", p.resident(p.begin - 0.1, p.begin)[-1] / 2**20
        yield f"{label}: most memory until 1 s after it MiB", max(p.resident(p.begin, p.end + 1)) / 2**20
        written = 10 * sum(c for c, _ in parts["during"]) / max(1, len(parts["during"])) * (p.end - p.begin)
        yield f"{label}: writes during it", written
    finally:
        s.drop()


def w9(ctx, spec):
    n, every = ctx.a.snap_keys, ctx.a.snap_every
    for label, count in ((f"snapshot each {every}", every), ("no snapshot", 1000000000)):
        s = Node(ctx, spec, extra=["--snapshot-count", str(count)]).start()
        try:
            one_key(s)
            fill(ctx, s, n)
            d = max(3.0, ctx.a.secs * 2)
            g = ctx.loader(s, "1 GET /v2/keys/k", conns=2, secs=d, warm=0.3)
            p = ctx.load(s, PUT, secs=d, warm=0.3)
            g = g()
            win = p["win"]
            yield f"{label}, {n} keys: PUT 64 conns req/s", p["rps"]
            yield f"{label}, {n} keys: fewest PUTs in 100 ms, as /s", min(win) * 10
            yield f"{label}, {n} keys: fewest in 100 ms, % of average, higher better %", 100 * min(win) / (sum(win) / len(win))
            yield f"{label}, {n} keys: PUT p99 ms", p["p99_us"] / 1e3
            yield f"{label}, {n} keys: PUT max ms", p["max_us"] / 1e3
            yield f"{label}, {n} keys: GET p99.9 ms", g["p999_us"] / 1e3
            yield f"{label}, {n} keys: GET max ms", g["max_us"] / 1e3
        finally:
            s.drop()
        if ctx.a.quick:
            break


def rfc3339(t):
    m = re.match(r"(\d+-\d+-\d+T\d+:\d+:\d+)(\.\d+)?(Z|[+-]\d\d:\d\d)$", t)
    if not m:
        raise NA(f"expiration {t!r}")
    z = 0 if m[3] == "Z" else (int(m[3][:3]) * 60 + int(m[3][0] + m[3][4:])) * 60
    return calendar.timegm(time.strptime(m[1], "%Y-%m-%dT%H:%M:%S")) + float(m[2] or 0) - z


def w11(ctx, spec):
    n = ctx.a.ttl_keys
    s = Node(ctx, spec).start()
    try:
        one_key(s)
        t = fill(ctx, s, 2000, "/probe")            # speed estimate
        dl = int(time.time() + n / max(t["rps"], 500) * 1.4 + 3) + 1
        try:
            base = json.loads(rq(s.port, "GET", "/v2/stats/store")[1])["expireCount"]
        except (ValueError, KeyError):
            base = None
        r = fill(ctx, s, n, "/t", more="&ttl=%T", D=dl)
        if time.time() > dl - 0.3:
            say(f"    note: loading ended {time.time() - dl:.1f} s after the deadline")
        late, bad = [], []

        def probe(i):
            k = KEY64.replace("%e", f"{i % 100:02d}").replace("%P", f"{i:020d}")
            try:
                st, body, _ = rq(s.port, "GET", f"/v2/keys/t{k}?wait=true", timeout=max(10, dl + 40 - time.time()))
                at = time.time()
                e = json.loads(body)
                if e["action"] != "expire":
                    raise ValueError(e["action"])
                late.append(at - rfc3339((e.get("prevNode") or e["node"])["expiration"]))
            except Exception as e:                  # counted, reported by the caller
                bad.append(str(e))
        probes = [threading.Thread(target=probe, args=(i * (n // 40),), daemon=True) for i in range(40)]
        for t in probes:
            t.start()
        time.sleep(max(0, dl - 0.5 - time.time()))
        g = ctx.loader(s, "1 GET /v2/keys/k", conns=2, secs=4, warm=0)
        p = ctx.loader(s, "1 PUT /v2/keys/k value=%v", conns=2, secs=4, warm=0)
        gone = None
        while base is not None and time.time() < dl + 40:
            if json.loads(rq(s.port, "GET", "/v2/stats/store")[1])["expireCount"] - base >= n:
                gone = time.time()
                break
            time.sleep(0.02)
        g, p = g(), p()
        for t in probes:
            t.join(max(0.1, dl + 45 - time.time()))
        if len(late) < 40:
            raise NA(f"{len(late)} of 40 watched keys expired {bad[:1]}")
        yield f"PUT with TTL 128 conns req/s", r["rps"]
        yield f"{n} keys due in 1 s: lateness p50 ms", statistics.median(late) * 1e3
        yield f"{n} keys due in 1 s: lateness max ms", max(late) * 1e3
        if gone:
            yield f"{n} keys due in 1 s: expired/s", n / (gone - dl)
            yield f"{n} keys due in 1 s: last one gone, late ms", max(0.0, gone - dl - 1) * 1e3
        yield f"{n} keys due in 1 s: GET max ms", g["max_us"] / 1e3
        yield f"{n} keys due in 1 s: PUT max ms", p["max_us"] / 1e3
    finally:
        s.drop()
