#!/usr/bin/env python3
"""Damaged, missing, foreign and future files of a stopped member, and the program started on them: either every value is
there, or it refuses with exit code 1 and a line that names the file and the next step. Only what begins within the very
last write may pass for a write that was never finished, and that is said.

  COPSE=src/copse damage.py [NAME ...]

Each bit that is tried is drawn from SEED. Names choose the cases that hold them. Standard library only."""
import concurrent.futures
import glob
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recovery  # noqa: E402

KEYS = 60
FLAGS = ["--snapshot-count", "20"]
WAL, SNAP = "data/member/wal", "data/member/snap"
HEAD = 96
LAST = {"/last": None}  # what the last writes wrote
STEPS = re.compile(r"restore|give another|stop that one|use the program|put it back|move it away|a version of copse|look into")


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def values(member):
    have = {}
    recovery.flatten(member.ask("GET", "/v2/keys/?recursive=true")[1]["node"], have)
    return have


# ---- what is done to a copy; each is given its top directory

def flip(name, at, bit):
    def do(top):
        with open(os.path.join(top, name), "r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << bit]))
    return do


def cut(name, size):
    return lambda top: os.truncate(os.path.join(top, name), size)


def missing(*names):
    def do(top):
        for name in names:
            path = os.path.join(top, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return do


def directory(name):
    def do(top):
        path = os.path.join(top, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        os.mkdir(path)
    return do


def a_file(name):
    def do(top):
        shutil.rmtree(os.path.join(top, name))
        write(name, b"mine")(top)
    return do


def write(name, data):
    def do(top):
        with open(os.path.join(top, name), "wb") as f:
            f.write(data)
    return do


def renamed(name, to):
    return lambda top: os.rename(os.path.join(top, name), os.path.join(top, to))


def from_other(other, kind):
    """The files of another directory in place of ours."""
    def do(top):
        shutil.rmtree(os.path.join(top, kind))
        shutil.copytree(os.path.join(other, kind), os.path.join(top, kind))
    return do


# ---- bytes that are good, of another format

def with_head(data, version):
    head = bytearray(data[:HEAD])
    struct.pack_into("<II", head, 8, version, 0)
    struct.pack_into("<I", head, 12, crc32c(bytes(head)))
    return bytes(head) + data[HEAD:]


def with_kind(data, at, size, kind):
    """The entry at AT, SIZE bytes of payload, of another kind."""
    salt = struct.unpack_from("<I", data, 20)[0]
    end = at + 24 + (size + 7 & ~7)
    record = bytearray(data[at:end])
    record[21] = kind
    struct.pack_into("<I", record, 0, crc32c(bytes(record[4:]), salt))
    return data[:at] + bytes(record) + data[end:]


def sealed(lines):
    """Lines of a snapshot with the checksum they should have."""
    body = b"".join(lines[:-1])
    end = re.sub(rb'"crc32c":"[0-9a-f]{8}"', b'"crc32c":"%08x"' % crc32c(body), lines[-1])
    return body + end


class Base:
    """A stopped member with two snapshots, or none, and what is in it."""

    def __init__(self, top, size, snapshots=2, flags=()):
        self.top = top
        os.mkdir(top)
        member = recovery.Member(top, (FLAGS if snapshots else []) + list(flags))
        member.start()
        for i in range(KEYS):
            assert member.ask("PUT", "/v2/keys/%s%d" % ("d/" if i % 7 == 0 else "", i), "value=v%d" % i + "x" * size)[0] == 201

        def two():
            return len(self.files(SNAP)) == snapshots or member.ask("PUT", "/v2/keys/more", "value=" + "y" * size) and None
        recovery.harness.wait_for(two, "there are no two snapshots")
        for i in range(3):
            member.ask("PUT", "/v2/keys/last", "value=%d" % i)
        self.expected = values(member)
        member.stop()

    def files(self, kind):
        return [os.path.relpath(p, self.top) for p in sorted(glob.glob(os.path.join(self.top, kind, "*.*l")))]

    def read(self, name):
        with open(os.path.join(self.top, name), "rb") as f:
            return f.read()

    def records(self):
        out = subprocess.run([os.environ["COPSE"], "dump", "--log", os.path.join(self.top, "data")], stdout=subprocess.PIPE,
                             check=True, timeout=120).stdout
        return [json.loads(line) for line in out.split(b"\n") if line]


# ---- the cases: (name, damage, what may be: "sound", "refused", "either", or "torn"; texts that must be said)

def flips_of_log(base, r):
    name = base.files(WAL)[-1]
    data, places = base.read(name), [p["offset"] for p in base.records() if p["bytes"] > 0]
    for at in (0, 8, 12, 16, 20, 24, 32, 40, 48, 56, 64, 72, 80, 88):
        yield "log: bit in the head at %d" % at, flip(name, at + r.randrange(2), r.randrange(8)), "refused", [name]
    for which in (0, len(places) // 2, -3):
        for field in (0, 4, 8, 12, 16, 20, 21, 22, 24, 32, 38):
            yield "log: bit at %d of record %d" % (field, which), flip(name, places[which] + field, r.randrange(8)), \
                "refused", [name, "offset"]
    used = len(data.rstrip(b"\0"))
    for field in (0, 4, 8, 12, 20, 24, 45):
        yield "log: bit at %d of the last write" % field, flip(name, places[-1] + field, r.randrange(8)), "torn", []
    for at in (used + 9, (used + len(data)) // 2, len(data) - 1):
        yield "log: bit in the zeros at %d" % at, flip(name, at, r.randrange(8)), "sound", ["wal.torn_tail"]


def flips_of_snapshot(base, r):
    for which, name in enumerate(base.files(SNAP)):
        lines = base.read(name).splitlines(keepends=True)
        at, seen = 0, set()
        for number, line in enumerate(lines):
            kind = line[:5] if 0 < number < len(lines) - 1 else number
            if kind not in seen or number == len(lines) - 1:
                for k in (0, 1, 2, 3, len(line) // 2, len(line) - 2, len(line) - 1):
                    yield "snapshot %d: bit at %d of line %d" % (which, k, number), flip(name, at + k, r.randrange(7)), "sound", \
                        ["snapshot.damaged"] if which == 1 else []
            seen.add(kind)
            at += len(line)
        end = at - 12
        yield "snapshot %d: bit in its checksum" % which, flip(name, end, 0), "sound", ["snapshot.damaged"] if which else []
    # It reads as a line of a later version, and is none.
    at = lines[0].__len__() + 2
    assert lines[1][1:2] == b'"', lines[1]
    yield "snapshot: a kind that looks like a later one", flip(name, at, 1), "sound", ["snapshot.damaged", "set aside"]


def files_of_log(base, large, purged):
    name = base.files(WAL)[-1]
    data, places = base.read(name), [p["offset"] for p in base.records() if p["bytes"] > 0]
    used = len(data.rstrip(b"\0"))
    for size in (0, 50, HEAD, places[3], places[3] + 10, used - 3, used + 5, len(data) - 1):
        yield "log: cut to %d bytes" % size, cut(name, size), "refused", [name, "offset"]
    yield "log: its only segment is missing", missing(name), "refused", [WAL]
    yield "log: its directory is missing", missing(WAL), "refused", [WAL]
    yield "log: a directory", directory(name), "refused", [name]
    yield "log: a file in place of the directory", a_file(WAL), "refused", [WAL]
    yield "log: of etcd", write(name, b"\4\0\0\0\0\0\0\x84" + b"etcd" * 100), "refused", [name, "does not begin as a log"]
    yield "log: random bytes", write(name, random.Random(3).randbytes(5000)), "refused", [name]
    yield "log: format version 2", write(name, with_head(data, 2)), "refused", [name, "format version 2", "use the program"]
    last = [p for p in base.records() if p["record"] == "entry"][-1]
    yield "log: an entry of a later kind", write(name, with_kind(data, last["offset"], last["bytes"] - 24, 9)), "refused", \
        [name, "of kind 9", "start a version of copse that knows it"]
    yield "log: renamed", renamed(name, name[:-5] + "7.wal"), "refused", ["7.wal"]
    yield "log: two of one sequence", write(name[:-5] + "7.wal", data), "refused", ["two segments"]
    segments = large.files(WAL)
    assert len(segments) > 2, segments
    yield "large: the first segment is missing", missing(segments[0]), "refused", [WAL, "what lies between is lost"]
    yield "large: a segment in the middle is missing", missing(segments[1]), "refused", ["is missing; put it back"]
    yield "large: a segment in the middle is empty", cut(segments[1], 0), "refused", [segments[1]]
    yield "large: a segment in the middle is cut", cut(segments[1], 70000), "refused", [segments[1]]
    yield "large: the last segment is empty", cut(segments[-1], 0), "refused", [segments[-1]]
    older, newer = purged.files(SNAP)
    yield "purged: no snapshot is left", missing(older, newer), "refused", [WAL, "what lies between is lost"]
    yield "purged: the newest snapshot is missing", missing(newer), "sound", []
    yield "purged: the newest snapshot is damaged", flip(newer, 5000, 3), "sound", ["snapshot.damaged"]
    yield "purged: the older snapshot is missing", missing(older), "sound", []
    yield "purged: both snapshots are damaged", lambda top: (flip(newer, 5000, 3)(top), flip(older, 5000, 3)(top)), \
        "refused", [WAL, "what lies between is lost"]


def files_of_snapshots(base):
    older, newer = base.files(SNAP)
    data = base.read(newer)
    for size in (0, 1, len(data) // 2, len(data) - 30, len(data) - 1):
        yield "snapshot: cut to %d bytes" % size, cut(newer, size), "sound", ["snapshot.damaged"]
        yield "older snapshot: cut to %d bytes" % size, cut(older, size), "sound", []
    yield "snapshot: missing", missing(newer), "sound", []
    yield "snapshot: both are missing", missing(newer, older), "sound", []
    yield "snapshot: their directory is missing", missing(SNAP), "sound", []
    yield "snapshot: a directory", directory(newer), "refused", [newer]
    yield "snapshot: a file in place of the directory", a_file(SNAP), "refused", [SNAP]
    yield "snapshot: renamed", renamed(newer, SNAP + "/0000000000000fff-0000000000000002.jsonl"), "sound", ["snapshot.damaged"]
    lines = data.splitlines(keepends=True)
    yield "snapshot: format 9", write(newer, sealed([lines[0].replace(b'"format":3', b'"format":9', 1)] + lines[1:])), "refused", \
        [newer, "format 9", "use the program"]
    yield "snapshot: a kind of line of a later version", write(newer, sealed(lines[:3] + [b'{"lease":1}\n'] + lines[3:])), \
        "refused", [newer, "use the program"]
    yield "snapshot: a longer one that was only half replaced", write(newer, data + data[len(data) // 2:]), "sound", \
        ["snapshot.damaged"]


def others(base, foreign):
    yield "foreign: another member's log", from_other(foreign.top, WAL), "refused", ["belong", "give another --data-dir"]
    yield "foreign: another cluster's snapshots", from_other(foreign.top, SNAP), "refused", ["belong to cluster", "--data-dir"]
    for folder, names in ((WAL, ("readme.txt", "0.wal", "0000000000000001-0000000000000001.wal.orig", "lost+found")),
                          (SNAP, ("readme.txt", "0000000000000001-0000000000000001.bad", "x.jsonl", ".hidden.jsonl"))):
        for name in names:
            yield "foreign: %s/%s" % (folder, name), write(os.path.join(folder, name), b"mine"), "sound", []
    yield "left over: half a segment", write(WAL + "/0000000000000009.tmp", b"half"), "sound", []
    yield "left over: half a snapshot", write(SNAP + "/0000000000000fff-0000000000000002.tmp", b'{"copse"'), "sound", []
    yield "lock: missing", missing("data/member/lock"), "sound", []
    yield "lock: somebody's number", write("data/member/lock", b"1\n"), "sound", []
    yield "lock: a directory", directory("data/member/lock"), "refused", ["lock"]


# ---- running one

def judge(base, top, may, texts):
    """What is wrong, or None; and whether it was a refusal."""
    member = recovery.Member(top, FLAGS)
    try:
        member.start()
    except AssertionError as e:
        member.process.kill()
        code = member.process.wait()
        said = member.tail()
        member.log.close()
        if may in ("sound", "torn") or code != 1 or os.path.join(top, "data") not in said or not STEPS.search(said):
            return "%s; %s" % (e, said), True
        return next(("does not say %r: %s" % (t, said) for t in texts if t not in said), None), True
    have, said = values(member), member.tail()
    code = member.stop()
    if may == "refused":
        return "it started: " + said, False
    lost = have != base.expected
    if lost and not (may == "torn" and "wal.torn_tail" in said and dict(have, **LAST) == dict(base.expected, **LAST)):
        return "%d values, expected %d: %s" % (len(have), len(base.expected), said), False
    if code != 0:
        return "a clean stop failed: " + member.tail(), False
    return next(("does not say %r: %s" % (t, said) for t in texts if t not in said), None), False


def one(base, damage, may, texts):
    top = tempfile.mkdtemp(prefix="copse-damage-")
    try:
        shutil.copytree(os.path.join(base.top, "data"), os.path.join(top, "data"))
        damage(top)
        return judge(base, top, may, texts)
    finally:
        shutil.rmtree(top)


def two_processes(base):
    """The second is refused and names the first, which goes on."""
    first, second = recovery.Member(base.top, FLAGS), recovery.Member(base.top, FLAGS)
    first.start()
    try:
        second.start()
        return "a second one started on the same directory"
    except AssertionError:
        second.process.wait()
        second.log.close()
    said = second.tail()
    status = first.ask("PUT", "/v2/keys/after", "value=1")[0]
    if first.stop() != 0 or status != 201:
        return "the first does not go on"
    if second.process.returncode != 1 or "in use by process %d; stop that one" % first.process.pid not in said:
        return said
    return None


def main():
    r = random.Random(int(os.environ.get("SEED", "1")))
    top = tempfile.mkdtemp(prefix="copse-damage-")
    dirs = [os.path.join(top, name) for name in ("base", "large", "purged", "foreign")]
    failed = refused = n = 0
    try:
        base, large, purged = Base(dirs[0], 10), Base(dirs[1], 100000, 0), Base(dirs[2], 200000)
        foreign = Base(dirs[3], 10, 2, ["--initial-cluster-token", "another"])
        bases = {"large": large, "purged": purged}
        cases = list(flips_of_log(base, r)) + list(flips_of_snapshot(base, r)) + list(files_of_log(base, large, purged)) + \
            list(files_of_snapshots(base)) + list(others(base, foreign))
        cases = [c for c in cases if not sys.argv[1:] or any(a in c[0] for a in sys.argv[1:])]
        if os.environ.get("COPSE_SANITIZE", "no") not in ("", "no"):
            cases = cases[::3]  # each start takes several times as long
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [(name, pool.submit(one, bases.get(name.split(":")[0], base), damage, may, texts))
                    for name, damage, may, texts in cases]
            for name, job in jobs:
                wrong, was_refused = job.result()
                n, refused, failed = n + 1, refused + was_refused, failed + bool(wrong)
                if wrong:
                    print("%s: %s" % (name, wrong))
        wrong = two_processes(base)
        n, refused, failed = n + 1, refused + 1, failed + bool(wrong)
        if wrong:
            print("two processes: " + wrong)
    finally:
        shutil.rmtree(top)
    print("%d refused, %d recovered" % (refused, n - refused - failed))
    print("%d passed, %d failed" % (n - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
