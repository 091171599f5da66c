#!/usr/bin/env python3
"""Clusters of real processes: founded, grown, shrunk, moved, lost and restored; and every mistake that is made on the way
refused, with the next command.

  COPSE=src/copse members.py [NAME ...]

Standard library only.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import group  # noqa: E402
from group import Group, copse, wait_for  # noqa: E402


def ctl(member, *words):
    return copse("--endpoints", member.client, *words)


def is_voter_everywhere(g, members):
    """All of MEMBERS have published themselves and see the same table."""
    def same():
        tables = [m.members() for m in members]
        return all(t == tables[0] and len(t) == len(members) and all(x["clientURLs"] for x in t) for t in tables)
    wait_for(same, "the members do not agree on who they are")


def speaks_of_peers(member, others):
    """etcd's metrics of the ways between a leader and the others, and promtool finds nothing in them."""
    def sample(text, name, *ids):
        line = re.search(r'^%s\{%s\} (\d+)$' % (name, ",".join('[A-Z][a-z]+="%s"' % i for i in ids)), text, re.M)
        return int(line.group(1)) if line else 0

    for other in others:
        def told():
            text = member.ask("GET", "/metrics")[2]
            return (sample(text, "etcd_network_active_peers", member.own_id(), other.own_id()) == 1 and
                    sample(text, "etcd_network_peer_sent_bytes_total", other.own_id()) > 0 and
                    sample(text, "etcd_network_peer_received_bytes_total", other.own_id()) > 0)
        wait_for(told, "metrics do not speak of " + other.name)
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=member.ask("GET", "/metrics")[2], text=True, check=True)


def test_founded():
    """Three that start one after the other; ids, names and indexes are those of etcd; each serves, and takes commands."""
    with Group(3) as g:
        a, b, c = g.all
        a.start(g.cluster(), *g.flags)
        # nothing is committed yet, and all are known, to clients and to members
        wait_for(lambda: a.try_ask("GET", "/version")[0] == 200, "it does not answer alone")
        founders = sorted((m.name, [m.peer], []) for m in g.all)
        assert sorted((m["name"], m["peerURLs"], m["clientURLs"]) for m in a.members()) == founders, a.members()
        with urllib.request.urlopen(a.peer + "/members", timeout=60) as answer:
            told = json.load(answer)
        assert sorted((m["name"], m["peerURLs"], m.get("clientURLs", [])) for m in told) == founders, told
        b.start(g.cluster(), *g.flags)
        wait_for(a.is_healthy, "two of three find no leader")
        # known before it has ever run
        wait_for(lambda: [(m["peerURLs"], m["clientURLs"]) for m in a.members() if m["name"] == "m3"] == [([c.peer], [])],
                 "a founder is not known")
        g.start(c)
        is_voter_everywhere(g, g.all)
        wait_for(lambda: a.index() == 7, "three founders, three that publish, one level: 7 indexes")
        for m in g.all:
            m.put("/by-" + m.name, m.name)
        for m in g.all:
            for x in g.all:
                m.has("/by-" + x.name, x.name)
            code, text = ctl(m, "member", "list")
            assert code == 0 and text.count("isLeader=true") == 1 and text.count("clientURLs=http") == 3, text
            code, text = ctl(m, "cluster-health")
            assert code == 0 and "cluster is healthy" in text, text
            assert m.ask("GET", "/v2/machines")[2] == ", ".join(sorted(x.client for x in g.all))
        leads = wait_for(lambda: next((m for m in g.all if m.leader() == m.own_id()), None), "no leader")
        speaks_of_peers(leads, [m for m in g.all if m is not leads])
        # flags do not count any more: the directory says who this is
        id_of_a = a.own_id()
        assert a.stop() == 0
        a.start("other=http://127.0.0.1:1", "--initial-cluster-token", "other", *g.flags)
        wait_for(a.is_healthy, "no leader after a restart")
        assert a.own_id() == id_of_a
        a.has("/by-m3", "m3")
        # all at once: they find each other by what is in their directories
        for m in g.all:
            assert m.stop() == 0
        for m in g.all:
            m.start("%s=%s" % (m.name, m.peer), *g.flags)
        for m in g.all:
            m.has("/by-m3", "m3")
        a.put("/again", "yes")


