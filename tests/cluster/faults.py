#!/usr/bin/env python3
"""Clusters of real processes under load: members killed, stopped, cut off and restarted. What was acknowledged must be
there, and every register's history linearizable (tests/lib/linear.py).

  COPSE=src/copse faults.py [--full] [--seed N] [NAME ...]

--full: all of them and longer, and 20 kills of the leader with the time to the first acknowledged write. A NAME runs that
test alone. Prints the seed and "N passed, N failed". Standard library only.
"""
import argparse
import glob
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "api")]
sys.dont_write_bytecode = True
import group  # noqa: E402
from group import FAST  # noqa: E402
from harness import wait_for  # noqa: E402
from linear import Op, is_linearizable  # noqa: E402
from ports import free_port  # noqa: E402
from proxy import Proxy  # noqa: E402

USUAL = ["--heartbeat-interval", "100", "--election-timeout", "1000"]
REGISTERS = 4
CLIENTS = 4


def call(port, method, path, form=None, timeout=20):
    """(status, JSON or None); FORM: fields, or a text, which is JSON. Raises OSError and http.client.HTTPException."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        kind = "application/json" if isinstance(form, str) else "application/x-www-form-urlencoded"
        body = urllib.parse.urlencode(form) if isinstance(form, dict) else form
        c.request(method, path, body, {"Content-Type": kind} if body else {})
        r = c.getresponse()
        text = r.read()
        return r.status, json.loads(text) if text[:1] in (b"{", b"[") else None
    finally:
        c.close()


class Member:
    def __init__(self, cluster, i, proxied):
        self.cluster, self.name, self.program = cluster, "m%d" % i, os.environ["COPSE"]
        self.joins = []  # flags of one that is added to the cluster
        self.port, self.peer_port = free_port(), free_port()
        self.url_port = free_port() if proxied else self.peer_port
        self.proxy = Proxy(self.url_port, self.peer_port) if proxied else None
        self.dir = os.path.join(cluster.dir, self.name)
        os.mkdir(self.dir)
        self.process = None

    def peer(self):
        return "http://127.0.0.1:%d" % self.url_port

    def start(self):
        client, peer = "http://127.0.0.1:%d" % self.port, self.peer()
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--name", self.name, "--data-dir", os.path.join(self.dir, "data"),
                 "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--listen-peer-urls", "http://127.0.0.1:%d" % self.peer_port, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", self.cluster.initial()] + self.cluster.flags + self.joins,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        assert code == 0, "%s ended with %d" % (self.name, code)

    def signal(self, number):
        self.process.send_signal(number)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def ask(self, path, timeout=2):
        try:
            status, body = call(self.port, "GET", path, timeout=timeout)
            return body if status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def log(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def leads(self):
        body = self.ask("/v2/stats/self", 1)
        return body is not None and body.get("state") == "StateLeader"

    def id(self):
        return wait_for(lambda: self.ask("/v2/stats/self"), "its id")["id"]


class Cluster:
    def __init__(self, n, proxied=False, flags=()):
        self.dir = tempfile.mkdtemp(prefix="copse-faults-")
        self.flags = FAST + list(flags)
        self.named = n
        self.members = [Member(self, i + 1, proxied) for i in range(n)]

    def initial(self):
        return ",".join("%s=%s" % (m.name, m.peer()) for m in self.members)

    def replace(self, dead):
        """Another member in the place of one that will not come back, as it is done by hand."""
        id_of_dead = dead.id()
        dead.kill()
        shutil.rmtree(os.path.join(dead.dir, "data"))
        self.members.remove(dead)
        self.named += 1
        new = Member(self, self.named, False)
        new.joins = ["--initial-cluster-state", "existing"]
        for method, path, body, good in (("DELETE", "/v2/members/" + id_of_dead, None, 204),
                                         ("POST", "/v2/members", json.dumps({"peerURLs": [new.peer()]}), 201)):
            wait_for(lambda m=method, p=path, b=body, g=good: self.changes(m, p, b, g), method + " of a member")
        self.members.append(new)
        new.start()
        # Until it votes another loss would be one too many.
        added, votes = "by=add member=" + new.id(), "members.quorum voters=%d standbys=0" % len(self.members)
        wait_for(lambda: all(votes in m.log().rpartition(added)[2] for m in self.members if m is not new), new.name + " as a voter")
        return new

    def changes(self, method, path, body, good):
        """False while nobody leads who could do it, or the answer was lost; a removal may have been done before."""
        try:
            status, _ = call(self.members[0].port, method, path, body)
        except (OSError, http.client.HTTPException):
            return False
        return status == good or method == "DELETE" and status == 410 or method == "POST" and status == 409

    def __enter__(self):
        for m in self.members:
            m.start()
        self.wait_ready()
        return self

    def __exit__(self, kind, *_):
        for m in self.members:
            if m.is_running():
                m.signal(signal.SIGCONT)
                m.kill()
            if m.proxy:
                m.proxy.stop()
        if kind is not None:
            for m in self.members:
                with open(os.path.join(m.dir, "log"), errors="replace") as f:
                    print("---- %s (%d)\n%s" % (m.name, m.port, "".join(f.readlines()[-25:])), file=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)

    def wait_ready(self):
        """Every running member takes writes."""
        for m in self.members:
            if m.is_running():
                wait_for(lambda m=m: self.writes(m), "a write through " + m.name)

    @staticmethod
    def writes(m):
        assert m.is_running(), m.name + " has ended"
        try:
            return call(m.port, "PUT", "/v2/keys/ready", {"value": m.name})[0] in (200, 201)
        except (OSError, http.client.HTTPException):
            return False

    def leader(self, among=None):
        return wait_for(lambda: next((m for m in among or self.members if m.is_running() and m.leads()), None), "a leader")

    def wait_same(self):
        """All members come to the same state. Gives it."""
        def same():
            states = [m.ask("/v2/keys/r?recursive=true&sorted=true", 10) for m in self.members if m.is_running()]
            return states[0] if states and states[0] and all(s == states[0] for s in states) else None
        return wait_for(same, "the same state everywhere")


class Load:
    """Clients that write, read and swap unique values in a few registers, through members by chance."""

    def __init__(self, cluster, seed):
        self.cluster, self.seed = cluster, seed
        self.lock = threading.Lock()
        self.ops = {}
        self.written = 0
        self.newest = 0  # when the newest of the acknowledged writes began
        self.kept = []  # keys of their own that were acknowledged
        self.ended = False
        self.targets = list(cluster.members)
        self.threads = [threading.Thread(target=self._client, args=(i,), daemon=True) for i in range(CLIENTS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        self.wait_writes(10)
        return self

    def __exit__(self, *_):
        self.ended = True
        for t in self.threads:
            t.join(60)

    def wait_writes(self, n):
        """N more acknowledged writes."""
        goal = self.written + n
        wait_for(lambda: self.written >= goal, "%d acknowledged writes" % n)

    def time_to_write(self):
        """Seconds until a write is acknowledged that begins from now on."""
        begin = time.monotonic()
        wait_for(lambda: self.newest >= begin, "an acknowledged write", pause_s=0.001)
        return time.monotonic() - begin

    def _note(self, register, op, acknowledged):
        with self.lock:
            self.ops.setdefault(register, []).append(op)
            self._acknowledged(op.call, acknowledged)

    def _acknowledged(self, begin, n=1):
        self.written += n
        self.newest = max(self.newest, begin if n else 0)

    def _client(self, number):
        draw = random.Random("%d %d" % (self.seed, number))
        seen, serial = {}, 0
        while not self.ended:
            register = "r%d" % draw.randrange(REGISTERS)
            m = draw.choice(self.targets)
            kind = draw.choice(("write", "write", "read", "swap"))
            old = seen.get(register)
            serial += 1
            value = "%d.%d" % (number, serial)
            if kind == "swap" and old is None:
                kind = "read"
            if serial % 5 == 0:
                self._keep(m, value)
            else:
                self._one(register, m, kind, value, old, seen)
            time.sleep(draw.random() * 0.004)

    def _keep(self, m, value):
        """A key that nobody else writes."""
        begin = time.monotonic()
        try:
            status, _ = call(m.port, "PUT", "/v2/keys/kept/" + value, {"value": value})
        except (OSError, http.client.HTTPException, ValueError):
            return
        if status == 201:
            with self.lock:
                self.kept.append(value)
                self._acknowledged(begin)

    def _one(self, register, m, kind, value, old, seen):
        path = "/v2/keys/r/" + register
        form = {"write": {"value": value}, "swap": {"value": value, "prevValue": old}}.get(kind)
        begin = time.monotonic()
        try:
            status, body = call(m.port, "PUT" if form else "GET", path if form else path + "?quorum=true", form)
        except ConnectionRefusedError:
            time.sleep(0.005)  # certainly not there
            return
        except (OSError, http.client.HTTPException, ValueError):
            status, body = 0, None
        end = time.monotonic()
        if kind == "read":
            if status == 200 or status == 404 and body:
                found = body["node"]["value"] if status == 200 else None
                seen[register] = found
                self._note(register, Op(begin, end, "read", found), 0)
        elif status in (200, 201):
            seen[register] = value
            self._note(register, Op(begin, end, kind, value, old if kind == "swap" else None), 1)
        elif kind == "swap" and status == 412:
            seen.pop(register, None)
            self._note(register, Op(begin, end, "refused", old), 0)
        elif kind == "swap":
            # A swap that nobody knows of could only have been a write of this value at its moment.
            self._note(register, Op(begin, None, "swap", value, old), 0)
        else:
            self._note(register, Op(begin, None, "write", value), 0)

    def check(self):
        """After the end: what is there now belongs to the histories as a last read."""
        for m in self.cluster.members:
            if m.is_running():  # quorum: what others were told may still be on its way to this one
                there = wait_for(lambda m=m: m.ask("/v2/keys/kept?quorum=true", 60), "what is kept")["node"]["nodes"]
                lost = set(self.kept) - {n["value"] for n in there}
                assert not lost, "%s has lost %d of %d, seed %d: %s" % (m.name, len(lost), len(self.kept), self.seed, sorted(lost)[:9])
        state = self.cluster.wait_same()
        now = {n["key"].rsplit("/", 1)[1]: n["value"] for n in state["node"].get("nodes", ())}
        at = time.monotonic()
        for register, ops in sorted(self.ops.items()):
            ops.append(Op(at, at + 1, "read", now.get(register)))
            assert is_linearizable(ops), "register %s: not linearizable, seed %d:\n%s" % (
                register, self.seed, "\n".join(map(str, sorted(ops))))


def under_load(cluster, seed, disturb, *args):
    with Load(cluster, seed) as load:
        disturb(cluster, load, *args)
        cluster.wait_ready()
        load.wait_writes(20)
    load.check()
    return load


# ---- what is done to them ----

def leader_first(cluster):
    leader = cluster.leader()
    return [leader] + [m for m in cluster.members if m is not leader]


def kill(cluster, load, times, which):
    """WHICH: a slice of the members, the leader first."""
    for _ in range(times):
        gone = leader_first(cluster)[which]
        for m in gone:
            m.kill()
        load.wait_writes(20)
        for m in gone:
            m.start()
        cluster.wait_ready()


def freeze_leader(cluster, load, times):
    for _ in range(times):
        leader, *others = leader_first(cluster)
        leader.signal(signal.SIGSTOP)
        load.targets = others
        cluster.leader(others)
        load.wait_writes(20)
        leader.signal(signal.SIGCONT)
        load.targets = cluster.members
        load.wait_writes(20)


def heal(cluster, load):
    """All hear each other again, and all are asked."""
    load.targets = cluster.members
    for m in cluster.members:
        m.proxy.heal()
    cluster.wait_ready()


def cut_leader(cluster, load, times):
    for _ in range(times):
        leader, *others = leader_first(cluster)
        leader.proxy.cut()
        for m in others:
            m.proxy.cut(leader.id())
        cluster.leader(others)
        load.targets = others
        load.wait_writes(20)
        heal(cluster, load)


def cut_one_way(cluster, load, times):
    """The leader is not heard by one member, but hears it."""
    for _ in range(times):
        leader, deaf, *others = leader_first(cluster)
        deaf.proxy.cut(leader.id())
        load.targets = [leader] + others
        load.wait_writes(50)
        heal(cluster, load)


def cut_in_two(cluster, load, times):
    """The leader and one more on one side, three on the other."""
    for _ in range(times):
        members = leader_first(cluster)
        few, many = members[:2], members[2:]
        ids = {m: m.id() for m in members}
        for here, there in ((few, many), (many, few)):
            for m in here:
                m.proxy.cut(*(ids[x] for x in there))
        load.targets = many
        cluster.leader(many)
        load.wait_writes(20)
        heal(cluster, load)


def upgrade(cluster, load, times):
    """Each is stopped and comes back as another file of the program, as a package leaves it."""
    for i in range(times):
        program = os.path.join(cluster.dir, "copse-%d" % i)
        shutil.copy(os.environ["COPSE"], program)
        for m in cluster.members:
            m.stop()
            m.program = program
            load.wait_writes(5)
            m.start()
            cluster.wait_ready()


def replace(cluster, load, times):
    """Every member is lost and another takes its place, the leader first."""
    for _ in range(times):
        old = sorted(cluster.members, key=lambda m: not m.leads())
        for m in old:
            load.targets = [x for x in cluster.members if x is not m]
            cluster.replace(m)
            load.targets = list(cluster.members)
            load.wait_writes(20)
            cluster.wait_ready()


# ---- tests ----

def leaders_are_killed(seed, full):
    with Cluster(3) as c:
        under_load(c, seed, kill, 5 if full else 1, slice(1))


def followers_are_killed(seed, full):
    with Cluster(3) as c:
        under_load(c, seed, kill, 5 if full else 1, slice(1, 2))


def a_leader_is_frozen(seed, full):
    with Cluster(3) as c:
        under_load(c, seed, freeze_leader, 5 if full else 1)


def a_leader_is_cut_off(seed, full):
    with Cluster(3, proxied=True) as c:
        under_load(c, seed, cut_leader, 5 if full else 1)


def one_direction_is_cut(seed, full):
    with Cluster(3, proxied=True) as c:
        under_load(c, seed, cut_one_way, 5 if full else 1)


def upgrades_roll(seed, full):
    with Cluster(3) as c:
        under_load(c, seed, upgrade, 3 if full else 1)


def members_are_replaced(seed, full):
    with Cluster(3, flags=["--strict-reconfig-check=false"]) as c:
        under_load(c, seed, replace, 1)


def five_are_cut_in_two(seed, full):
    with Cluster(5, proxied=True) as c:
        under_load(c, seed, cut_in_two, 3 if full else 1)


def two_of_five_are_killed(seed, full):
    with Cluster(5) as c:
        under_load(c, seed, kill, 3 if full else 1, slice(2))


def a_lagging_member_gets_a_snapshot(seed, full):
    """Down while more is written than the others keep."""
    def disturb(cluster, load):
        leader, late = leader_first(cluster)[:2]
        late.kill()
        for i in range(600):
            assert call(leader.port, "PUT", "/v2/keys/fill/%d" % (i % 50), {"value": "x" * 1000})[0] in (200, 201)
        load.wait_writes(20)
        late.start()
        cluster.wait_ready()

    with Cluster(3, flags=["--snapshot-count", "100"]) as c:
        under_load(c, seed, disturb)


def any_order_of_start_and_stop(seed, full):
    draw = random.Random(seed)
    cluster = Cluster(3)
    for m in cluster.members[:1]:  # alone: it waits
        m.start()
    wait_for(lambda: cluster.members[0].ask("/version"), "a lonely member that answers")
    assert cluster.members[0].ask("/health") is None
    with cluster_of(cluster, cluster.members[1:]):
        assert call(cluster.members[0].port, "PUT", "/v2/keys/r/a", {"value": "1"})[0] == 201
        for _ in range(3 if full else 1):
            order = draw.sample(cluster.members, 3)
            for m in order:
                m.stop()
            for m in draw.sample(order, 3):
                m.start()
            cluster.wait_ready()
            assert cluster.wait_same()["node"]["nodes"][0]["value"] == "1"


class cluster_of:
    """Starts the rest, and ends all."""

    def __init__(self, cluster, rest):
        self.cluster, self.rest = cluster, rest

    def __enter__(self):
        for m in self.rest:
            m.start()
        self.cluster.wait_ready()

    def __exit__(self, *what):
        self.cluster.__exit__(*what)


def without_quorum_nothing_is_written(seed, full):
    with Cluster(3) as c:
        call(c.members[0].port, "PUT", "/v2/keys/r/a", {"value": "1"})
        for m in c.members[1:]:
            m.kill()
        status, body = call(c.members[0].port, "PUT", "/v2/keys/r/a", {"value": "2"}, timeout=60)
        assert (status, body["errorCode"]) == (500, 300), (status, body)
        assert call(c.members[0].port, "GET", "/v2/keys/r/a")[1]["node"]["value"] == "1"
        for m in c.members[1:]:
            m.start()
        c.wait_ready()


def the_tool_for_three_members(seed, full):
    """tools/dev-cluster: starts, finds its data again, cleans."""
    tool = os.path.join(HERE, "..", "..", "tools", "dev-cluster")
    top = tempfile.mkdtemp(prefix="copse-faults-")
    ports = [free_port(2) for _ in range(3)]  # clients, peers
    started = []

    def run(*words):
        p = subprocess.Popen([tool, "--dir", os.path.join(top, "d"), "--ports", ",".join(map(str, ports))] + list(words) + ["--"] + FAST,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        started.append(p)
        try:
            for port in ports:
                wait_for(lambda port=port: written(port), "a member of dev-cluster")
        except AssertionError:
            print("".join(open(path).read()[-2000:] for path in glob.glob(os.path.join(top, "d", "*", "log"))))
            raise
        return p

    def written(port):
        try:
            return call(port, "PUT", "/v2/keys/ready", {"value": "1"})[0] in (200, 201)
        except (OSError, http.client.HTTPException):
            return False

    def end(p):
        p.send_signal(signal.SIGINT)
        assert p.wait(60) == 0

    try:
        p = run()
        assert call(ports[0], "PUT", "/v2/keys/kept", {"value": "1"})[0] == 201
        end(p)
        p = run()
        assert call(ports[2], "GET", "/v2/keys/kept?quorum=true")[0] == 200
        end(p)
        p = run("--clean")
        assert call(ports[1], "GET", "/v2/keys/kept?quorum=true")[0] == 404
        end(p)
        assert subprocess.run([tool, "--ports", "1"], stderr=subprocess.DEVNULL).returncode == 1
        assert subprocess.run([tool, "nonsense"], stderr=subprocess.DEVNULL).returncode == 2
    finally:
        for p in started:
            if p.poll() is None:
                p.terminate()
                p.wait(60)
        shutil.rmtree(top, ignore_errors=True)


def time_to_write_again(seed, full):
    """20 kills of the leader with the defaults, under load: how long until a write that began after the kill is acknowledged.
    The times are figures, no test; what was acknowledged is one."""
    times = []

    def disturb(cluster, load):
        for _ in range(20):
            leader = cluster.leader()
            leader.kill()
            times.append(1000 * load.time_to_write())
            leader.start()
            cluster.wait_ready()

    with Cluster(3, flags=USUAL) as c:
        load = under_load(c, seed, disturb)
    print("first acknowledged write after 20 kills of the leader, ms: median %.0f, best %.0f, worst %.0f; %d writes acknowledged, "
          "none lost" % (statistics.median(times), min(times), max(times), load.written))


# The longest first.
QUICK = [the_tool_for_three_members, members_are_replaced, a_leader_is_cut_off, any_order_of_start_and_stop, a_leader_is_frozen,
         upgrades_roll, a_lagging_member_gets_a_snapshot, leaders_are_killed]
SLOW = [five_are_cut_in_two, followers_are_killed, one_direction_is_cut, two_of_five_are_killed, without_quorum_nothing_is_written,
        time_to_write_again]


def main():
    # Whoever runs the tests may ignore it (a job in the background), which programs would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    p = argparse.ArgumentParser()
    p.add_argument("--full", action="store_true")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    p.add_argument("names", nargs="*")
    args = p.parse_args()
    if "COPSE" not in os.environ:
        sys.exit("COPSE names no program")
    print("seed", args.seed)
    # Some side by side, since they mostly wait; figures want to be alone.
    return group.run(QUICK + SLOW if args.full or args.names else QUICK, args.names, 1 if args.full else 3,
                     (args.seed, args.full))


if __name__ == "__main__":
    sys.exit(main())
