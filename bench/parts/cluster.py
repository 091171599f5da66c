"""Three members: reads and writes through leader and follower, and the loss of a leader."""
import http.client, json, signal, threading, time

from parts.keys import PUT
from parts.run import one_key, thr
from parts.servers import NA, NOW, SRC2, Node, rq


class Cluster:
    def __init__(self, ctx, spec, n=3):
        ports = [(ctx.ports.get(), ctx.ports.get()) for _ in range(n)]
        text = ",".join(f"n{i}=http://127.0.0.1:{p[1]}" for i, p in enumerate(ports))
        self.nodes = [Node(ctx, spec, f"n{i}", p, cluster=text) for i, p in enumerate(ports)]
        try:
            for x in self.nodes:
                x.start(wait=False)
            for x in self.nodes:
                x.wait_ready(20)
            self.leader()
            self.nodes[0].wait_ready(20, method="PUT", path="/v2/keys/one", body="value=1")
            self.nodes[2].wait_ready(5, path="/v2/keys/one?quorum=true")
            self.nodes[1].wait_ready(5, path="/v2/keys/one?quorum=true")
        except Exception:
            self.drop()
            raise

    def leader(self, timeout=20, among=None):
        end = NOW() + timeout
        while NOW() < end:
            for x in among or self.nodes:
                try:
                    st = json.loads(rq(x.port, "GET", "/v2/stats/self", timeout=1.0)[1])
                    if st.get("state") == "StateLeader":
                        return x
                except (OSError, ValueError, http.client.HTTPException):
                    pass
            time.sleep(0.005)
        raise NA(f"no leader in {timeout} s")

    def drop(self):
        for x in self.nodes:
            x.drop()


def writer(port, stop, hits, lock):
    """Retries for ever with a short time limit; notes when a PUT was answered."""
    c = None
    while not stop.is_set():
        try:
            if c is None:
                c = http.client.HTTPConnection("127.0.0.1", port, timeout=0.3, source_address=(SRC2, 0))
            c.request("PUT", "/v2/keys/gap", "value=v", {"Content-Type": "application/x-www-form-urlencoded"})
            r = c.getresponse()
            r.read()
            if r.status < 300:
                with lock:
                    hits.append(NOW())
            time.sleep(0.005)
            if r.will_close:
                c.close()
                c = None
        except (OSError, http.client.HTTPException):
            if c:
                c.close()
            c = None
            time.sleep(0.005)


def w13(ctx, spec):
    cl = Cluster(ctx, spec)
    try:
        lead = cl.leader()
        fol = [x for x in cl.nodes if x is not lead][0]
        one_key(lead)
        for r in range(1 if ctx.a.quick else 2):
            for x, t in ((lead, "leader"), (fol, "follower")):
                yield from thr(ctx.load(x, PUT, cpu=cl.nodes), f"3 nodes: PUT 64 conns via {t}")
                yield from thr(ctx.load(x, "1 GET /v2/keys/k?quorum=true", cpu=cl.nodes), f"3 nodes: quorum GET 64 conns via {t}")
            yield from thr(ctx.load(lead, PUT, conns=1, cpu=cl.nodes), "3 nodes: PUT 1 conn via leader")
        time.sleep(1.0)
        c0 = sum(x.stat()[0] for x in cl.nodes)
        time.sleep(ctx.a.rest)
        yield "3 nodes: idle cpu ms per s, all three", (sum(x.stat()[0] for x in cl.nodes) - c0) / ctx.a.rest * 1000
        for r in range(ctx.a.kills):
            lead = cl.leader()
            rest = [x for x in cl.nodes if x is not lead]
            stop, hits, lock = threading.Event(), [], threading.Lock()
            ts = [threading.Thread(target=writer, args=(x.port, stop, hits, lock)) for x in rest]
            for t in ts:
                t.start()
            try:
                time.sleep(0.5)
                t0 = NOW()
                lead.end(signal.SIGKILL)
                cl.leader(among=rest)
                tl = NOW() - t0
                end = NOW() + 10
                while NOW() < end and not any(x > t0 + tl for x in list(hits)):
                    time.sleep(0.02)
            finally:
                stop.set()
                for t in ts:
                    t.join()
            h = sorted(x for x in hits if x > t0 - 0.4)
            if not h or h[-1] < t0 + tl:
                raise NA("no write in 10 s after the leader was killed")
            gap, at = max(((b - a, b) for a, b in zip(h, h[1:])), default=(h[-1] - t0, h[-1]))
            yield "3 nodes: leader killed, new leader s", tl
            yield "3 nodes: leader killed, first write s", max(0.0, at - t0)
            lead.start(wait=False)
            lead.wait_ready(30, method="PUT", path="/v2/keys/k", body="value=v")
            time.sleep(0.3)
    finally:
        cl.drop()