def test_counted():
    """/v2/stats of leader and followers: who they are from the start on, what they answered and what was not sent, and rates
    as long as there is traffic."""
    with Group(3) as g:
        a, b, c = g.all
        for m in (a, b):
            m.start(g.cluster(), *g.flags)
        leader_id = wait_for(a.leader, "two of three find no leader")
        leader, other = (a, b) if a.own_id() == leader_id else (b, a)
        id_of_c = [m["id"] for m in a.members() if m["name"] == "m3"][0]

        def stats(m, which):
            status, _, text = m.ask("GET", "/v2/stats/" + which)
            return status, json.loads(text)

        def follower(member_id):
            return stats(leader, "leader")[1]["followers"][member_id]
        # one that has never been there is one of them, too
        status, now = stats(leader, "leader")
        assert (status, now["leader"], sorted(now["followers"])) == (200, leader_id, sorted([other.own_id(), id_of_c])), now
        wait_for(lambda: follower(id_of_c)["counts"]["fail"] > 0, "nothing is missed by a member that is not there")
        assert follower(id_of_c)["counts"]["success"] == 0
        g.start(c)
        before = {m: stats(m, "self")[1] for m in g.all}
        success = follower(other.own_id())["counts"]["success"]
        for i in range(20):
            leader.put("/k/%d" % i, "v" * 100)
        # an answer is counted for each, and its time taken
        for m in (other, c):
            m.has("/k/19", "v" * 100)
            wait_for(lambda m=m: follower(m.own_id())["counts"]["success"] > 0, "no answer is counted")
            latency = follower(m.own_id())["latency"]
            assert 0 < latency["minimum"] <= latency["average"] <= latency["maximum"], latency
            assert latency["minimum"] <= latency["current"] <= latency["maximum"], latency
        assert follower(other.own_id())["counts"]["success"] > success
        # appends are what the leader sends, and rates are there as long as they go
        assert stats(leader, "self")[1]["sendAppendRequestCnt"] >= before[leader]["sendAppendRequestCnt"] + 20
        assert stats(leader, "self")[1]["recvAppendRequestCnt"] == before[leader]["recvAppendRequestCnt"]

        def has_rates(m, way):
            leader.put("/rate", "v")
            now = stats(m, "self")[1]
            return now.get(way + "PkgRate", 0) > 0 and now.get(way + "BandwidthRate", 0) > 0
        wait_for(lambda: has_rates(leader, "send"), "the leader tells no rate")
        for m in (other, c):
            wait_for(lambda m=m: has_rates(m, "recv"), "a follower tells no rate")
            now = stats(m, "self")[1]
            assert now["leaderInfo"]["leader"] == leader_id and now["sendAppendRequestCnt"] == before[m]["sendAppendRequestCnt"], now
            assert stats(m, "leader") == (403, {"message": "not current leader"})
        wait_for(lambda: not [k for k in stats(leader, "self")[1] if k.endswith("Rate")], "a rate where there is no traffic")
        # one that has gone is missed again
        fail = follower(c.own_id())["counts"]["fail"]
        id_of_c = c.own_id()
        c.kill()
        wait_for(lambda: follower(id_of_c)["counts"]["fail"] > fail, "nothing is missed by a member that was killed")


def refused(member, cluster, *flags):
    """The start is refused, and nothing is written. Gives the text."""
    code, text = copse(*member.words(cluster, flags))
    assert code in (1, 2), "%d: %s" % (code, text)
    assert not os.path.exists(member.data), "something was written: " + text
    return text


