#!/usr/bin/env python3
"""verify, dump, backup and restore on real directories: of a stopped and of a running member, with flipped bytes, cut,
missing and foreign files, and with values of all kinds carried over.

  COPSE=src/copse storage.py [--seed N] [--flips N] [NAME ...]

Each test has a directory of its own. Prints the seed and "N passed, N failed". Standard library only.
"""
import argparse
import base64
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recovery  # noqa: E402

ODD = {"empty": b"", "quotes": b'"\\/\n\t\x01', "wide": "\u00fc\u2028\U0001f600".encode(), "broken": b"\xff\xfe\xc3",
       "long": b"x" * 100000, "markup": b"<&>", "nothing": b"\0a\0"}
HEAD = 96


def copse(*words):
    r = subprocess.run([os.environ["COPSE"]] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120)
    return r.returncode, r.stdout.decode("utf-8", "surrogateescape"), r.stderr.decode("utf-8", "surrogateescape")


def expect(words, code, *texts):
    """The words end with CODE, and say each of TEXTS. Gives the output."""
    have, out, err = copse(*words)
    assert have == code, "%s ended with %d: %s%s" % (words, have, out[-2000:], err)
    for text in texts:
        assert text in out + err, "%s does not say %r: %s%s" % (words, text, out[-2000:], err)
    return out


def state_of(top):
    """All there is below a directory: names, times and content."""
    found = []
    for path, dirs, files in os.walk(top):
        for name in sorted(dirs + files):
            full = os.path.join(path, name)
            data = b"" if os.path.isdir(full) else open(full, "rb").read()
            found.append((full, os.stat(full).st_mtime_ns, hashlib.sha256(data).hexdigest()))
    return sorted(found)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Case:
    def __init__(self, name, rand):
        self.top = tempfile.mkdtemp(prefix="copse-storage-%s-" % name)
        self.rand = rand
        self.members = []

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def member(self, data="data", *flags):
        """A running member on a directory below the top."""
        home = self.path("home-%d" % len(self.members))
        os.makedirs(home)
        os.symlink(self.path(data), os.path.join(home, "data"))
        if not os.path.isdir(self.path(data)):
            os.makedirs(self.path(data))
        m = recovery.Member(home, list(flags) or ["--snapshot-count", "20"])
        self.members.append(m)
        m.start()
        return m

    def fill(self, m, n=50, size=10):
        for i in range(n):
            status = put(m, "/k/%d" % i, b"v" * size + b"%d" % i)
            assert status in (200, 201), status

    def made(self, n=50, size=10, *flags):
        """A stopped directory with something in it."""
        m = self.member("data", *flags)
        self.fill(m, n, size)

        def two():
            assert put(m, "/more", b"v" * size) in (200, 201)
            return len(self.files("snap")) == 2
        recovery.harness.wait_for(two, "there are no two snapshots")
        m.stop()
        self.last = records(self.path("data"))[-1]["index"]
        return self.path("data")

    def files(self, kind, data="data"):
        d = self.path(data, "member", kind)
        return [os.path.join(d, f) for f in sorted(os.listdir(d)) if f.endswith((".wal", ".jsonl"))]

    def end(self):
        for m in self.members:
            if m.process.poll() is None:
                m.kill()
        shutil.rmtree(self.top, ignore_errors=True)


def put(m, key, value, query=""):
    body = "value=" + urllib.parse.quote_from_bytes(value)
    return m.ask("PUT", "/v2/keys" + key + query, body)[0]


def nodes(m):
    """The whole tree without what time changes."""
    def strip(node):
        node.pop("ttl", None)
        for n in node.get("nodes", []):
            strip(n)
        return node
    return strip(m.ask("GET", "/v2/keys/?recursive=true&sorted=true")[1]["node"])


def records(data, *flags):
    """What dump says, line by line; str.splitlines knows more ends of lines than JSON does."""
    return [json.loads(line) for line in expect(["dump"] + list(flags or ["--log"]) + [data], 0).split("\n") if line]


def used_bytes(segment):
    data = open(segment, "rb").read()
    return len(data.rstrip(b"\0"))


def flip(path, at, bit):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << bit]))


# ---- verify ----

