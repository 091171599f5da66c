#!/usr/bin/env python3
"""What surrounds a service: the manager's notify socket and watchdog, sockets that it hands over,
logs that are moved away, settings without effect."""
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE_S, Server, open_watch, run, wait_for  # noqa: E402


class Load:
    """Threads that write keys of their own over connections that stay, until they are told to stop or the
    server goes; what was acknowledged is kept by key."""

    def __init__(self, server, threads=4):
        self.server, self.done, self.acknowledged, self.wrong = server, False, {}, []
        self.threads = [threading.Thread(target=self.write, args=(i,)) for i in range(threads)]
        for t in self.threads:
            t.start()
        wait_for(lambda: len(self.acknowledged) > 20, "the load to begin")

    def write(self, who):
        conn = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
        n = 0
        try:
            while not self.done:
                n += 1
                key = "/load/%d-%d" % (who, n)
                conn.request("PUT", "/v2/keys" + key, "value=v%d" % n, {"Content-Type": "application/x-www-form-urlencoded"})
                answer = conn.getresponse()
                body = answer.read()
                if answer.status == 201:
                    self.acknowledged[key] = "v%d" % n
                elif b"server stopped" not in body:
                    self.wrong.append((answer.status, body[:200]))
                if answer.getheader("Connection") == "close":
                    return
        except (OSError, http.client.HTTPException):
            pass  # it has gone
        finally:
            conn.close()

    def end(self):
        self.done = True
        for t in self.threads:
            t.join()
        assert not self.wrong, self.wrong[:3]


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, abstract=False):
        self.dir = tempfile.mkdtemp(prefix="copse-notify-")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE_S)
        path = os.path.join(self.dir, "socket")
        self.socket.bind("\0" + path if abstract else path)
        self.env = dict(os.environ, NOTIFY_SOCKET="@" + path if abstract else path)

    def hear(self, pattern):
        """The first message from now on that has a line like this."""
        while True:
            text = self.socket.recv(4096).decode()
            if re.search(pattern, text, re.M):
                return text

    def close(self):
        self.socket.close()
        shutil.rmtree(self.dir)


def log_of(server):
    server.log.seek(0)
    return server.log.read().decode()


def ready_when_serving():
    for abstract in False, True:
        m = Manager(abstract)
        with Server(env=m.env) as s:
            m.hear("^READY=1$")
            assert s.ask("GET", "/health")[0] == 200  # no waiting in between
            m.hear("^STATUS=serving as leader, index [0-9]+$")
        m.hear("^STOPPING=1$")
        m.close()


def watchdog_is_fed():
    m = Manager()
    m.env["WATCHDOG_USEC"] = "300000"
    with Server(env=m.env):
        for _ in range(3):
            m.hear("^WATCHDOG=1$")
    m.close()