def test_mistakes():
    with Group(2) as g:
        a, b = g.all
        x = group.Member(g.top, "x")
        text = refused(x, g.cluster())
        assert 'couldn\'t find local name "x" in the initial cluster configuration' in text, text
        text = refused(x, g.cluster() + ",x=http://127.0.0.1:1")
        assert "has x=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=" + x.peer in text, text
        text = refused(x, "x=%s,y=%s" % (x.peer, x.peer))
        assert "has duplicate url" in text, text
        text = refused(x, "x=%s,y=ftp://127.0.0.1:1" % x.peer)
        assert "URL scheme must be http, https, unix, or unixs: ftp://127.0.0.1:1" in text, text
        text = refused(x, "x=" + x.peer, "--initial-cluster-state", "existing")
        assert "names no other member to ask" in text, text
        text = refused(x, "x=" + x.peer, "--force-new-cluster")
        assert "there is none in" in text, text

        g.start()
        is_voter_everywhere(g, g.all)
        both = g.cluster() + ",x=" + x.peer
        text = refused(x, both, "--initial-cluster-state", "existing")
        assert "x has not been added to cluster" in text and "copse member add x " + x.peer in text, text
        text = refused(x, both)
        assert "belongs to cluster" in text and "--initial-cluster-state=existing" in text, text
        # a wiped directory
        assert b.stop() == 0
        kept = b.data + ".kept"
        shutil.move(b.data, kept)
        text = refused(b, g.cluster())
        assert "has already been bootstrapped" in text and "copse member remove" in text, text
        text = refused(b, g.cluster(), "--initial-cluster-token", "other")
        assert "belongs to cluster" in text and "--initial-cluster-token" in text, text
        text = refused(b, g.cluster(), "--initial-cluster-state", "existing")
        assert "has already been bootstrapped" in text, text
        # the directory of another cluster
        shutil.move(kept, b.data)
        other = group.Member(g.top, "other")
        other.start("other=" + other.peer, *g.flags)
        wait_for(other.is_healthy, "a member alone does not start")
        assert other.stop() == 0
        words = other.words(g.cluster() + ",other=" + other.peer, [])
        code, text = copse(*words)
        assert code == 1 and "give another --data-dir" in text, text
        g.start(b)


def test_killed_while_it_joins():
    """What one that joins has of the log names none but members who have gone since: started again, it asks those of today."""
    with Group(1) as g:
        a = g.all[0]
        g.start()
        writers = [threading.Thread(target=lambda n=n: [a.put("/k/%d-%d" % (n, i), "v") for i in range(750)]) for n in range(4)]
        for w in writers:
            w.start()
        for w in writers:
            w.join()
        b, c = g.more(), g.more()
        code, text = ctl(a, "member", "add", b.name, b.peer)
        assert code == 0, text
        joins = ["--initial-cluster-state", "existing"] + g.flags
        b.start("%s=%s,%s=%s" % (a.name, a.peer, b.name, b.peer), *joins)
        wait_for(lambda: "members.quorum voters=2" in b.log(), "it is not promoted")
        code, text = ctl(b, "member", "remove", a.own_id())
        assert code == 0 and a.ended() == 0, text
        wait_for(b.is_healthy, "it does not lead alone")
        code, text = ctl(b, "member", "add", c.name, c.peer)
        assert code == 0, text
        words = "%s=%s,%s=%s" % (b.name, b.peer, c.name, c.peer)
        c.start(words, *joins)
        wait_for(lambda: c.try_ask("GET", "/v2/keys/k")[0] == 200, "it is sent nothing")
        c.kill()  # with the first of many entries, most likely
        c.start(words, *joins)
        c.has("/k/3-749", "v")


def test_grown_and_shrunk():
    """One becomes three by members that are added while it works; they are removed again, the leader too."""
    with Group(1) as g:
        a = g.all[0]
        g.start()
        for i in range(50):
            a.put("/k/%d" % i, "v%d" % i)
        index = a.index()
        b, c = g.more(), g.more()
        g.add(a, b)
        assert a.index() == index + 2, "one index to add, one to publish"
        g.add(b, c)
        for m in (b, c):
            m.has("/k/49", "v49")
        is_voter_everywhere(g, g.all)
        wait_for(lambda: all("members.quorum voters=3" in m.log() for m in g.all), "not all were promoted")
        # any one may fail now
        a.kill()
        b.put("/alive", "yes")
        g.start(a)
        a.has("/alive", "yes")
        # errors, to the byte
        # (with a URL more: the same one in the second it was added in makes the same id, and another error)
        status, _, text = a.ask("POST", "/v2/members", json.dumps({"peerURLs": [b.peer, "http://127.0.0.1:1"]}), True)
        assert (status, text) == (409, '{"message":"membership: peerURL exists"}'), (status, text)
        status, _, text = a.ask("DELETE", "/v2/members/123")
        assert (status, text) == (404, '{"message":"No such member: 123"}'), (status, text)
        # the leader goes
        leader = wait_for(a.leader, "there is no leader")
        gone = [m for m in g.all if m.own_id() == leader][0]
        left = [m for m in g.all if m is not gone]
        before = gone.index()
        code, text = ctl(left[0], "member", "remove", leader)
        assert code == 0 and "Removed member %s from cluster" % leader in text, text
        assert gone.ended() == 0, "a removed member does not end well: " + gone.log()
        assert "permanently removed" in gone.log()
        wait_for(lambda: left[0].leader() not in (None, leader), "no new leader")
        assert left[0].index() == before + 2, "a removal costs two indexes"
        status, _, text = left[0].ask("DELETE", "/v2/members/" + leader)
        assert (status, text) == (410, '{"message":"Member permanently removed: %s"}' % leader), (status, text)
        # it cannot come back with what it has
        gone.start(g.cluster(), *g.flags)
        assert gone.ended() == 0
        # and one more: the last goes on alone
        last, second = left
        code, text = ctl(last, "member", "remove", second.own_id())
        assert code == 0, text
        assert second.ended() == 0
        last.put("/alone", "yes")
        assert len(last.members()) == 1
        # removed ids and the table survive
        assert last.stop() == 0
        g.start(last)
        assert last.ask("DELETE", "/v2/members/" + leader)[0] == 410