def test_sound(c):
    data = c.made()
    before = state_of(data)
    out = expect(["verify", data], 0, "snapshot ", "segment ", "together: ")
    assert out.endswith("\nsound\n") and "live" not in out, out
    assert re.search(r"%d entries" % c.last, out), out
    expect(["dump", data], 0)
    assert state_of(data) == before, "something was changed"


def test_flipped_log(c):
    data = c.made()
    segment = c.files("wal")[-1]
    lines = records(data, "--log")
    last = lines[-1]["offset"]
    for _ in range(c.flips):
        at, bit = c.rand.randrange(0, last), c.rand.randrange(8)
        flip(segment, at, bit)
        out = expect(["verify", data], 1, segment, "offset ", "damaged\n") if at >= 12 or at < 8 else \
            expect(["verify", data], 1, segment)
        named = re.search(r"offset (\d+)", copse("verify", data)[2])
        assert named is None or int(named.group(1)) <= at, out
        assert copse("dump", data)[0] == 1, "dump took it"
        assert copse("backup", "--data-dir", data, "--backup-dir", c.path("b"))[0] == 1, "backup took it"
        assert not os.path.exists(c.path("b", "member")), "a half backup stays"
        shutil.rmtree(c.path("b"), ignore_errors=True)
        flip(segment, at, bit)
    expect(["verify", data], 0)
    # The very last write looks like a torn end: it is said, and nothing is lost before it.
    flip(segment, last + 30, 3)
    expect(["verify", data], 0, "torn end")


def test_flipped_snapshot(c):
    data = c.made()
    for snapshot in c.files("snap"):
        for _ in range(c.flips):
            at, bit = c.rand.randrange(os.path.getsize(snapshot)), c.rand.randrange(8)
            flip(snapshot, at, bit)
            out = expect(["verify", data], 1, snapshot)
            assert out.endswith("\ndamaged\n") and "together: " in out, out
            assert copse("dump", data)[0] == 1
            flip(snapshot, at, bit)
    # The newest is damaged: backup and restore go back to the one before it.
    flip(c.files("snap")[-1], 300, 1)
    expect(["backup", "--data-dir", data, "--backup-dir", c.path("b")], 0, "snapshot_damaged")
    expect(["verify", c.path("b")], 0, "to %d from the log" % c.last)


def test_cut_files(c):
    data = c.made()
    segment, snapshot = c.files("wal")[-1], c.files("snap")[-1]
    whole = open(segment, "rb").read()
    used = used_bytes(segment)
    for size in (0, 8, HEAD - 1):
        os.truncate(segment, size)
        expect(["verify", data], 1, segment, "offset %d" % size, "its head")
    open(segment, "wb").write(whole)
    for size in (used - 3, used, len(whole) - 1):
        os.truncate(segment, size)
        expect(["verify", data], 1, segment, "offset %d" % size, "the file was cut here")
    open(segment, "wb").write(whole[:used - 3].ljust(len(whole), b"\0"))
    expect(["verify", data], 0, "torn end")
    open(segment, "wb").write(whole)
    for size in (0, 100, os.path.getsize(snapshot) - 1):
        os.truncate(snapshot, size)
        expect(["verify", data], 1, snapshot)


def test_missing_files(c):
    data = c.made(60, 100000, "--snapshot-count", "20")
    segments, snapshots = c.files("wal"), c.files("snap")
    assert len(segments) > 1 and len(snapshots) == 2, (segments, snapshots)
    if len(segments) > 2:
        os.rename(segments[1], c.path("away"))
        expect(["verify", data], 1, "is missing")
        os.rename(c.path("away"), segments[1])
    first = os.path.basename(segments[0])
    for s in snapshots:
        os.rename(s, c.path(os.path.basename(s)))
    if not first.endswith("-0000000000000001.wal"):
        expect(["verify", data], 1, "what lies between is lost")
    for s in snapshots:
        os.rename(c.path(os.path.basename(s)), s)
    for s in segments:
        os.unlink(s)
    expect(["verify", data], 1, "no log")


