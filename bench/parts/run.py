"""One run of the benchmark: its directory, its servers, and load on them."""
import json, os, shutil, subprocess, tempfile, threading

from parts.servers import NA, SRC2, Ports, Tools, rq


class Ctx:
    def __init__(self, a):
        self.a = a
        top = a.scratch or tempfile.gettempdir()
        os.makedirs(top, exist_ok=True)
        self.top = os.path.join(top, "copse-bench")
        os.makedirs(self.top, exist_ok=True)
        self.tool = Tools(self.top)
        self.scratch = tempfile.mkdtemp(prefix="run-", dir=self.top)
        self.ports = Ports(a.port)
        self.live, self.up, self.filled, self.round = [], {}, {}, 0

    def load(self, node_or_ports, reqs, conns=64, secs=None, total=None, warm=0.3, cpu=None,
             strict=True, **kw):
        """Runs hload; adds cpu_us per request of the given nodes."""
        ports = node_or_ports if isinstance(node_or_ports, list) else [node_or_ports.port]
        nodes = cpu if cpu is not None else ([] if isinstance(node_or_ports, list) else [node_or_ports])
        cmd = [self.tool("hload"), "-a", ",".join(f"127.0.0.1:{p}" for p in ports), "-c", str(conns), "-b", SRC2]
        if total:
            cmd += ["-n", str(total)]
            kw.setdefault("X", 120 + total // 1000)
        else:
            cmd += ["-d", str(secs or self.a.secs), "-w", str(warm)]
        for k, v in kw.items():
            cmd += ["-" + k, str(v)]
        for r in [reqs] if isinstance(reqs, str) else reqs:
            cmd += ["-r", r]
        c0 = sum(n.stat()[0] for n in nodes)
        p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode:
            raise NA(f"load ended with status {p.returncode}: {p.stderr.decode()[-200:].strip()}")
        c1 = sum(n.stat()[0] for n in nodes)
        r = json.loads(p.stdout)
        span = r["secs"] + (0 if total else warm)
        n = r["done"] * span / r["secs"] if r["secs"] else 0
        r["cpu_us"] = (c1 - c0) / n * 1e6 if n else 0
        if not r["done"]:
            raise NA("no request was answered")
        if strict and "C" not in kw and r["errors"] + r["non2xx"] > r["done"] / 200:
            raise NA(f"{r['errors']} broken answers, statuses {r['status']}")
        return r

    def loader(self, node_or_ports, reqs, **kw):
        """Runs hload beside something else; returns a function that waits."""
        box = {}

        def go():
            try:
                box.update(self.load(node_or_ports, reqs, cpu=[], **kw))
            except Exception as e:      # handed over to the one who waits
                box["failed"] = e
        t = threading.Thread(target=go)
        t.start()

        def wait():
            t.join()
            if "failed" in box:
                raise NA(str(box["failed"]))
            return box
        return wait

    def close(self):
        for n in list(self.live):
            n.drop()
        if not self.a.keep:
            shutil.rmtree(self.scratch, ignore_errors=True)


def thr(r, what, lat=True):
    yield what + " req/s", r["rps"]
    if lat:
        yield what + " p50 us", r["p50_us"]
        yield what + " p99 us", r["p99_us"]
    if r["cpu_us"]:
        yield what + " cpu us/op", r["cpu_us"]


def one_key(s):
    if s.spec.kind != "tool":
        st = rq(s.port, "PUT", "/v2/keys/k", "value=v")[0]
        if st not in (200, 201):
            raise NA(f"PUT answered {st}")
