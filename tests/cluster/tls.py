#!/usr/bin/env python3
"""Clusters whose members speak TLS with each other: founded, grown, given new certificates, and closed to strangers.

  COPSE=src/copse tls.py [NAME ...]

Needs openssl.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import group  # noqa: E402
from group import Group, wait_for  # noqa: E402

TOOL = os.path.join(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")),
                    "tools", "dev-certs")
here = tempfile.mkdtemp(prefix="copse-group-tls-")


def make(name, certificates):
    done = subprocess.run([TOOL, os.path.join(here, name)], env=dict(os.environ, DEV_CERTS=certificates),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()


def flags(directory, name="peer"):
    base = os.path.join(here, directory, name)
    return ["--peer-cert-file", base + ".pem", "--peer-key-file", base + "-key.pem", "--peer-trusted-ca-file",
            os.path.join(here, directory, "ca.pem"), "--peer-client-cert-auth"]


def group_of(n, *peer_flags):
    g = Group(n, *(group.EASY + list(peer_flags)))
    for m in g.all:
        secure(m)
    return g


def secure(m):
    m.peer = m.peer.replace("http:", "https:")
    return m


def each_writes(members):
    for m in members:
        m.put("/by-" + m.name, m.name)
    for m in members:
        for x in members:
            m.has("/by-" + x.name, x.name)


def test_with_an_authority():
    """Founded and grown; a member that stops is a member again."""
    with group_of(3, *flags("ours")) as g:
        g.start()
        each_writes(g.all)
        d = secure(g.more())
        g.add(g.all[0], d)
        each_writes(g.all)
        assert g.all[1].stop() == 0
        g.all[0].put("/meanwhile", "1")
        g.start(g.all[1])
        g.all[1].has("/meanwhile", "1")


def test_of_their_own():
    """Each makes its own certificate, and keeps it."""
    with group_of(3, "--peer-auto-tls") as g:
        g.start()
        each_writes(g.all)
        cert = os.path.join(g.all[0].data, "fixtures", "peer", "cert.pem")
        with open(cert, encoding="ascii") as f:
            before = f.read()
        assert g.all[0].stop() == 0
        g.start(g.all[0])
        with open(cert, encoding="ascii") as f:
            assert f.read() == before
        each_writes(g.all)


def test_strangers():
    """Another authority, another common name, none at all: such a founder finds no leader, and the others go on."""
    with group_of(3, *flags("ours"), "--peer-cert-allowed-cn", "copse-peer") as g:
        a, b, c = g.all
        a.start(g.cluster(), *g.flags)
        b.start(g.cluster(), *g.flags)
        wait_for(a.is_healthy, "two of three find no leader")
        for odd in (flags("others"), flags("ours", "client"),
                    ["--peer-trusted-ca-file", os.path.join(here, "ours", "ca.pem"),
                     "--peer-auto-tls"]):
            refusals = a.log().count("tls.refused") + b.log().count("tls.refused")
            c.start(g.cluster(), *(group.EASY + odd))
            wait_for(lambda refusals=refusals: a.log().count("tls.refused") + b.log().count("tls.refused") > refusals,
                     "nobody is refused")
            assert not c.is_healthy()
            a.put("/goes-on", "1")
            c.kill()
            shutil.rmtree(c.data, ignore_errors=True)
        g.start(c)
        each_writes(g.all)


def test_new_certificates():
    """The authority is replaced under a running cluster, by one file that has both for a while; no restart."""
    both = tempfile.mkdtemp(dir=here)
    for name in ("peer.pem", "peer-key.pem", "ca.pem"):
        shutil.copy(os.path.join(here, "ours", name), both)
    with group_of(3, *flags(os.path.basename(both))) as g:
        g.start()
        each_writes(g.all)

        def swap(name, *sources):
            draft = os.path.join(both, name + ".new")
            with open(draft, "wb") as out:
                for s in sources:
                    with open(os.path.join(here, s, name), "rb") as f:
                        out.write(f.read())
            os.rename(draft, os.path.join(both, name))

        def reread():
            before = [m.log().count("tls.reloaded") for m in g.all]
            for m in g.all:
                m.process.send_signal(signal.SIGHUP)
            wait_for(lambda: all(m.log().count("tls.reloaded") > n for m, n in zip(g.all, before)), "files are not read")

        swap("ca.pem", "ours", "others")
        reread()
        swap("peer-key.pem", "others")
        swap("peer.pem", "others")
        reread()
        swap("ca.pem", "others")
        reread()
        each_writes(g.all)
        # and new streams are made with the new ones
        assert g.all[2].stop() == 0
        g.start(g.all[2])
        each_writes(g.all)


def test_broken_files():
    """A member whose files were spoilt keeps those it has: it calls peers that come back as if nothing was."""
    own = tempfile.mkdtemp(dir=here)
    for name in ("peer.pem", "peer-key.pem", "ca.pem"):
        shutil.copy(os.path.join(here, "ours", name), own)
    with group_of(3, *flags("ours")) as g:
        a, b, c = g.all
        a.start(g.cluster(), *(group.EASY + flags(os.path.basename(own))))
        for m in b, c:
            m.start(g.cluster(), *g.flags)
        for m in g.all:
            wait_for(m.is_healthy, "no leader")
        for name in ("peer-key.pem", "peer.pem", "ca.pem"):
            with open(os.path.join(own, name), "w", encoding="ascii") as f:
                f.write("spoilt\n")
        a.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "tls.reload " in a.log(), "the spoilt files are not told of")
        for m in b, c:
            assert m.stop() == 0
            g.start(m)
        each_writes(g.all)


TESTS = [test_with_an_authority, test_of_their_own, test_strangers, test_new_certificates, test_broken_files]

if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("skipped: openssl is needed")
        sys.exit(77)
    try:
        make("ours", "peer=copse-peer client=root")
        make("others", "peer=copse-peer")
        sys.exit(group.run(TESTS, sys.argv[1:], jobs=2))
    finally:
        shutil.rmtree(here)