def test_log_alone(c):
    """Where only the log was copied there is no directory of snapshots. Nobody is told of members of long ago."""
    m = c.member("data", "--snapshot-count", "100000")
    c.fill(m)
    m.stop()
    data = c.path("data")
    os.rmdir(os.path.join(data, "member", "snap"))
    expect(["verify", data], 0, "all from the log")
    expect(["dump", data], 0, '"key":"/k/7"')
    words = ["backup", "--data-dir", data, "--backup-dir", c.path("b")]
    code, out, err = copse(*words)
    assert code == 0 and "members." not in err, err
    code, out, err = copse("restore", data, "--data-dir", c.path("new"))
    assert code == 0 and err == "", err


def test_no_directory(c):
    expect(["verify", c.path("absent")], 1, "absent", "No such file")
    expect(["verify", c.top], 1, "no data directory")
    expect(["verify"], 2, "usage:")
    expect(["verify", "--nonsense", c.top], 2, "--nonsense")
    expect(["verify", c.top, "b"], 2, "too many")
    expect(["dump", "--from", "x", c.top], 2, "--from")
    expect(["help", "verify"], 0, "copse verify DIR")
    expect(["backup", "--help"], 0, "--backup-wal-dir")
    os.makedirs(c.path("d", "member", "wal"))
    expect(["verify", c.path("d")], 0, "nothing yet", "sound")


def sealed(text):
    """The snapshot with the checksum of its last line made right."""
    at = text.rindex(b"\n", 0, -1) + 1
    end = text.rindex(b'"crc32c":"') + len(b'"crc32c":"')
    return text[:end] + b"%08x" % crc32c(text[:at]) + text[end + 8:]


def test_foreign_and_future(c):
    data = c.made()
    segment, snapshot = c.files("wal")[-1], c.files("snap")[-1]
    whole = open(segment, "rb").read()
    open(segment, "wb").write(b"\4\0\0\0\0\0\0\x84" + b"etcd" * 100)
    expect(["verify", data], 1, "does not begin as a log of copse does")
    head = bytearray(whole[:HEAD])
    struct.pack_into("<II", head, 8, 2, 0)
    struct.pack_into("<I", head, 12, crc32c(bytes(head)))
    open(segment, "wb").write(bytes(head) + whole[HEAD:])
    expect(["verify", data], 1, segment, "has format version 2")
    open(segment, "wb").write(whole)
    text = open(snapshot, "rb").read()
    open(snapshot, "wb").write(sealed(text.replace(b'"format":3', b'"format":9', 1)))
    expect(["verify", data], 1, snapshot)
    assert copse("restore", data, "--data-dir", c.path("new"))[0] == 1, "a future snapshot was passed over"
    # Two keys in the wrong order, and a checksum that is right: no start would take it.
    a, b = (re.search(rb'\{"file":"/k/%d".*\n' % i, text).group() for i in (1, 2))
    open(snapshot, "wb").write(sealed(text.replace(a, b"").replace(b, b + a)))
    expect(["verify", data], 1, snapshot, "not in the order of paths")
    open(snapshot, "wb").write(text)
    # A log of another member beside the snapshots.
    other = c.member("other")
    c.fill(other, 3)
    other.stop()
    expect(["restore", c.path("other"), "--data-dir", c.path("third"), "--initial-cluster-token", "x"], 0)
    shutil.rmtree(os.path.dirname(segment))
    shutil.copytree(os.path.dirname(c.files("wal", "third")[0]), os.path.dirname(segment))
    expect(["verify", data], 1, "belongs to cluster")


# ---- a running member ----