def test_moved():
    """A member that is moved with its directory to another address keeps its id."""
    with Group(3) as g:
        g.start()
        a, b, c = g.all
        is_voter_everywhere(g, g.all)
        a.put("/before", "1")
        id_of_c = c.own_id()
        assert c.stop() == 0
        there = group.Member(g.top, "m3-moved")
        shutil.copytree(c.data, there.data)
        there.name = "m3"
        code, text = ctl(a, "member", "update", id_of_c, there.peer)
        assert code == 0 and "Updated member with ID %s in cluster" % id_of_c in text, text
        shutil.rmtree(c.data)
        g.all[2] = there
        # its old flags: the new URL is the table's
        there.start("m3=" + c.peer, "--initial-advertise-peer-urls", c.peer, *g.flags)
        wait_for(there.is_healthy, "the moved one finds no leader")
        there.has("/before", "1")
        assert there.own_id() == id_of_c
        wait_for(lambda: [m["peerURLs"] for m in a.members() if m["id"] == id_of_c] == [[there.peer]], "the URL is not the new one")
        a.kill()
        there.put("/after", "2")  # needs the moved one's vote
        g.start(a)
        wait_for(lambda: [(m["peerURLs"], m["clientURLs"]) for m in a.members() if m["id"] == id_of_c] ==
                 [([there.peer], [there.client])], "the table has forgotten the new URL")


def test_disaster():
    """Two of three are lost: the survivor goes on alone, and grows again."""
    with Group(3) as g:
        g.start()
        a, b, c = g.all
        is_voter_everywhere(g, g.all)
        for i in range(20):
            b.put("/k/%d" % i, "v%d" % i)
        c.has("/k/19", "v19")
        before = {m["name"]: m["id"] for m in c.members()}
        for m in g.all:
            m.kill()
        c.start(g.cluster(), "--force-new-cluster", *g.flags)
        wait_for(c.is_healthy, "the survivor does not lead")
        c.has("/k/19", "v19")
        assert [m["id"] for m in c.members()] == [before["m3"]], c.members()
        assert c.ask("DELETE", "/v2/members/" + before["m1"])[0] == 410
        c.put("/alone", "yes")
        assert c.stop() == 0
        c.start(g.cluster(), *g.flags)  # without the flag
        wait_for(c.is_healthy, "the survivor does not start again")
        c.has("/alone", "yes")
        shutil.rmtree(a.data)
        g.add(c, a)
        a.has("/k/0", "v0")
        a.has("/alone", "yes")
        # one of those that were lost is found again: it is told that it does not belong
        b.start(g.cluster(), *g.flags)
        assert b.ended() == 0, b.log()
        c.put("/end", "yes")
        a.has("/end", "yes")


