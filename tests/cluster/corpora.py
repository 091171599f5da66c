#!/usr/bin/env python3
"""What was recorded from a single etcd, asked of members of a cluster of three, leader or not: the requests of tests/api and
the uses of the command line of tests/ctl, all of a case through the same member. So this is also the proof that what a
member has answered is there for the next request to it.

  COPSE=src/copse corpora.py [--full] [--etcd]

Without --full it is a member that does not lead, and the cases in which no time must pass; with it etcdctl is tried, too,
where there is one. --etcd: a cluster of etcd 3.4 and its etcdctl, to prove the cases. Standard library only.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import group  # noqa: E402

# Of the command line: what speaks most with the server.
QUICK = ["get and set", "swap", "mk", "directories", "update", "rm and rmdir", "watch once", "watch history", "members and health",
         "auth on"]


class Etcd(group.Member):
    program = "etcd"

    def words(self, cluster, flags):
        return ["--enable-v2"] + super().words(cluster, flags)[1:]

    def stop(self):
        """It ends itself with the signal, when all is done."""
        code = super().stop()
        return 0 if code == -signal.SIGTERM else code


def requests(members, url, ctl, args):
    """The words of the replay, which names its cases as passed or failed."""
    return [os.path.join(HERE, "..", "api", "replay.py"), "--url", url] + \
        (["--etcd"] if args.etcd else []) + ([] if args.full else ["--quick"])


def commands(members, url, ctl, args):
    return [os.path.join(HERE, "..", "ctl", "replay.py"), "--url", url, "--members",
            ",".join(m.client for m in members if m.client != url), "--ctl", ctl] + \
        (["--reference"] if args.etcd else []) + ([] if args.full else [w for c in QUICK for w in ("--case", c)])


def commands_of_etcdctl(members, url, ctl, args):
    return commands(members, url, "etcdctl", args) + ["--reference"]


def play(words_of, ctl, args, failed):
    """All that is asked for, on a cluster of its own."""
    try:
        with group.Group(3, member=Etcd if args.etcd else group.Member) as g:
            g.all[0].name = "default"  # the name of a member that is given none, which a case counts on
            g.start()
            leader = group.wait_for(g.all[0].leader, "there is no leader")
            others = [m for m in g.all if m.own_id() != leader]
            for m in g.all if args.full else others[:1]:
                r = subprocess.run([sys.executable] + words_of(g.all, m.client, ctl, args), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                text = r.stdout.decode("utf-8", "replace")
                print("%s through %s:\n%s" % (words_of.__name__, "a member that does not lead" if m in others else "the leader",
                                              text), end="", flush=True)
                if r.returncode != 0:
                    failed.append(words_of)
    except Exception as e:  # pylint: disable=broad-except  # whatever it is, this has not passed
        failed.append(words_of)
        print("FAIL %s: %r" % (words_of.__name__, e))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--full", action="store_true")
    p.add_argument("--etcd", action="store_true")
    args = p.parse_args()
    if not os.access(os.environ.get("COPSE", ""), os.X_OK):
        sys.exit("COPSE names no program")
    failed = []
    with tempfile.TemporaryDirectory(prefix="copse-corpora-") as links:
        ctl = "etcdctl"
        if not args.etcd:  # help texts name the program as it was called
            ctl = os.path.join(links, ctl)
            os.symlink(os.path.abspath(os.environ["COPSE"]), ctl)
        what = [requests, commands]
        if args.full and not args.etcd and shutil.which("etcdctl"):
            what.append(commands_of_etcdctl)
        jobs = [threading.Thread(target=play, args=(words_of, ctl, args, failed)) for words_of in what]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    print("failed" if failed else "passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