def test_live(c):
    m = c.member("data", "--snapshot-count", "200")
    c.fill(m, 20)
    acked, over, wrong = {}, threading.Event(), []

    def write(number):
        i = 0
        while not over.is_set() and not wrong:
            value = b"%d" % i * c.rand.choice((1, 50, 2000))
            if put(m, "/w%d/k%d" % (number, i % 50), value) not in (200, 201):
                wrong.append("a write failed")
            acked[number] = i
            i += 1
    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for w in writers:
        w.start()
    try:
        for i in range(6):
            out = expect(["verify", c.path("data")], 0, "live: process %d" % m.process.pid)
            assert out.endswith("sound\n"), out
            expect(["dump", "--log", "--from", "5", "--to", "9", c.path("data")], 0)
            index = int(m.ask("GET", "/v2/keys/")[2]["X-Etcd-Index"])
            b = c.path("b%d" % i)
            expect(["backup", "--data-dir", c.path("data"), "--backup-dir", b], 0)
            found = re.search(r"to (\d+) from the log", expect(["verify", b], 0)) or \
                re.search(r"entries 1 to (\d+)", expect(["verify", b], 0))
            assert int(found.group(1)) >= index, "the backup ends before what was acknowledged"
    finally:
        over.set()
        for w in writers:
            w.join()
    assert not wrong, wrong
    expect(["restore", c.path("b5"), "--data-dir", c.path("new")], 0)
    n = c.member("new")
    assert nodes(n)["nodes"], "nothing is there"
    n.stop()
    assert m.stop() == 0, m.tail()
    assert "error" not in open(os.path.join(m.top, "log")).read()


# ---- what comes through ----

def test_values(c):
    m = c.member("data", "--snapshot-count", "1000")
    for name, value in ODD.items():
        assert put(m, "/odd/" + name, value) == 201
    assert put(m, "/odd/" + urllib.parse.quote("k\u00e9y \"x\""), b"named") == 201
    assert put(m, "/ttl", b"t", "?ttl=100000&prevExist=false") == 201
    assert put(m, "/ttl", b"u", "?prevValue=t&ttl=100000") == 200
    assert m.ask("PUT", "/v2/keys/dir?dir=true", "")[0] == 201
    assert m.ask("POST", "/v2/keys/dir", "value=1")[0] == 201
    assert put(m, "/gone", b"x") == 201
    assert m.ask("DELETE", "/v2/keys/gone?prevIndex=%d" % m.ask("GET", "/v2/keys/gone")[1]["node"]["modifiedIndex"])[0] == 200
    want = nodes(m)
    index = int(m.ask("GET", "/v2/keys/")[2]["X-Etcd-Index"])
    m.stop()
    lines = records(c.path("data"), "--log")
    puts = {e["key"]: e for e in lines if e.get("verb") == "put"}
    for name, value in ODD.items():
        e = puts["/odd/" + name]
        have = base64.b64decode(e["value64"]) if "value64" in e else e["value"].encode()
        assert have == value, (name, e)
    assert puts["/ttl"]["prevValue"] == "t" and puts["/ttl"]["ttl"] == 100000, puts["/ttl"]
    assert puts["/dir"]["dir"] is True and "value" not in puts["/dir"]
    assert [e["key"] for e in lines if e.get("verb") == "delete"] == ["/gone"]
    assert [e for e in lines if e.get("verb") == "post"][0]["key"] == "/dir"
    some = records(c.path("data"), "--log", "--from", "4", "--to", "6")
    assert [e["index"] for e in some] == [4, 5, 6], some
    # Through a backup into a cluster of another name; the first start publishes the new member, which costs an index.
    expect(["backup", "--data-dir", c.path("data"), "--backup-dir", c.path("b")], 0)
    peers = "http://10.1.1.1:2380,http://10.1.1.2:2380"
    expect(["restore", c.path("b"), "--data-dir", c.path("new"), "--name", "m7", "--initial-cluster-token", "other",
            "--initial-advertise-peer-urls", peers, "--initial-cluster", ",".join("m7=" + p for p in peers.split(","))], 0)
    expect(["verify", c.path("new")], 0)
    flags = ["--name", "m7", "--initial-cluster-token", "other", "--initial-advertise-peer-urls", peers]
    n = c.member("new", *flags)
    assert nodes(n) == want, "the restored tree differs"
    assert int(n.ask("GET", "/v2/keys/")[2]["X-Etcd-Index"]) == index + 1
    members = n.ask("GET", "/v2/members")[1]["members"]
    assert len(members) == 1 and members[0]["name"] == "m7" and members[0]["peerURLs"] == peers.split(","), members
    assert n.ask("GET", "/v2/keys/gone?wait=true&waitIndex=%d" % index)[1]["action"] in ("create", "compareAndDelete")
    assert put(n, "/after", b"1") == 201
    n.stop()
    n.start()
    assert n.ask("GET", "/v2/keys/after")[0] == 200
    n.stop()