def test_restored():
    """A backup becomes a new cluster of three, whose members agree on everything."""
    with Group(1) as old:
        old.start()
        m = old.all[0]
        for i in range(30):
            m.put("/k/%d" % i, "v%d" % i)
        m.put("/k/0", "last")
        index = m.index()
        backup = os.path.join(old.top, "backup")
        code, text = copse("backup", "--data-dir", m.data, "--backup-dir", backup)
        assert code == 0, text
        with Group(3) as g:
            for n in g.all:
                code, text = copse("restore", backup, "--data-dir", n.data, "--name", n.name, "--initial-cluster", g.cluster(),
                                   "--initial-cluster-token", "new", "--initial-advertise-peer-urls", n.peer)
                assert code == 0, text
                assert copse("verify", n.data)[0] == 0
            g.flags = g.flags + ["--initial-cluster-token", "new"]
            g.start()
            is_voter_everywhere(g, g.all)
            for n in g.all:
                n.has("/k/0", "last")
                node = json.loads(n.ask("GET", "/v2/keys/k/29")[2])["node"]
                assert node == json.loads(m.ask("GET", "/v2/keys/k/29")[2])["node"], node
            wait_for(lambda: g.all[0].index() == index + 3, "each publishes itself, and that is all")
            g.all[1].put("/new", "yes")
            g.all[2].has("/new", "yes")
            assert g.all[0].ask("GET", "/v2/members")[1]["X-Etcd-Cluster-Id"] != m.ask("GET", "/v2/members")[1]["X-Etcd-Cluster-Id"]


def test_strict():
    """With the check that is on by default, what could cost the quorum is refused."""
    with Group(2, "--strict-reconfig-check") as g:
        a, b = g.all
        g.start()
        is_voter_everywhere(g, g.all)
        body = json.dumps({"peerURLs": ["http://127.0.0.1:9"]})
        id_of_b = b.own_id()
        b.kill()
        # one of two is away: the other cannot be sure of anything; and nobody could commit it
        status, _, text = a.ask("POST", "/v2/members", body, True)
        assert (status, text) == (500, '{"message":"Internal Server Error"}'), (status, text)
        assert "not connected" in a.log(), a.log()
        g.start(b)
        # after 5 s with each other it is allowed
        wait_for(lambda: a.ask("POST", "/v2/members", body, True)[0] == 201, "a healthy cluster takes no member")
        # one that has not started: no other may come, it may go again
        assert a.ask("POST", "/v2/members", json.dumps({"peerURLs": ["http://127.0.0.1:8"]}), True)[0] == 500
        new = [m["id"] for m in a.members() if m["name"] == ""][0]
        assert a.ask("DELETE", "/v2/members/" + new)[0] == 204
        assert [m["id"] for m in a.members() if m["id"] == id_of_b]


def test_forgotten():
    """A member alone keeps little of its log in memory: those who come get a snapshot, which nobody had made before; also when
    it is killed meanwhile."""
    with Group(1) as g:
        a = g.all[0]
        g.start()
        for i in range(12):
            a.put("/large/%d" % i, "%d" % i * (512 << 10))
        assert "snapshot.taken" not in a.log()
        a.kill()
        g.start(a)
        a.put("/small", "1")
        b, c = g.more(), g.more()
        g.add(a, b)
        is_voter_everywhere(g, [a, b])
        assert a.log().count("snapshot.taken") == 1 and b.log().count("install.done") == 1, a.log() + b.log()
        b.put("/small", "2")
        code, text = ctl(a, "member", "add", c.name, c.peer)
        assert code == 0, text
        a.kill()
        g.start(a)
        a.put("/small", "3")
        c.start(text.split("ETCD_INITIAL_CLUSTER=\"")[1].split("\"")[0], "--initial-cluster-state", "existing", *g.flags)
        wait_for(c.is_healthy, "m3 finds no leader")
        is_voter_everywhere(g, g.all)
        for m in g.all:
            m.has("/small", "3")
        trees = [json.loads(m.ask("GET", "/v2/keys/?recursive=true&sorted=true")[2]) for m in g.all]
        assert trees[0] == trees[1] == trees[2] and len(trees[0]["node"]["nodes"]) == 2
        assert trees[0]["node"]["nodes"][0]["nodes"][1]["value"] == "1" * (512 << 10), "a value is not what it was"
        assert sum(m.log().count("snapshot.taken") for m in g.all) <= 2, "snapshots are made again and again"


# The longest first.
TESTS = [test_forgotten, test_killed_while_it_joins, test_grown_and_shrunk, test_strict, test_disaster, test_founded, test_restored, test_counted, test_mistakes, test_moved]

if __name__ == "__main__":
    if not os.access(os.environ.get("COPSE", ""), os.X_OK):
        sys.exit("COPSE names no program")
    sys.exit(group.run(TESTS, sys.argv[1:]))
