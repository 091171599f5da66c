"""Server processes to measure, the programs that measure them, and free ports."""
import ctypes, http.client, os, shlex, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SRC2 = "127.0.0.2"            # source address of load, away from server ports
CLK = os.sysconf("SC_CLK_TCK")
NOW = time.monotonic
LIBC = ctypes.CDLL(None)


def say(*a):
    print(*a, file=sys.stderr, flush=True)


def die_with_parent():
    LIBC.prctl(1, signal.SIGKILL)


class NA(Exception):
    """The server cannot do this workload."""


class NoStart(NA):
    """The server did not come up."""


class Tools:
    """Compiles the C programs on first use."""
    SRC = {
        "hload": ("load/hload.c", []),
        "watch": ("load/watch.c", []),
        "mhd_fixed": ("limits/mhd_fixed.c", ["-lmicrohttpd", "-lpthread"]),
        "epoll_fixed": ("limits/epoll_fixed.c", ["-lpthread"]),
        "disk": ("limits/disk.c", []),
    }

    def __init__(self, scratch):
        self.dir = os.path.join(scratch, "tools")
        os.makedirs(self.dir, exist_ok=True)

    def __call__(self, name):
        src, libs = self.SRC[name]
        src = os.path.join(HERE, src)
        out = os.path.join(self.dir, name)
        if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(src):
            r = subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", out, src] + libs,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if r.returncode:
                raise NA(f"cannot compile {name}: {r.stdout.decode()[-300:]}")
        return out


class Ports:
    """Free ports, from base up to base + 399."""

    def __init__(self, base):
        self.next, self.base = base, base

    def get(self):
        for _ in range(400):
            p, self.next = self.next, self.next + 1
            if self.next >= self.base + 400:
                self.next = self.base
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", p))
                return p
            except OSError:
                continue
            finally:
                s.close()
        raise SystemExit("bench: no free port")


def proc_stat(pid):
    """(cpu seconds, rss bytes, peak rss bytes) of a process."""
    with open(f"/proc/{pid}/stat") as f:
        p = f.read().rsplit(")", 1)[1].split()
    cpu = (int(p[11]) + int(p[12])) / CLK
    rss = peak = 0
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                rss = int(line.split()[1]) * 1024
            elif line.startswith("VmHWM:"):
                peak = int(line.split()[1]) * 1024
    return cpu, rss, peak


def rq(port, method, path, body=None, timeout=10.0, headers=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(SRC2, 0))
    try:
        h = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        h.update(headers or {})
        c.request(method, path, body, h)
        r = c.getresponse()
        return r.status, r.read(), r.headers
    finally:
        c.close()


class Node:
    """One server process."""

    def __init__(self, ctx, spec, name="n0", ports=None, extra=(), cluster=None):
        self.ctx, self.spec, self.name, self.extra = ctx, spec, name, list(extra)
        self.port, self.peer = ports or (ctx.ports.get(), ctx.ports.get())
        self.cluster = cluster
        self.data = tempfile.mkdtemp(prefix=f"{spec.name}-{name}-", dir=ctx.scratch)
        self.proc, self.races = None, 0

    def command(self):
        url, purl = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.peer}"
        cluster = self.cluster or f"{self.name}={purl}"
        flags = ["--name", self.name, "--data-dir", os.path.join(self.data, "d"),
                 "--listen-client-urls", url, "--advertise-client-urls", url,
                 "--listen-peer-urls", purl, "--initial-advertise-peer-urls", purl,
                 "--initial-cluster", cluster] + self.extra
        if "{" in self.spec.command:
            cmd = shlex.split(self.spec.command.format(
                port=self.port, client=url, peer=purl, peerport=self.peer, data=self.data,
                name=self.name, cluster=cluster, flags=" ".join(flags)))
            if self.spec.kind == "tool":
                cmd += self.extra
        else:
            cmd = shlex.split(self.spec.command) + flags
        if self.spec.kind == "tool":
            cmd[0] = self.ctx.tool(cmd[0])
        elif "/" in cmd[0]:
            cmd[0] = os.path.abspath(cmd[0])
        return cmd

    def start(self, wait=True, timeout=None):
        timeout = timeout or (10.0 if self.ctx.a.quick else 30.0)
        cmd = self.command()
        with open(os.path.join(self.data, "log"), "ab") as log:
            self.logpos = log.seek(0, 2)
            self.t0 = NOW()
            try:
                self.proc = subprocess.Popen(cmd, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                             cwd=self.data, preexec_fn=die_with_parent)
            except OSError as e:
                raise NoStart(f"cannot start: {e}")
        self.ctx.live.append(self)
        if wait:
            try:
                self.ready = self.wait_ready(timeout)
            except NA as e:
                self.drop()
                raise NoStart(str(e))
        return self

    def ping(self):
        with socket.create_connection(("127.0.0.1", self.port), 2.0) as s:
            s.sendall(b"PING\r\n")
            return s.recv(64).startswith(b"+PONG")

    def wait_ready(self, timeout=30.0, method="GET", path="/v2/keys/", body=None, ok=(200, 201)):
        end, last = NOW() + timeout, None
        while NOW() < end:
            if self.proc.poll() is not None:
                if b"in use" in self.log() and self.races < 5:      # someone took the port
                    self.races += 1
                    self.end()
                    if self.cluster:
                        time.sleep(0.5)
                    else:
                        self.port, self.peer = self.ctx.ports.get(), self.ctx.ports.get()
                    self.start(wait=False)
                    continue
                raise NA(f"server ended with status {self.proc.returncode}: {self.tail()}")
            try:
                if self.spec.kind == "redis":
                    if self.ping():
                        return NOW() - self.t0
                else:
                    last = rq(self.port, method, path, body, 5.0)[0]
                    if last in ok:
                        return NOW() - self.t0
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.002)
        raise NA(f"no good answer to {method} {path} in {timeout:.0f} s (last status {last})")

    def log(self):
        with open(os.path.join(self.data, "log"), "rb") as f:
            f.seek(self.logpos)
            return f.read()[-4000:]

    def tail(self):
        lines = self.log().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def up(self):
        return self.proc is not None and self.proc.poll() is None

    def stat(self):
        try:
            return proc_stat(self.proc.pid)
        except OSError:
            raise NA(f"server is gone: {self.tail()}")

    def end(self, sig=signal.SIGTERM):
        if self.up():
            self.proc.send_signal(sig)
            try:
                self.proc.wait(30)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        if self in self.ctx.live:
            self.ctx.live.remove(self)

    def drop(self):
        self.end(signal.SIGKILL)
        if not self.ctx.a.keep:
            shutil.rmtree(self.data, ignore_errors=True)


class Spec:
    """A server to measure; kind is etcd (speaks v2), tool (a limit) or redis."""

    def __init__(self, text, kind="etcd", only=None):
        self.name, sep, self.command = text.partition("=")
        if not sep or not self.command.strip():
            raise SystemExit(f"bench: {text!r} is not NAME=COMMAND")
        self.kind, self.only, self.nostart = kind, only, 0

    def does(self, w):
        return self.only is None or w in self.only