def test_snapshot_restore(c):
    m = c.member("data", "--snapshot-count", "20")
    c.fill(m, 45)
    for name, value in ODD.items():
        assert put(m, "/odd/" + name, value) == 201
    recovery.harness.wait_for(lambda: c.files("snap"), "there is no snapshot")
    m.stop()
    lines = records(c.path("data"), "--snapshot")
    assert {e["file"] for e in lines} == {os.path.basename(f) for f in c.files("snap")}
    newest = os.path.basename(c.files("snap")[-1])
    with open(c.files("snap")[-1], "rb") as f:
        for e in lines:
            if e["file"] == newest:
                f.seek(e["offset"])
                assert json.loads(f.readline()) == e["snapshot"], e
    shutil.copy(c.files("snap")[-1], c.path("renamed.jsonl"))
    expect(["restore", c.path("renamed.jsonl"), "--data-dir", c.path("new")], 0)
    head = [e["snapshot"] for e in lines if e["file"] == newest][0]
    n = c.member("new")
    assert int(n.ask("GET", "/v2/keys/")[2]["X-Etcd-Index"]) in (head["index"], head["index"] + 1)
    assert len(n.ask("GET", "/v2/keys/k")[1]["node"]["nodes"]) > 0
    c.fill(n, 30)
    n.kill()
    n.start()
    n.stop()
    expect(["verify", c.path("new")], 0)
    flip(c.path("renamed.jsonl"), 500, 2)
    expect(["restore", c.path("renamed.jsonl"), "--data-dir", c.path("new2")], 1, "renamed.jsonl")
    assert not os.path.exists(c.path("new2", "member"))


def ask_as(m, user, method, path, body=None):
    """Status and answer, with a password, or without one."""
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
    conn = http.client.HTTPConnection("127.0.0.1", m.port, timeout=30)
    try:
        text = json.dumps(body) if isinstance(body, dict) else body
        if text is not None:
            headers["Content-Type"] = "application/json" if text is not body else "application/x-www-form-urlencoded"
        conn.request(method, path, text, headers)
        r = conn.getresponse()
        return r.status, r.read()
    finally:
        conn.close()


def check_accounts(m):
    """As test_accounts made them."""
    assert len(m.ask("GET", "/v2/members")[1]["members"]) == 1, "a member of the old cluster is in the new one"
    assert ask_as(m, None, "GET", "/v2/keys/k/1")[0] == 401
    assert ask_as(m, "ann:wrong", "GET", "/v2/keys/k/1")[0] == 401
    assert ask_as(m, "ann:a secret", "GET", "/v2/keys/k/1")[0] == 200
    assert ask_as(m, "ann:a secret", "PUT", "/v2/keys/k/1", "value=x")[0] == 401
    assert ask_as(m, "root:top", "PUT", "/v2/keys/k/1", "value=x")[0] == 200
    users = json.loads(ask_as(m, "root:top", "GET", "/v2/auth/users")[1])["users"]
    assert [u["user"] for u in users] == ["ann", "root"], users


