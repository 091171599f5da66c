#!/usr/bin/env python3
"""Damaged files of a stopped member, and the program started on them: either every value is there, or it refuses with exit
code 1 and a line that names the file. COPSE=src/copse damage.py. SEED=N chooses other bits. Standard library only."""
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recovery  # noqa: E402

KEYS = 60
FLAGS = ["--snapshot-count", "20"]


def values(member):
    have = {}
    recovery.flatten(member.ask("GET", "/v2/keys/?recursive=true")[1]["node"], have)
    return have


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1 << (at % 8)]))


def as_directory(path):
    os.remove(path)
    os.mkdir(path)


def cases(top, r):
    """(name, damage of the copy at its argument)."""
    for kind, glob_ in (("log", "data/member/wal/*.wal"), ("snapshot", "data/member/snap/*.jsonl")):
        path = sorted(glob.glob(os.path.join(top, glob_)))[-1]
        name, size = os.path.relpath(path, top), os.path.getsize(path)
        used = size
        if kind == "log":
            with open(path, "rb") as f:
                used = len(f.read().rstrip(b"\0"))
        for at in [0, 9, 20, 40, 95, 97, 103, 110, 125] + [r.randrange(used * 9 // 10) for _ in range(10)]:
            yield "%s: bit at %d" % (kind, at), lambda d, n=name, a=at: flip(os.path.join(d, n), a)
        yield kind + ": empty", lambda d, n=name: os.truncate(os.path.join(d, n), 0)
        yield kind + ": cut in its head", lambda d, n=name: os.truncate(os.path.join(d, n), 50)
        yield kind + ": missing", lambda d, n=name: os.remove(os.path.join(d, n))
        yield kind + ": a directory", lambda d, n=name: as_directory(os.path.join(d, n))


def one(top, damage, expected):
    """What is wrong, or None; and whether it was a refusal."""
    copy = tempfile.mkdtemp(prefix="copse-damage-")
    try:
        shutil.copytree(os.path.join(top, "data"), os.path.join(copy, "data"))
        damage(copy)
        member = recovery.Member(copy, FLAGS)
        try:
            member.start()
        except AssertionError as e:
            member.process.kill()
            code = member.process.wait()
            said = member.tail()
            good = code == 1 and os.path.join(copy, "data") in said
            return (None if good else "%s; %s" % (e, said)), True
        have = values(member)
        code = member.stop()
        if have != expected:
            return "%d values, expected %d: %s" % (len(have), len(expected), member.tail()), False
        return (None if code == 0 else "a clean stop failed"), False
    finally:
        shutil.rmtree(copy)


def main():
    r = random.Random(int(os.environ.get("SEED", "1")))
    top = tempfile.mkdtemp(prefix="copse-damage-")
    failed = refused = n = 0
    try:
        member = recovery.Member(top, FLAGS)
        member.start()
        for i in range(KEYS):
            member.ask("PUT", "/v2/keys/k%d" % i, "value=v%d" % i)
        expected = values(member)
        member.stop()
        for name, damage in cases(top, r):
            wrong, was_refused = one(top, damage, expected)
            n, refused, failed = n + 1, refused + was_refused, failed + bool(wrong)
            if wrong:
                print("%s: %s" % (name, wrong))
    finally:
        shutil.rmtree(top)
    print("%d refused, %d recovered" % (refused, n - refused - failed))
    print("%d passed, %d failed" % (n - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
