"""What the tests of this folder share that speak to a program of their own: the process, and HTTP
byte by byte. Standard library only."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from ports import free_port  # noqa: E402

PATIENCE_S = 60  # how long a condition may take to come true before a test fails


def wait_for(condition, what, patience_s=PATIENCE_S, pause_s=0.01):
    """Gives the first true value of condition(); its time is no part of what is tested."""
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain: " + what)
        time.sleep(pause_s)


class Server:
    """One member in a directory of its own; FLAGS are added to its command line. PREFIX: words before
    that; POPEN: for the process."""

    program = None  # the words of another one

    def __init__(self, *flags, prefix=(), **popen):
        program = self.program or (os.environ.get("COPSE") or sys.exit("COPSE names no program"), "serve")
        self.dir = tempfile.mkdtemp(prefix="copse-test-")
        self.log = open(os.path.join(self.dir, "log"), "w+b")
        self.port = free_port()
        self.peer_port = free_port()
        client, peer = "http://127.0.0.1:%d" % self.port, "http://127.0.0.1:%d" % self.peer_port
        self.process = subprocess.Popen(
            list(prefix) + list(program) + ["--data-dir", os.path.join(self.dir, "data"),
             "--listen-client-urls", client, "--advertise-client-urls", client,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", "default=" + peer] + list(flags),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **popen)

    def __enter__(self):
        wait_for(self.is_ready, "the server did not start")
        return self

    def __exit__(self, kind, *_):
        early = self.process.poll()
        if early is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code = self.process.returncode
        self.log.seek(0)
        text = self.log.read().decode("utf-8", "replace")
        self.log.close()
        shutil.rmtree(self.dir)
        if early is not None or code not in (0, -signal.SIGTERM):
            at = max(text.find("ERROR: "), 0)
            sys.stderr.write(text[at:at + 4000] if at else text[-4000:])
            raise AssertionError("the server ended with %d" % code)

    def is_ready(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError("the server ended: " + self.log.read().decode("utf-8", "replace"))
        try:
            return self.ask("GET", "/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def connect(self, patience_s=PATIENCE_S, receive_bytes=None):
        s = socket.socket()
        s.settimeout(patience_s)
        if receive_bytes:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        s.connect(("127.0.0.1", self.port))
        return s

    def ask(self, method, path, body=None, headers=None):
        """Status and body of one request on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            if isinstance(body, str):
                body = body.encode()
            if headers is None and body is not None:
                headers = {"Content-Type": "application/x-www-form-urlencoded"}
            conn.request(method, path, body, headers or {})
            answer = conn.getresponse()
            return answer.status, answer.read()
        finally:
            conn.close()

    def put(self, key, value="x"):
        status, body = self.ask("PUT", "/v2/keys" + key, "value=" + value)
        assert status in (200, 201), (status, body[:200])
        return json.loads(body)["node"]["modifiedIndex"]

    def index(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        conn.request("GET", "/v2/keys/")
        index = int(conn.getresponse().getheader("X-Etcd-Index"))
        conn.close()
        return index

    # ---- what the system says of the process

    def descriptors(self):
        """Of sockets: files come and go as the log wants them."""
        count = 0
        for name in os.listdir("/proc/%d/fd" % self.process.pid):
            try:
                count += os.readlink("/proc/%d/fd/%s" % (self.process.pid, name)).startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def resident_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def watchers(self):
        return json.loads(self.ask("GET", "/v2/stats/store")[1])["watchers"]


def head_of(s):
    """Reads one head off the socket: (status, headers, what came behind it); status None when the
    connection ended without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            part = s.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            part = b""
        if not part:
            return None, {}, data
        data += part
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, rest


def ended(s):
    """Has the other side ended the connection? Drops what comes before that."""
    try:
        while True:
            if not s.recv(65536, socket.MSG_DONTWAIT):
                return True
    except BlockingIOError:
        return False
    except (ConnectionResetError, BrokenPipeError):
        return True


def open_watch(server, path, query="wait=true&stream=true", **how):
    s = server.connect(**how)
    s.sendall(("GET /v2/keys%s?%s HTTP/1.1\r\nHost: a\r\n\r\n" % (path, query)).encode())
    return s


def run(tests, names):
    """Runs the functions of TESTS (all, or those named); gives the exit code."""
    failed = 0
    for test in tests:
        if names and test.__name__ not in names:
            continue
        begin = time.monotonic()
        try:
            test()
            print("ok   %s (%.1f s)" % (test.__name__, time.monotonic() - begin), flush=True)
        except (AssertionError, OSError, http.client.HTTPException) as e:
            failed += 1
            print("FAIL %s: %s" % (test.__name__, e or repr(e)), flush=True)
    return 1 if failed else 0
