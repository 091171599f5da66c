#!/usr/bin/env python3
"""Watches that lose their connection: no change is missed, or it is said that some were. Also what becomes of the
programs that exec-watch runs, of who asks a server that hangs for its health, and of output that nobody takes. Standard library only; client and server are $COPSE, or src/copse."""
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlencode

from replay import Api, Failure, PATIENCE_S, Running, started

COPSE = os.path.abspath(os.environ.get("COPSE", "src/copse"))
WAITING = b"Waiting for the cluster to come back:"
LOST = b"are no longer known"


class Link:
    """Passes connections on to the server as long as it is up. Down, it refuses them, and its port stays its own."""

    def __init__(self, address):
        self.target, self.up = address, True
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.pairs, self.watches = [], 0
        self.changed = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with self.changed:
                if not self.up:
                    client.close()
                    continue
                server = socket.create_connection(self.target)
                self.pairs.append((client, server))
            threading.Thread(target=self.pass_on, args=(client, server), daemon=True).start()

    def pass_on(self, client, server):
        asked = False
        try:
            while True:
                for s in select.select([client, server], [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    asked = asked or (s is client and b"wait=true" in data)
                    (server if s is client else client).sendall(data)
                    if asked and s is server:
                        with self.changed:
                            self.watches += 1
                            self.changed.notify_all()
                        asked = False
        except (OSError, ValueError):
            return
        finally:
            for s in (client, server):
                s.close()

    def cut(self):
        """All connections break; new ones are closed at once until mend."""
        with self.changed:
            self.up = False
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def mend(self):
        with self.changed:
            self.up = True

    def await_watches(self, count, *others):
        """Until that many watches have been taken by the server, here and at the others."""
        end = time.monotonic() + PATIENCE_S
        while self.watches + sum(o.watches for o in others) < count:
            with self.changed:
                self.changed.wait(0.02)
            if time.monotonic() > end:
                raise Failure("no watch reached the server")

    def close(self):
        self.socket.close()
        self.cut()


class Bench:
    """A server, links to it, a client that is ended when the test is over."""

    def __init__(self, *flags):
        self.server = started(COPSE, *flags)
        if self.server is None:
            raise Failure("no server")
        self.api = Api(self.server.url)
        self.links, self.clients = [], []
        self.scratch = tempfile.mkdtemp(prefix="copse-ctl-resume-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.kill()
        for link in self.links:
            link.close()
        self.server.stop()
        os.rmdir(self.scratch)

    def link(self):
        self.links.append(Link(self.api.address))
        return self.links[-1]

    def client(self, endpoints, *words):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("ETCDCTL_", "COPSE_"))}
        client = Running([COPSE, "--no-sync", "--endpoints", ",".join(endpoints)] + list(words), env, self.scratch, None)
        self.clients.append(client)
        return client

    def set(self, key, *values):
        for value in values:
            self.api.ask("PUT", "/v2/keys" + key, urlencode({"value": value}))


def await_text(client, name, text):
    with client.grown:
        client.grown.wait_for(lambda: text in client.text[name] or client.process.poll() is not None, PATIENCE_S)


def expect(client, out, err=b"", status=0, sig=signal.SIGINT):
    """Waits for OUT, signals, compares everything."""
    client.await_lines(out.count(b"\n"), 0)
    client.process.send_signal(sig)
    got = client.finish()
    if got[0] != status or got[1] != out or (err not in got[2] if err else got[2] != b""):
        raise Failure("seen: %r\nwanted: %r" % (got, (status, out, err)))


def cut_between_changes():
    with Bench() as b:
        link = b.link()
        client = b.client([link.url], "watch", "--forever", "/k")
        link.await_watches(1)
        b.set("/k", "one")
        link.await_watches(2)
        link.cut()
        b.set("/other", "x")
        b.set("/k", "two", "three")
        await_text(client, "err", WAITING)
        link.mend()
        link.await_watches(3)
        b.set("/k", "four")
        expect(client, b"one\ntwo\nthree\nfour\n", WAITING)


def cut_before_the_first_change():
    with Bench() as b:
        link = b.link()
        b.set("/d/k", "before")
        client = b.client([link.url], "watch", "--forever", "--recursive", "/d")
        link.await_watches(1)
        link.cut()
        b.set("/d/k", "one", "two")
        await_text(client, "err", WAITING)
        link.mend()
        expect(client, b"[set] /d/k\none\n[set] /d/k\ntwo\n", WAITING)


def other_endpoint():
    with Bench() as b:
        links = [b.link(), b.link()]
        client = b.client([link.url for link in links], "watch", "--forever", "/k")
        links[0].await_watches(1, links[1])
        used = links[0] if links[0].watches > 0 else links[1]
        with used.changed:
            used.up = False
        b.set("/other", "x")
        used.cut()
        b.set("/k", "one", "two")
        expect(client, b"one\ntwo\n")


def other_endpoint_once():
    """A watch for one change resumes as well, where there is another endpoint."""
    with Bench() as b:
        links = [b.link(), b.link()]
        client = b.client([link.url for link in links], "watch", "/k")
        links[0].await_watches(1, links[1])
        used = links[0] if links[0].watches > 0 else links[1]
        used.cut()
        b.set("/k", "one")
        got = client.finish()
        if got != (0, b"one\n", b""):
            raise Failure("seen: %r" % (got,))


def only_endpoint_once():
    """A watch for one change ends with 4 where there is none, as the reference does."""
    with Bench() as b:
        link = b.link()
        client = b.client([link.url], "watch", "/k")
        link.await_watches(1)
        link.cut()
        got = client.finish()
        if got[:2] != (4, b"") or not got[2].startswith(b"Error:  client: etcd cluster is unavailable"):
            raise Failure("seen: %r" % (got,))


def history_does_not_reach():
    with Bench("--history-events", "10") as b:
        link = b.link()
        client = b.client([link.url], "watch", "--forever", "/k")
        link.await_watches(1)
        b.set("/k", "one")
        link.await_watches(2)
        link.cut()
        b.set("/k", "missed")
        b.set("/other", *map(str, range(20)))
        await_text(client, "err", WAITING)
        link.mend()
        await_text(client, "err", LOST)
        link.await_watches(4)  # one refused, one taken
        b.set("/k", "two")
        expect(client, b"one\ntwo\n", LOST)


def server_restarted():
    with Bench() as b:
        client = b.client([b.server.url], "watch", "--forever", "/k", "--after-index", str(b.api.index()))
        b.set("/k", "one")
        client.await_lines(1, 0)
        b.server.kill()
        await_text(client, "err", WAITING)
        b.server.start()
        if not b.server.wait():
            raise Failure("the server does not come back")
        b.set("/k", "two")
        expect(client, b"one\ntwo\n", WAITING)


def exec_watch_resumes():
    with Bench() as b:
        link = b.link()
        client = b.client([link.url], "exec-watch", "sh", "-c", "echo $ETCD_WATCH_ACTION $ETCD_WATCH_VALUE", "/k")
        link.await_watches(1)
        link.cut()
        b.set("/k", "one")
        await_text(client, "err", WAITING)
        link.mend()
        client.await_lines(1, 0)
        link.await_watches(2)
        b.set("/k", "two")
        expect(client, b"set one\nset two\n", WAITING)


def children_of(pid):
    """State of each."""
    found = {}
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as f:
            for child in f.read().split():
                try:
                    with open("/proc/%s/stat" % child, encoding="latin-1") as stat:
                        found[child] = stat.read().rpartition(")")[2].split()[0]
                except OSError:
                    pass
    return found


def programs_are_reaped():
    with Bench() as b:
        link = b.link()
        client = b.client([link.url], "exec-watch", "sh", "-c", "echo $ETCD_WATCH_VALUE", "/k")
        link.await_watches(1)
        for n in range(1, 11):
            b.set("/k", str(n))
            client.await_lines(n, 0)
        end = time.monotonic() + PATIENCE_S
        while children_of(client.process.pid):
            if time.monotonic() > end:
                raise Failure("left: %r" % children_of(client.process.pid))
            time.sleep(0.01)
        expect(client, b"".join(b"%d\n" % n for n in range(1, 11)))


def signal_is_passed_on(sig, status):
    with Bench() as b:
        link = b.link()
        name = sig.name[3:]
        program = "trap 'echo got %s; exit' %s; echo ready; while :; do sleep 0.05; done" % (name, name)
        client = b.client([link.url], "exec-watch", "sh", "-c", program, "/k")
        link.await_watches(1)
        b.set("/k", "one", "two")
        client.await_lines(2, 0)
        client.process.send_signal(sig)
        got = client.finish()  # to the end of its output, which the programs share
        if got[0] != status or sorted(got[1].splitlines()) != 2 * [b"got %s" % name.encode()] + 2 * [b"ready"] or got[2] != b"":
            raise Failure("seen: %r" % (got,))


def member_that_hangs():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = "http://127.0.0.1:%d" % silent.getsockname()[1]
        with Bench("--advertise-client-urls", url) as b:
            client = b.client([b.server.url], "--timeout", "3s", "cluster-health")  # enough for the one that answers
            got = client.finish()
    name = b"member 8e9e05c52164694d"
    wanted = b"failed to check the health of %s on U: Get \"U/health\": client: endpoint U exceeded header timeout\n" % name
    wanted += b"%s is unreachable: [U] are all unreachable\ncluster is unavailable\n" % name
    if got != (5, wanted.replace(b"U", url.encode()), b""):
        raise Failure("seen: %r" % (got,))


def output_that_is_lost():
    with Bench() as b, open("/dev/full", "wb") as full:
        b.set("/k", "one")
        for words in ("get", "/k"), ("ls", "/"), ("watch", "--forever", "--after-index", "1", "/k"), ("cluster-health", "--forever"):
            got = subprocess.run([COPSE, "--endpoints", b.server.url] + list(words), stdout=full, stderr=subprocess.PIPE,
                                 timeout=PATIENCE_S, check=False)
            if (got.returncode, got.stderr) != (1, b"copse: the output could not be written\n"):
                raise Failure("%s: %r" % (words[0], got))


CASES = [
    ("cut between two changes", cut_between_changes),
    ("cut before the first change", cut_before_the_first_change),
    ("another endpoint takes over", other_endpoint),
    ("another endpoint takes over a watch for one change", other_endpoint_once),
    ("a watch for one change with one endpoint", only_endpoint_once),
    ("the history does not reach", history_does_not_reach),
    ("the server is killed and comes back", server_restarted),
    ("exec-watch resumes", exec_watch_resumes),
    ("exec-watch reaps its programs", programs_are_reaped),
    ("exec-watch passes SIGTERM on", lambda: signal_is_passed_on(signal.SIGTERM, -signal.SIGTERM)),
    ("exec-watch passes SIGHUP on", lambda: signal_is_passed_on(signal.SIGHUP, -signal.SIGHUP)),
    ("a member that hangs is not well", member_that_hangs),
    ("output that is lost is told of", output_that_is_lost),
    ("exec-watch passes SIGINT on", lambda: signal_is_passed_on(signal.SIGINT, 0)),
]


def run(name, case, failed):
    try:
        case()
    except Exception as failure:  # pylint: disable=broad-except  # whatever it is, the case has not passed
        failed.append(name)
        print("FAIL %s: %r" % (name, failure))


def main():
    # Whoever runs the tests may ignore these (a job in the background, nohup), which programs would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if not os.access(COPSE, os.X_OK):
        print("no program at " + COPSE)
        return 77
    failed = []
    jobs = [threading.Thread(target=run, args=(name, case, failed)) for name, case in CASES]
    for at in range(0, len(jobs), 4):
        for job in jobs[at:at + 4]:
            job.start()
        for job in jobs[at:at + 4]:
            job.join()
    print("%d passed, %d failed" % (len(CASES) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
