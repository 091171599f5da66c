"""A cluster of real processes: what the tests of this folder share that need more than one member. Standard library only."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import wait_for  # noqa: E402

# Most of a test is spent with waiting for leaders; half the usual time is still long for a loaded machine.
FAST = ["--heartbeat-interval", "50", "--election-timeout", "500"]
# No health of 5 s is waited for, unless a test is about that.
EASY = ["--strict-reconfig-check=false"]


def copse(*words):
    """Exit code and all output of the program."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ETCD", "COPSE_"))}
    r = subprocess.run([os.environ["COPSE"]] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, env=env, timeout=harness.PATIENCE_S)
    return r.returncode, r.stdout.decode("utf-8", "replace")


class Member:
    """One process, now and then; its data directory and ports stay."""
    program = os.environ.get("COPSE")

    def __init__(self, top, name):
        self.name = name
        self.data = os.path.join(top, name)
        self.log_path = os.path.join(top, name + ".log")
        self.client = "http://127.0.0.1:%d" % harness.free_port()
        self.peer = "http://127.0.0.1:%d" % harness.free_port()
        self.process = None

    def words(self, cluster, flags):
        return ["serve", "--name", self.name, "--data-dir", self.data, "--listen-client-urls", self.client,
                "--advertise-client-urls", self.client, "--listen-peer-urls", self.peer,
                "--initial-advertise-peer-urls", self.peer, "--initial-cluster", cluster] + FAST + list(flags)

    def start(self, cluster, *flags):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program] + self.words(cluster, flags), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def ask(self, method, path, body=None, json_body=False):
        """Status, headers, text."""
        kind = "application/json" if json_body else "application/x-www-form-urlencoded"
        conn = http.client.HTTPConnection(self.client[len("http://"):], timeout=harness.PATIENCE_S)
        try:
            conn.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = conn.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            conn.close()

    def try_ask(self, method, path, body=None):
        try:
            return self.ask(method, path, body)
        except (OSError, http.client.HTTPException):
            assert self.process.poll() is None, "%s ended: %s" % (self.name, self.log()[-2000:])
            return 0, {}, ""

    def is_healthy(self):
        return self.try_ask("GET", "/health")[0] == 200

    def index(self):
        return int(self.ask("GET", "/v2/keys/")[1]["X-Etcd-Index"])

    def members(self):
        return json.loads(self.ask("GET", "/v2/members")[2])["members"]

    def own_id(self):
        return json.loads(self.ask("GET", "/v2/stats/self")[2])["id"]

    def leader(self):
        status, _, text = self.try_ask("GET", "/v2/members/leader")
        return json.loads(text)["id"] if status == 200 else None

    def put(self, key, value):
        """Until it is taken: a leader may just be going."""
        wait_for(lambda: self.try_ask("PUT", "/v2/keys" + key, "value=" + value)[0] in (200, 201), "no write is taken")

    def get(self, key):
        status, _, text = self.try_ask("GET", "/v2/keys" + key)
        return json.loads(text)["node"]["value"] if status == 200 else None

    def has(self, key, value):
        wait_for(lambda: self.get(key) == value, "%s does not see %s=%s" % (self.name, key, value))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def ended(self):
        """Waits until it ends by itself; gives the exit code."""
        code = self.process.wait(harness.PATIENCE_S)
        self.process = None
        return code

    def stop(self):
        """The exit code after SIGTERM; None when it does not run."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.ended()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("%s does not end" % self.name)


class Group:
    """MEMBER: makes its members."""

    def __init__(self, n, *flags, member=Member):
        self.top = tempfile.mkdtemp(prefix="copse-group-")
        self.flags = list(flags) or EASY
        self.all = [member(self.top, "m%d" % (i + 1)) for i in range(n)]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        wrong = []
        for m in self.all:
            code = m.stop()
            if code not in (0, None):
                wrong.append("%s ended with %d: %s" % (m.name, code, m.log()[-3000:]))
            elif kind is not None:
                sys.stderr.write("---- %s\n%s\n" % (m.name, m.log()[-1500:] if os.path.exists(m.log_path) else ""))
        shutil.rmtree(self.top)
        if kind is None and wrong:
            raise AssertionError("\n".join(wrong))

    def cluster(self):
        return ",".join("%s=%s" % (m.name, m.peer) for m in self.all)

    def more(self):
        m = Member(self.top, "m%d" % (len(self.all) + 1))
        self.all.append(m)
        return m

    def start(self, *members):
        for m in members or self.all:
            m.start(self.cluster(), *self.flags)
        for m in members or self.all:
            wait_for(m.is_healthy, "%s finds no leader" % m.name)

    def add(self, through, m, *flags):
        """Adds M, a member that runs nowhere yet, by the command line, and starts it with what that prints."""
        code, text = copse("--endpoints", through.client, "member", "add", m.name, m.peer)
        assert code == 0 and "ETCD_INITIAL_CLUSTER_STATE=\"existing\"" in text, text
        cluster = text.split("ETCD_INITIAL_CLUSTER=\"")[1].split("\"")[0]
        m.start(cluster, "--initial-cluster-state", "existing", *(list(flags) or self.flags))
        wait_for(m.is_healthy, "%s finds no leader" % m.name)
        wait_for(lambda: any(x["name"] == m.name for x in through.members()), "%s has not published itself" % m.name)


def run(tests, names, jobs=4, args=()):
    """Calls the functions of TESTS (all, or those named) with ARGS, some side by side, since they mostly wait; prints "N
    passed, N failed" and gives the exit code."""
    left = [t for t in reversed(tests) if not names or t.__name__ in names]
    passed, failed = [], []

    def work():
        while True:
            try:
                test = left.pop()
            except IndexError:
                return
            begin = time.monotonic()
            try:
                test(*args)
                passed.append(test)
                sys.stdout.write("ok   %s (%.1f s)\n" % (test.__name__, time.monotonic() - begin))
            except Exception as e:  # pylint: disable=broad-except  # whatever it is, this has not passed
                failed.append(test)
                sys.stdout.write("%sFAIL %s: %s\n" % (traceback.format_exc(), test.__name__, e or repr(e)))
            sys.stdout.flush()
    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("%d passed, %d failed" % (len(passed), len(failed)))
    return 1 if failed or not passed else 0
