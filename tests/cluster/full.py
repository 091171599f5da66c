#!/usr/bin/env python3
"""A real file system without room: reads and watches go on, writes and only they get an error that says so, and all works
again without a start once there is room. Nothing acknowledged is lost.

  COPSE=src/copse full.py

The file system is a small tmpfs in a mount namespace of its own; where that is not allowed, the test is skipped with the
reason. Standard library only."""
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recovery  # noqa: E402
from recovery import harness  # noqa: E402

ROOM_MIB = 48  # for the data, of which the log takes 5 at first and 16 soon
INSIDE = "COPSE_TEST_INSIDE"
SKIPPED = 77


def enter(program, disks=1):
    """Starts PROGRAM anew where it may mount, on a small file system that INSIDE names, or with several: 1 and so on in
    that. Gives the exit code."""
    top = tempfile.mkdtemp(prefix="copse-full-")
    mount = 'mount -t tmpfs -o size=%dm copse-test "$0"' % ROOM_MIB
    for i in range(1, disks + 1 if disks > 1 else 1):
        mount += ' && mkdir "$0/%d" && mount -t tmpfs -o size=%dm copse-test "$0/%d"' % (i, ROOM_MIB, i)
    mount += ' && exec "$@"'
    may = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, top]
    try:
        try:
            tried = subprocess.run(may + ["true"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   timeout=60)
            refusal = tried.stdout.decode("utf-8", "replace").strip() if tried.returncode else None
        except OSError as e:
            refusal = str(e)
        if refusal is not None:
            print("skipped: no small file system can be mounted here: " + refusal)
            return SKIPPED
        return subprocess.run(may + [sys.executable, os.path.abspath(program)], env=dict(os.environ, **{INSIDE: top})).returncode
    finally:
        os.rmdir(top)


class Filler:
    """A file that takes all the room there is, but KEEP bytes."""

    def __init__(self, top):
        self.path = os.path.join(top, "filler")

    def take(self, keep=0):
        with open(self.path, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\1" * 65536)
            except OSError:
                pass
            f.truncate(max(0, f.tell() - keep))

    def give(self):
        os.remove(self.path)


class Writer(threading.Thread):
    """Writes new keys until it is refused, or told to end. known: what was acknowledged; open: what may be there or not."""

    def __init__(self, member, number, size):
        super().__init__(daemon=True)
        self.member, self.number, self.size = member, number, size
        self.known, self.open, self.refusal, self.wrong = {}, {}, None, None

    def run(self):
        try:
            i = 0
            while self.refusal is None:
                key, value = "/w%d/%d" % (self.number, i), "%d-" % i + "x" * self.size
                status, answer, _ = self.member.ask("PUT", "/v2/keys" + key, "value=" + value)
                if status == 201:
                    self.known[key] = value
                elif status == 500 and answer["errorCode"] == 300:
                    self.refusal = answer["cause"]
                    if "may still take effect" in self.refusal:
                        self.open[key] = value
                else:
                    self.wrong = "%s: %s" % (status, answer)
                    return
                i += 1
        except Exception as e:
            self.wrong = repr(e)


def round_of(member, filler, keep, size, known, maybe):
    """Full and room again once; what was acknowledged goes to KNOWN, what may have been written to MAYBE."""
    watch = member.watch("/watched")
    filler.take(keep)
    writers = [Writer(member, len(known) + n, size) for n in range(4)]
    for w in writers:
        w.start()
    for w in writers:
        w.join(120)
        assert w.wrong is None and w.refusal is not None, w.wrong or "a writer is neither taken nor refused"
        assert "the log has no room: No space left on device" in w.refusal, w.refusal
        known.update(w.known)
        maybe.update(w.open)
    # Nothing but writes is concerned.
    have = tree(member)
    assert all(have.get(k) == v for k, v in known.items()), "an acknowledged value cannot be read"
    assert member.ask("GET", "/health")[0] == 200
    past = member.ask("GET", "/v2/keys/watched?wait=true&waitIndex=1")
    assert past[0] == 200 and past[1]["action"] in ("create", "set"), past
    assert member.ask("DELETE", "/v2/keys/watched")[0] == 500, "a deletion is a write"
    status, answer, _ = member.ask("PUT", "/v2/keys/watched?prevExist=true", "value=refused")
    assert (status, answer["errorCode"]) == (500, 300), answer
    waiting = member.watch("/watched")
    filler.give()

    def taken():
        status, answer, _ = member.ask("PUT", "/v2/keys/watched", "value=again")
        assert status == 200 or "no room" in answer["cause"], answer
        return status == 200
    harness.wait_for(taken, "there is room, and writes are still refused")
    for w in (watch, waiting):
        line = w.readline()
        assert b'"value":"again"' in line, line
        w.close()


def tree(member):
    have = {}
    recovery.flatten(member.ask("GET", "/v2/keys/?recursive=true")[1]["node"], have)
    return have


class Member(recovery.Member):
    def watch(self, key):
        """A stream that has begun."""
        s = harness.socket.create_connection(("127.0.0.1", self.port), timeout=harness.PATIENCE_S)
        s.sendall(("GET /v2/keys%s?wait=true&stream=true HTTP/1.1\r\nHost: a\r\n\r\n" % key).encode())
        f = s.makefile("rb")
        s.close()
        assert b" 200 " in f.readline()
        while f.readline() != b"\r\n":
            pass
        return Chunks(f)


class Chunks:
    def __init__(self, f):
        self.f, self.close = f, f.close

    def readline(self):
        size = int(self.f.readline(), 16)
        data = self.f.read(size + 2)
        return data[:-2]


def check(member, known, maybe):
    have = tree(member)
    for k, v in known.items():
        assert have.get(k) == v, "%s is lost" % k
    for k, v in maybe.items():
        assert have.get(k, v) == v, "%s has a value nobody sent" % k
    assert not [k for k in have if k not in known and k not in maybe and not k.startswith("/watched")], "nobody wrote this"


def inside(top):
    filler, known, maybe = Filler(top), {}, {}
    member = Member(top, ["--snapshot-count", "1000000"])
    member.start()
    try:
        assert member.ask("PUT", "/v2/keys/watched", "value=1")[0] == 201
        for keep, size in ((0, 20000), (100000, 200000)):
            round_of(member, filler, keep, size, known, maybe)
            check(member, known, maybe)
        # A start while there is none; then it goes on by itself, too.
        filler.take()
        assert member.stop() == 0, member.tail()
        member.start()
        check(member, known, maybe)
        filler.give()
        harness.wait_for(lambda: member.ask("PUT", "/v2/keys/watched", "value=2")[0] == 200, "writes are taken after the start")
        assert member.stop() == 0, member.tail()
    except AssertionError as e:
        print("FAIL: %s; %s" % (e, member.tail()))
        return 1
    finally:
        if member.process.poll() is None:
            member.kill()
    print("%d values acknowledged around a full disk, %d left open, all as they should be" % (len(known), len(maybe)))
    return 0


if __name__ == "__main__":
    sys.exit(inside(os.environ[INSIDE]) if INSIDE in os.environ else enter(__file__))