def a_failed_start_is_told():
    m = Manager()
    with Server() as s:
        data = os.path.join(s.dir, "data")
        done = subprocess.run([os.environ["COPSE"], "serve", "--data-dir", data], env=m.env,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 1 and "in use by process" in done.stderr, done
        m.hear("^STATUS=.*in use by process")
    m.close()


def a_start_is_given_up():
    # A snapshot that nobody writes into: whoever reads it stands there.
    with tempfile.TemporaryDirectory() as top:
        snap = os.path.join(top, "member", "snap")
        os.makedirs(snap)
        os.mkfifo(os.path.join(snap, "%016x-%016x.jsonl" % (1, 1)))
        for sig in signal.SIGTERM, signal.SIGINT:
            m = Manager()
            s = Server("--data-dir", top, env=m.env)

            def has_lock():
                try:
                    with open(os.path.join(top, "member", "lock")) as f:
                        return f.read().split() == [str(s.process.pid)]
                except FileNotFoundError:
                    return False
            try:
                wait_for(has_lock, "it to begin")
                s.process.send_signal(sig)
                assert s.process.wait(PATIENCE_S) == 0
            finally:
                s.process.kill()
                s.process.wait()
            m.hear("^STOPPING=1$")
            words = log_of(s)
            assert "server.stopping signal=%s " % sig.name in words and "server.stopped" in words, words
            assert "server.serving" not in words, words
            s.log.close()
            shutil.rmtree(s.dir)
            m.close()
        os.remove(os.path.join(snap, "%016x-%016x.jsonl" % (1, 1)))
        with Server("--data-dir", top) as s:
            s.put("/a", "1")


def quiet_without_a_manager():
    with Server() as s:
        assert "systemd" not in log_of(s)
    with Server(env=dict(os.environ, NOTIFY_SOCKET="/nonexistent/socket")) as s:
        wait_for(lambda: "systemd.deaf" in log_of(s), "a word about it")


AS_THE_MANAGER = """
import os, sys
n = int(sys.argv[1])
for i, number in enumerate(sys.argv[3:3 + n]):
    os.dup2(int(number), 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(n), LISTEN_FDNAMES=sys.argv[2])
os.execvp(sys.argv[3 + n], sys.argv[3 + n:])
"""


def handed_over(names, *sockets):
    """A server that gets SOCKETS as descriptors 3, 4, …, as the manager does it. Meanwhile they have numbers beyond those."""
    numbers = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 3 + len(sockets)) for s in sockets]
    prefix = [sys.executable, "-c", AS_THE_MANAGER, str(len(sockets)), names] + [str(n) for n in numbers]
    return Server(prefix=prefix, pass_fds=numbers), numbers


def listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    return s


def sockets_are_taken():
    clients, metrics = listening(), listening()
    server, numbers = handed_over("copse.socket:metrics", clients, metrics)
    server.port = clients.getsockname()[1]
    with server as s:
        s.put("/a")
        assert "server.sockets_given" in log_of(s)
        s.port = metrics.getsockname()[1]
        assert s.ask("GET", "/metrics")[0] == 200
        assert s.ask("GET", "/v2/keys/a")[0] == 404
        s.port = clients.getsockname()[1]
    for n in numbers:
        os.close(n)
    # The manager keeps its own: clients that come meanwhile wait for the next start.
    waiting = socket.create_connection(clients.getsockname())
    waiting.close()
    for s in clients, metrics:
        s.close()


def logs_move():
    with tempfile.TemporaryDirectory() as d:
        access, audit, own = (os.path.join(d, n) for n in ("access", "audit", "own"))
        with Server("--access-log", access, "--audit-log", audit, "--log-outputs", own,
                    "--log-format", "json") as s:
            s.put("/a", "secret")
            s.ask("PUT", "/v2/keys/a?prevExist=false&value=secret")
            s.ask("POST", "/v2/keys/q", "value=secret")
            s.ask("GET", "/v2/keys/a?quorum=true")
            s.ask("DELETE", "/v2/keys/none", headers={"Authorization": "Basic am9lOnNlY3JldA=="})

            def lines(path):
                with open(path) as f:
                    return [json.loads(line) for line in f if line.endswith("\n")]  # or it is being written

            wait_for(lambda: len(lines(audit)) == 4, "four lines of audit")
            got = [[e.get(k) for k in ("method", "path", "key", "action", "index", "status", "outcome", "user")]
                   for e in lines(audit)]
            assert got == [
                ["PUT", "/v2/keys/a", "/a", "set", 4, 201, "done", None],
                ["PUT", "/v2/keys/a", None, None, 4, 412, "refused", None],
                ["POST", "/v2/keys/q", "/q/00000000000000000005", "create", 5, 201, "done", None],
                ["DELETE", "/v2/keys/none", None, None, 5, 404, "refused", "joe"]], got
            assert all(e["client"].startswith("127.0.0.1:") for e in lines(audit))
            # Several threads write it, each when a request has ended.
            wait_for(lambda: sorted(e["status"] for e in lines(access) if "keys" in e["path"]) ==
                     [200, 201, 201, 404, 412], "five lines of access")

            for path in access, audit, own:
                os.rename(path, path + ".1")
            s.process.send_signal(signal.SIGHUP)
            for path in access, audit, own:
                wait_for(lambda: os.path.exists(path), "a new " + path)
            s.put("/b", "secret")
            wait_for(lambda: len(lines(audit)) == 1, "a line in the new file")
            assert len(lines(audit + ".1")) == 4
            wait_for(lambda: any(e["event"] == "server.reread" for e in lines(own)), "the new log")
            for path in access, audit, own:
                for name in path, path + ".1":
                    with open(name) as f:
                        assert "secret" not in f.read(), name