def test_accounts(c):
    """Accounts and passwords come through a backup, of the log and of snapshots, and through a snapshot file; a
    member that was added and never came does not."""
    m = c.member("data", "--snapshot-count", "20")
    c.fill(m, 3)
    for path, body in (("roles/reader", {"role": "reader", "permissions": {"kv": {"read": ["/k/*"], "write": []}}}),
                       ("users/root", {"user": "root", "password": "top"}),
                       ("users/ann", {"user": "ann", "password": "a secret", "roles": ["reader"]}), ("enable", {})):
        status, text = ask_as(m, None, "PUT", "/v2/auth/" + path, body)
        assert status in (200, 201), (path, status, text)
    guest = {"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}}
    assert ask_as(m, "root:top", "PUT", "/v2/auth/roles/guest", guest)[0] == 200
    status, text = ask_as(m, "root:top", "POST", "/v2/members", {"peerURLs": ["http://10.1.1.1:2380"]})
    assert status == 201, (status, text, m.tail())
    expect(["backup", "--data-dir", c.path("data"), "--backup-dir", c.path("b-log")], 0)

    def snapshot():
        assert ask_as(m, "root:top", "PUT", "/v2/keys/k/0", "value=x")[0] == 200
        return len(c.files("snap")) == 2
    recovery.harness.wait_for(snapshot, "there are no two snapshots")
    m.stop()
    expect(["backup", "--data-dir", c.path("data"), "--backup-dir", c.path("b-snap")], 0)
    shutil.copy(c.files("snap")[-1], c.path("alone.jsonl"))
    for source in ("b-log", "b-snap", "alone.jsonl"):
        expect(["restore", c.path(source), "--data-dir", c.path("new-" + source)], 0)
        n = c.member("new-" + source)
        check_accounts(n)
        n.stop()


def test_identity(c):
    data = c.made()
    expect(["backup", "--data-dir", data, "--backup-dir", c.path("b")], 0)
    ids = re.search(r"member (\w+) of cluster (\w+)", expect(["verify", data], 0)).groups()
    new = re.search(r"member (\w+) of cluster (\w+)", expect(["verify", c.path("b")], 0)).groups()
    assert ids[0] != new[0] and ids[1] != new[1], "the identity was not stripped"
    text = "".join(json.dumps(e["snapshot"]) for e in records(c.path("b"), "--snapshot"))
    assert ids[0] not in text and ids[1] not in text, "the snapshot still names the old member"
    # As in etcd's guide for disasters: a member that is started right on the backup is a cluster of one.
    n = c.member("b", "--force-new-cluster")
    assert new[0] == n.ask("GET", "/v2/members")[1]["members"][0]["id"]
    n.stop()


def test_refusals(c):
    data = c.made()
    os.makedirs(c.path("full"))
    open(c.path("full", "x"), "w").close()
    expect(["restore", data, "--data-dir", c.path("full")], 2, "is not empty")
    expect(["restore", data, "--data-dir", data], 2, "is not empty")
    expect(["backup", "--data-dir", data, "--backup-dir", c.path("full")], 1, "is not empty")
    expect(["backup", "--data-dir", data, "--backup-dir", c.path("b"), "--with-v3"], 1, "v3")
    expect(["backup", "--data-dir", c.path("absent"), "--backup-dir", c.path("b")], 1, "absent")
    expect(["backup", "--nonsense"], 1, "--nonsense")
    expect(["restore"], 2, "which backup")
    expect(["restore", c.path("absent"), "--data-dir", c.path("n")], 1, "absent")
    expect(["restore", data, "--data-dir", c.path("n"), "--initial-cluster", "a=http://x:1,b=http://y:1"], 2, "couldn't find local name")
    expect(["restore", data, "--data-dir", c.path("n"), "--initial-advertise-peer-urls", "x"], 2, "URL scheme must be http")
    assert not os.path.exists(c.path("n")) and not os.path.exists(c.path("b"))
    assert os.listdir(c.path("full")) == ["x"]


def test_apart(c):
    """The log apart from the rest, in both commands; silence on standard output, as etcdctl's."""
    data = c.made()
    os.rename(os.path.join(data, "member", "wal"), c.path("wal"))
    out = expect(["backup", "--data-dir", data, "--wal-dir", c.path("wal"), "--backup-dir", c.path("b"),
                  "--backup-wal-dir", c.path("bw")], 0)
    assert out == ""
    assert not os.path.exists(c.path("b", "member", "wal"))
    expect(["restore", c.path("b"), "--wal-dir", c.path("bw"), "--data-dir", c.path("new")], 0, "up to entry %d" % c.last)
    expect(["verify", c.path("new")], 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    parser.add_argument("--flips", type=int, default=12)
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    print("seed %d" % a.seed)
    passed = failed = 0
    for name, test in [(n[5:], t) for n, t in globals().items() if n.startswith("test_")]:
        if a.names and name not in a.names:
            continue
        c = Case(name, random.Random(a.seed))
        c.flips = a.flips
        try:
            test(c)
            passed += 1
        except Exception as e:  # each failure is told, and the next test runs
            failed += 1
            print("%s: %s: %s" % (name, type(e).__name__, e))
        finally:
            c.end()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
