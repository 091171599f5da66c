#!/usr/bin/env python3
"""A member of three without room, first one that follows, then the one that leads: the cluster goes on without it, and with
it once there is room. Nothing acknowledged is lost.

  COPSE=src/copse filled.py

As full.py: where no small file systems can be mounted, the test is skipped with the reason. Standard library only."""
import http.client
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import full  # noqa: E402
import group  # noqa: E402
from group import wait_for  # noqa: E402


class Writer(threading.Thread):
    """Writes keys of its own through a member, one after the other, until told to end."""

    def __init__(self, number, member):
        super().__init__(daemon=True)
        self.number, self.member = number, member
        self.known, self.refusals, self.wrong, self.ended = {}, [], None, False

    def run(self):
        try:
            i = 0
            while not self.ended:
                i += 1
                key, value = "/w%d/%d" % (self.number, i), "%d." % i + "x" * 300
                status, _, text = self.member.ask("PUT", "/v2/keys" + key, "value=" + value)
                if status == 201:
                    self.known[key] = value
                elif status == 500 and json.loads(text)["errorCode"] == 300:
                    self.refusals.append(json.loads(text)["cause"])
                else:
                    self.wrong = "%s: %s" % (status, text)
                    return
        except (OSError, http.client.HTTPException, ValueError) as e:
            self.wrong = repr(e)

    def more(self, n):
        """N more acknowledged writes."""
        goal = len(self.known) + n
        wait_for(lambda: self.wrong or len(self.known) >= goal, "%d writes through %s" % (n, self.member.name))
        assert self.wrong is None, self.wrong


def tree(member):
    found = {}
    full.recovery.flatten(json.loads(member.ask("GET", "/v2/keys/?recursive=true")[2])["node"], found)
    return found


def fill(g, victim, writers, filler):
    """VICTIM has no room, until the others have gone on for a while without it."""
    others = [w for w in writers if w.member is not victim]
    filler.take()
    wait_for(lambda: "wal.no_room" in victim.log(), "it does not say that it has no room")
    for w in others:
        w.more(100)
    assert victim.ask("GET", "/v2/keys/")[0] == 200, "reads are concerned, too"
    wait_for(lambda: victim.leader() not in (None, victim.own_id()), "one without room leads on")
    for w in others:
        w.more(100)
    filler.give()
    for w in writers:
        w.more(20)


def inside(top):
    with group.Group(3) as g:
        for i, m in enumerate(g.all):
            m.data = os.path.join(top, str(i + 1), "data")
        g.start()
        writers = [Writer(i, m) for i, m in enumerate(g.all)]
        for w in writers:
            w.start()
        for leads in (False, True):
            leader = wait_for(g.all[0].leader, "there is no leader")
            victim = [m for m in g.all if (m.own_id() == leader) == leads][0]
            fill(g, victim, writers, full.Filler(os.path.dirname(victim.data)))
        known, refusals = {}, []
        for w in writers:
            w.ended = True
        for w in writers:
            w.join()
            assert w.wrong is None, w.wrong
            known.update(w.known)
            refusals += w.refusals
        assert refusals and all("no room" in r or "timed out" in r for r in refusals), set(refusals)
        for m in g.all:
            def lost(m=m):
                have = tree(m)
                return [k for k, v in known.items() if have.get(k) != v]
            wait_for(lambda lost=lost: not lost(), "%s has lost some of %d" % (m.name, len(known)))
            assert m.stop() == 0
            assert group.copse("verify", m.data)[0] == 0
    print("%d values acknowledged around full disks, none lost; refused %d: %s" % (len(known), len(refusals), sorted(set(refusals))))
    return 0


if __name__ == "__main__":
    sys.exit(inside(os.environ[full.INSIDE]) if full.INSIDE in os.environ else full.enter(__file__, 3))