def logs_move_under_load():
    """Each write is one line of the audit log, in whichever file, but for those that are counted as dropped."""
    with tempfile.TemporaryDirectory() as d:
        audit, own = os.path.join(d, "audit"), os.path.join(d, "own")
        with Server("--audit-log", audit, "--log-outputs", own, "--log-format", "json") as s:
            load = Load(s)
            for turn in range(10):
                for path in audit, own:
                    os.rename(path, "%s.%d" % (path, turn))
                s.process.send_signal(signal.SIGHUP)
                for path in audit, own:
                    wait_for(lambda: os.path.exists(path), "a new " + path)
            load.end()
            dropped = int(re.search(rb'dropped_total\{log="audit"\} (\d+)', s.ask("GET", "/metrics")[1]).group(1))

            def keys():
                out = []
                for name in os.listdir(d):
                    if name.startswith("audit"):
                        with open(os.path.join(d, name)) as f:
                            out += [json.loads(line)["key"] for line in f if line.endswith("\n")]
                return out

            wait_for(lambda: len(keys()) + dropped >= len(load.acknowledged), "a line for each write")
            got = keys()
            assert len(got) == len(set(got)) and set(got) <= set(load.acknowledged), "a line too many"
            print("     %d writes, %d lines dropped" % (len(load.acknowledged), dropped))


def stop_under_load_loses_nothing():
    """What was acknowledged is there afterwards; nobody who waits, sends slowly or reads nothing holds it up."""
    with Server() as s:
        s.put("/w")
        hangers = [open_watch(s, "/load", "wait=true&stream=true&recursive=true") for _ in range(8)]
        hangers += [open_watch(s, "/none", "wait=true"), s.connect(), s.connect()]
        hangers[-1].sendall(b"PUT /v2/keys/half HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nvalue=")
        load = Load(s, 8)
        begin = time.monotonic()
        s.process.send_signal(signal.SIGTERM)
        code = s.process.wait(PATIENCE_S)
        took = time.monotonic() - begin
        load.end()
        assert code == 0, code
        for h in hangers:
            h.close()
        print("     %d writes acknowledged, gone after %.2f s" % (len(load.acknowledged), took))
        s.process = subprocess.Popen(s.process.args, stdin=subprocess.DEVNULL, stdout=s.log, stderr=s.log)
        wait_for(s.is_ready, "the server to start again")
        nodes = json.loads(s.ask("GET", "/v2/keys/load")[1])["node"]["nodes"]
        there = {n["key"]: n["value"] for n in nodes}
        lost = {k: v for k, v in load.acknowledged.items() if there.get(k) != v}
        assert not lost, list(lost)[:5]
        assert s.ask("GET", "/v2/keys/half")[0] == 404


def handed_over_sockets_lose_nobody():
    """The manager keeps the socket: who connects while the server restarts is served by the next one."""
    clients = listening()
    for turn in range(3):
        server, numbers = handed_over("copse.socket", clients)
        server.port = clients.getsockname()[1]
        with server as s:
            if turn > 0:
                waiting.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
                assert waiting.recv(4096).startswith(b"HTTP/1.1 200 "), turn
                waiting.close()
            load = Load(s, 2)
        load.end()
        waiting = socket.create_connection(clients.getsockname(), PATIENCE_S)
        for n in numbers:
            os.close(n)
    waiting.close()
    clients.close()


