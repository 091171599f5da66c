#!/usr/bin/env python3
"""kill -9 at random points under load, again and again, on one data directory: after each start every acknowledged write
is there, nothing is there that nobody sent, and the indexes go on from where they were.

  COPSE=src/copse recovery.py [--cycles 12] [--seed N] [--seconds S] [--up S] [FLAG ...]

Writers own their keys, so that each knows what its key may hold: the last acknowledged value, or the one that was on its
way when the server died. They set, compare-and-swap, delete, and append to in-order queues. --up: it dies within this
time (1.2); a long run has large snapshots and wants more, else none is ever whole. FLAGs go to the server (default:
--snapshot-count 150). Prints the seed, what was done, and "N passed, N failed", one a cycle. Standard library only.
"""
import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import shutil

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
import harness  # noqa: E402

WRITERS = 8
KEYS = 20
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GONE = None


class Member:
    """A server on a directory that outlives it."""

    def __init__(self, top, flags):
        self.top, self.flags, self.process, self.port = top, flags, None, None

    def start(self):
        self.port = harness.free_port()
        url = "http://127.0.0.1:%d" % self.port
        self.log = open(os.path.join(self.top, "log"), "ab")
        self.process = subprocess.Popen(
            [os.environ["COPSE"], "serve", "--data-dir", os.path.join(self.top, "data"),
             "--listen-client-urls", url, "--advertise-client-urls", "http://127.0.0.1:1",
             "--listen-peer-urls", "http://127.0.0.1:%d" % harness.free_port()] + self.flags,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        harness.wait_for(self.ready, "the member did not start")

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("the member ended with %d: %s" % (self.process.returncode, self.tail()))
        try:
            return self.ask("GET", "/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def tail(self):
        with open(os.path.join(self.top, "log"), "rb") as f:
            return f.read()[-1500:].decode("utf-8", "replace")

    def ask(self, method, path, body=None):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            conn.request(method, path, body, FORM if body is not None else {})
            r = conn.getresponse()
            return r.status, json.loads(r.read() or b"null"), dict(r.getheaders())
        finally:
            conn.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        self.process.terminate()
        code = self.process.wait()
        self.log.close()
        return code


class Writer(threading.Thread):
    """Writes until the server is gone. known: key → value or GONE; open: the change whose answer never came."""

    def __init__(self, number, seed, member, known, queue):
        super().__init__(daemon=True)
        self.number, self.random, self.member = number, random.Random(seed), member
        self.known, self.queue, self.open, self.acked, self.index = known, queue, None, 0, 0
        self.error = None

    def change(self):
        """(key, method, path, body, value afterwards) of a random change that must succeed."""
        r = self.random
        key = "/w%d/k%d" % (self.number, r.randrange(KEYS))
        have = self.known.get(key, GONE)
        value = "%d-%d" % (self.number, r.randrange(10 ** 9)) + "x" * r.choice((0, 10, 300, 5000))
        kind = r.random()
        if have is not GONE and kind < 0.15:
            return key, "DELETE", "/v2/keys%s?prevValue=%s" % (key, have), None, GONE
        if have is not GONE and kind < 0.4:
            return key, "PUT", "/v2/keys" + key, "value=%s&prevValue=%s" % (value, have), value
        if kind < 0.5:
            return None, "POST", "/v2/keys/q%d" % self.number, "value=" + value, value
        return key, "PUT", "/v2/keys" + key, "value=" + value, value

    def run(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.member.port, timeout=30)
        try:
            while True:
                self.open = self.change()
                key, method, path, body, value = self.open
                conn.request(method, path, body, FORM if body else {})
                r = conn.getresponse()
                answer = json.loads(r.read())
                if r.status not in (200, 201):
                    self.error = "%s %s answered %d %s" % (method, path, r.status, answer)
                    return
                index = answer["node"]["modifiedIndex"]
                if index <= self.index:
                    self.error = "index %d after %d" % (index, self.index)
                    return
                self.index, self.acked = index, self.acked + 1
                if key is None:
                    self.queue[answer["node"]["key"]] = value
                else:
                    self.known[key] = value
                self.open = None
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            conn.close()


def flatten(node, out):
    for n in node.get("nodes", []):
        if n.get("dir"):
            flatten(n, out)
        else:
            out[n["key"]] = n["value"]


def compare(member, writers):
    """Holds the tree against what the writers know; settles what was on its way. Gives what is wrong."""
    have = {}
    flatten(member.ask("GET", "/v2/keys/?recursive=true")[1]["node"], have)
    wrong = []
    for w in writers:
        key, _, _, _, value = w.open or ("", "", "", "", "")
        if w.open and key is not None and have.get(key, GONE) == value:
            w.known[key] = value
        if w.open and key is None:   # an append that was not answered: at most one entry more, with its value
            extra = [k for k in have if k.startswith("/q%d/" % w.number) and k not in w.queue]
            if len(extra) == 1 and have[extra[0]] == value:
                w.queue[extra[0]] = value
        expected = {k: v for k, v in w.known.items() if v is not GONE}
        expected.update(w.queue)
        mine = {k: v for k, v in have.items() if k.startswith(("/w%d/" % w.number, "/q%d/" % w.number))}
        for k in sorted(set(expected) | set(mine)):
            if expected.get(k) != mine.get(k):
                wrong.append("%s: expected %.60r, found %.60r" % (k, expected.get(k), mine.get(k)))
    return wrong


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cycles", type=int, default=12)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or random.randrange(10 ** 6)))
    p.add_argument("--seconds", type=float, default=0, help="go on at least this long")
    p.add_argument("--up", type=float, default=1.2, help="seconds, at most, from a start to the kill")
    a, flags = p.parse_known_args()
    flags = flags or ["--snapshot-count", "150"]   # so that kills meet snapshots and purges, too
    r = random.Random(a.seed)
    print("SEED=%d" % a.seed)
    top = tempfile.mkdtemp(prefix="copse-recovery-")
    member = Member(top, flags)
    known, queues = [{} for _ in range(WRITERS)], [{} for _ in range(WRITERS)]
    passed = failed = acked = cycle = 0
    last_index, end = 0, time.monotonic() + a.seconds
    try:
        while (cycle < a.cycles or time.monotonic() < end) and not failed:
            cycle += 1
            member.start()
            writers = [Writer(i, r.random(), member, known[i], queues[i]) for i in range(WRITERS)]
            for w in writers:
                w.start()
            time.sleep(r.random() ** 2 * a.up)   # the random point: early ones are likelier
            member.kill()
            for w in writers:
                w.join()
            member.start()
            wrong = [w.error for w in writers if w.error] + compare(member, writers)
            index = int(member.ask("GET", "/v2/keys/")[2]["X-Etcd-Index"])
            if index < max([last_index] + [w.index for w in writers]):
                wrong.append("the index fell to %d" % index)
            last_index = index
            acked += sum(w.acked for w in writers)
            if member.stop() != 0:
                wrong.append("a clean stop failed: " + member.tail())
            passed, failed = passed + (not wrong), failed + bool(wrong)
            for line in wrong[:10]:
                print("cycle %d (seed %d): %s" % (cycle, a.seed, line))
    finally:
        if member.process and member.process.poll() is None:
            member.kill()
        if failed:
            print(member.tail())
        shutil.rmtree(top, ignore_errors=True)
    print("%d cycles, %d acknowledged writes, index %d" % (cycle, acked, last_index))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