def settings_without_effect_are_told():
    env = dict(os.environ, ETCD_MAX_WALS="5", ETCD_NOSUCH="1", COPSE_ENDPOINTS="http://x:1")
    env.pop("COPSE_SANITIZE", None)
    with Server("--pre-vote", env=env) as s:
        wait_for(lambda: "server.serving" in log_of(s), "the end of the start")
        lines = [line for line in log_of(s).splitlines() if " warn option." in line]
        assert len(lines) == 3 + ("listen-peer-urls" in log_of(s)), lines
        for flag in "max-wals", "pre-vote":
            assert any("option.no_effect flag=%s reason=" % flag in line for line in lines), lines
        assert any("option.unknown variable=ETCD_NOSUCH" in line for line in lines), lines


def only_known_names_are_answered():
    with Server("--host-whitelist", "a.example,127.0.0.1") as s:
        assert s.ask("GET", "/version", headers={"Host": "a.example:1"})[0] == 200
        status, body = s.ask("PUT", "/v2/keys/a", "value=x", {"Host": "evil.example"})
        assert status == 421 and b'--host-whitelist "evil.example"' in body, (status, body)
        assert s.ask("GET", "/v2/keys/a")[0] == 404


def the_log_may_stand_apart():
    def tool(*words):
        return subprocess.run([os.environ["COPSE"]] + list(words), capture_output=True, text=True, timeout=PATIENCE_S)

    def again(top, data, *flags):
        """Starts it once more on what is there; gives its words when it refuses."""
        s = Server("--data-dir", data, *flags)
        shutil.rmtree(s.dir)
        s.dir = tempfile.mkdtemp(dir=top)
        return s

    with tempfile.TemporaryDirectory() as top:
        data, wal, other = (os.path.join(top, n) for n in ("data", "disk/wal", "other"))
        with again(top, data, "--wal-dir", wal) as s:
            s.put("/a", "1")
            assert os.readlink(os.path.join(data, "member", "wal")) == os.path.realpath(wal)
            assert sorted(n[-4:] for n in os.listdir(wal))[-2:] == [".wal", "lock"], os.listdir(wal)
            # It is in use, whoever asks.
            done = tool("serve", "--data-dir", other, "--wal-dir", wal)
            assert done.returncode == 2 and "has the log of a member" in done.stderr, done
            os.makedirs(os.path.join(other, "member"), exist_ok=True)
            os.symlink(wal, os.path.join(other, "member", "wal"))
            done = tool("serve", "--data-dir", other)
            assert done.returncode == 1 and "in use by process %d" % s.process.pid in done.stderr, done
        # The tools find it, and the next start does without the flag.
        assert tool("verify", data).returncode == 0
        assert '"/a"' in tool("dump", data).stdout
        assert tool("backup", "--data-dir", data, "--backup-dir", os.path.join(top, "copy")).returncode == 0
        with again(top, data) as s:
            assert s.ask("GET", "/v2/keys/a")[0] == 200
        # Another place is not taken for it.
        done = tool("serve", "--data-dir", data, "--wal-dir", os.path.join(top, "new"))
        assert done.returncode == 2 and "the log is in " in done.stderr, done
        # Its disk is not mounted: there is nothing, or an empty directory.
        os.rename(wal, wal + ".away")
        for _ in range(2):
            for words in ("serve", "--data-dir", data), ("verify", data):
                done = tool(*words)
                if words[0] == "serve" or not os.path.isdir(wal):
                    assert done.returncode != 0 and "is its disk mounted?" in done.stderr, done
            os.makedirs(wal, exist_ok=True)
        os.rmdir(wal)
        os.rename(wal + ".away", wal)
        with again(top, data, "--wal-dir", wal) as s:
            assert s.ask("GET", "/v2/keys/a")[0] == 200


if __name__ == "__main__":
    sys.exit(run([ready_when_serving, watchdog_is_fed, a_failed_start_is_told, a_start_is_given_up,
                  quiet_without_a_manager, sockets_are_taken, logs_move,
                  logs_move_under_load, stop_under_load_loses_nothing, handed_over_sockets_lose_nobody,
                  settings_without_effect_are_told, only_known_names_are_answered, the_log_may_stand_apart],
                 sys.argv[1:]))
