#!/usr/bin/env python3
"""Replays recorded uses of the command line (ctl.jsonl) and compares output and exit status. Standard library only.

  replay.py [--copse PROGRAM]         PROGRAM ($COPSE, or src/copse) is both client and server; one is started on a free port
  replay.py --ctl CLIENT --url URL    any client and any running server, whose keys below /rc it deletes: to prove the
                                      cases with `--ctl etcdctl --reference`, or the client against a real etcd
     --members URL,URL                the other members of its cluster. The client is told to stay with the first (--no-sync),
                                      so that whatever one command has done must be there for the next; only where it shows
                                      how it looks for the members, and may turn to any, all are waited for
     --reference                      expect what the recorded program did, deviations.json aside
     --jobs N                         servers side by side (4)
     --case TEXT                      only cases whose name contains TEXT, or that of another --case
     --verbose                        name every step

Exits with 77, skipped, when PROGRAM is not there.

A case is a line: its name, whether it is ours (not recorded, but what we add or do otherwise), and its steps, of which
each is one of

  run words, in, env, bare         run the client to its end; `--endpoints URL` stands in front unless bare is true
                                   signal: sent when it has printed what it should
  start NAME, run words            leave it running; a watch is given time until the server has it
  end NAME, signal                 wait for what it should print, send the signal if there is one, collect
  file NAME, text, mode            write a file into the scratch directory
  http [METHOD, PATH, FORM]        a request of our own, sent times over
  serve NAME, replies              a scripted server, one reply a connection: [status, headers, body]; the last one stays;
                                   status 0 never answers, -1 hangs up; <self> in a header or body is its URL

with what a finished client must show: exit (0 if absent), out, err ("" if absent); unordered: lines in any order.
A step that `needs` auth (of the server) or backup (of the client) is left out while there is no such thing. Holes in words and in what is expected:
<ep> <hp> the server's URL and host:port, <dead> a URL nobody answers on, <tmp> the scratch directory, <+N> the server's
index at the start of the case plus N, <NAME> a scripted server's URL; expected only: <seq +N> that index as the name
of a key in order, <time> <logtime> <ttl100> <id> <name> <urls> <port> <version> anything of the kind, <backup> its row in the help.

deviations.json names the steps where the client differs on purpose, why, and what it shows instead.
"""
import argparse
import base64
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import quote, urlencode, urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from ports import free_port  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DEAD = "http://127.0.0.1:1"
FIRST_INDEX = 60  # beyond the small literal numbers in the cases, so that none of them is ever an index
PATIENCE_S = 60.0
BACKUP_ROW = "   backup          backup an etcd directory\n"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ROOT = {"Authorization": "Basic " + base64.b64encode(b"root:toor").decode()}
# what a client says line by line of each member, and where it names those it knows of
MEMBER_LINES = ("<id>: name=", "member <id> is healthy")
MEMBERS_NAMED = ("got endpoints(", "Cluster-Endpoints: ", "cURL Command: ")
KINDS = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "logtime": r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(?:\.\d+)?",
    "id": r"[0-9a-f]{1,16}",
    "name": r"\S+",
    "urls": r"\S+",
    "port": r"\d+",
    "version": r"\d+(?:\.\d+)+",
}


class Failure(Exception):
    pass


class Api:
    """Requests of our own to the server under test."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self.hostport = parts.netloc
        self.address = parts.hostname, parts.port
        self.conn = None

    def ask(self, method, path, form=None, headers=None):
        sent = dict(headers or {})
        if form is not None:
            sent.update(FORM)
        for attempt in (1, 2):  # a kept connection may have been closed
            try:
                if self.conn is None:
                    self.conn = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
                self.conn.request(method, path, form, sent)
                answer = self.conn.getresponse()
                return answer.status, answer.headers, answer.read()
            except (OSError, http.client.HTTPException):
                self.conn.close()
                self.conn = None
                if attempt == 2:
                    raise

    def index(self):
        return int(self.ask("GET", "/v2/keys/")[1]["X-Etcd-Index"])

    def applied(self):
        return self.ask("GET", "/v2/keys/")[1]["X-Raft-Index"]

    def has(self):
        """Which halves the server has."""
        found = set()
        if self.ask("GET", "/v2/auth/enable")[0] == 200:
            found.add("auth")
        return found

    def clean(self, has):
        if "auth" in has:
            self.ask("DELETE", "/v2/auth/enable", headers=ROOT)
            for kind, name in (("users", "user"), ("roles", "role")):
                listed = json.loads(self.ask("GET", "/v2/auth/" + kind)[2]).get(kind) or []
                for one in listed:
                    self.ask("DELETE", "/v2/auth/%s/%s" % (kind, quote(one[name])))
        nodes = json.loads(self.ask("GET", "/v2/keys/")[2])["node"].get("nodes") or []
        for node in nodes:
            if node["key"].startswith("/rc"):
                self.ask("DELETE", "/v2/keys%s?recursive=true" % quote(node["key"]))


class Relay(threading.Thread):
    """Passes bytes between a watching client and the server, so that we see when the server has the watch: it sends the
    head of the answer at once."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.target = address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.waiting = threading.Event()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client):
        asked = False
        with client, socket.create_connection(self.target) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for s in ready:
                    try:
                        data = s.recv(65536)
                    except OSError:
                        return
                    if not data:
                        return
                    asked = asked or (s is client and b"wait=true" in data)
                    (server if s is client else client).sendall(data)
                    if asked and s is server:
                        self.waiting.set()

    def close(self):
        self.listener.close()


class Scripted(threading.Thread):
    """A server that gives each connection the next of its replies."""

    def __init__(self, replies):
        super().__init__(daemon=True)
        self.replies, self.served = replies, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        with conn:
            request = conn.makefile("rb")
            head = []
            while True:
                line = request.readline()
                if line in (b"\r\n", b""):
                    break
                head.append(line.decode("latin-1"))
            if not head:
                return
            length = [h.split(":")[1] for h in head if h.lower().startswith("content-length:")]
            request.read(int(length[0]) if length else 0)
            with self.lock:
                status, headers, body = self.replies[min(self.served, len(self.replies) - 1)]
                self.served += 1
            if status < 0:
                return
            if status == 0:  # until the client gives up
                conn.recv(1)
                return
            body = body.replace("<self>", self.url).encode()
            reason = http.client.responses.get(status, "Odd")
            lines = ["HTTP/1.1 %d %s" % (status, reason), "Content-Length: %d" % len(body), "Connection: close"]
            lines += ["%s: %s" % (name, value.replace("<self>", self.url)) for name, value in headers.items()]
            conn.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def close(self):
        self.listener.close()


class Running:
    """A client process; its output is collected as it comes."""

    def __init__(self, words, env, scratch, given):
        self.process = subprocess.Popen(words, env=env, cwd=scratch, stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.text = {"out": b"", "err": b""}
        self.grown = threading.Condition()
        self.readers = []
        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr)):
            reader = threading.Thread(target=self.read, args=(name, stream), daemon=True)
            reader.start()
            self.readers.append(reader)
        if given is not None:
            try:
                self.process.stdin.write(given)
                self.process.stdin.close()
            except BrokenPipeError:
                pass

    def read(self, name, stream):
        while True:
            data = stream.read1(65536)
            with self.grown:
                self.text[name] += data
                self.grown.notify_all()
            if not data:
                return

    def await_lines(self, out, err):
        with self.grown:
            self.grown.wait_for(lambda: self.process.poll() is not None or
                                (self.text["out"].count(b"\n") >= out and self.text["err"].count(b"\n") >= err), PATIENCE_S)

    def finish(self):
        """Exit status, out, err."""
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            status = "none after %d s" % PATIENCE_S
            self.kill()
        for reader in self.readers:
            reader.join(PATIENCE_S)
        return status, self.text["out"], self.text["err"]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def shows_members(step):
    """Does the client tell how it asks for the members?"""
    return any(word in step.get("err", "") for word in ("start to sync", "deadline exceeded"))


class Player:
    """OTHERS: the other members of the server's cluster."""

    def __init__(self, ctl, api, verbose, others=()):
        self.ctl, self.api, self.verbose = ctl, api, verbose
        self.cluster = [api] + list(others)
        self.scratch = tempfile.mkdtemp(prefix="copse-ctl-")
        self.has = api.has()
        if subprocess.run(ctl + ["help", "backup"], capture_output=True, check=False).returncode == 0:
            self.has.add("backup")
        self.base, self.began = 0, time.monotonic()
        self.wandered = False  # the last command may have gone to another member
        self.running, self.scripted, self.relays = {}, {}, []
        dropped = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("ETCDCTL_", "COPSE_")) and k.lower() not in dropped}
        self.env.update(ETCDCTL_API="2", NO_PROXY="127.0.0.1,localhost", LC_ALL="C", TZ="UTC")

    def close(self):
        self.end_case()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def settle(self):
        """Waits until all members have applied the same."""
        end = time.monotonic() + PATIENCE_S
        while len({m.applied() for m in self.cluster}) > 1:
            if time.monotonic() > end:
                raise Failure("the members do not come to the same state")
            time.sleep(0.002)
        self.wandered = False

    def begin_case(self):
        self.settle()
        self.api.clean(self.has)
        while self.api.index() < FIRST_INDEX:
            self.api.ask("PUT", "/v2/keys/rc", "value=x")
        self.api.clean(self.has)
        self.base, self.began = self.api.index(), time.monotonic()

    def end_case(self):
        for client in self.running.values():
            client.kill()
        for server in list(self.scripted.values()) + self.relays:
            server.close()
        self.running, self.scripted, self.relays = {}, {}, []

    # -- holes

    def known(self, hole):
        fixed = {"ep": self.api.url, "hp": self.api.hostport, "dead": DEAD, "tmp": self.scratch}
        if hole in fixed:
            return fixed[hole]
        if hole in self.scripted:
            return self.scripted[hole].url
        if hole.endswith(" hp") and hole[:-3] in self.scripted:
            return self.scripted[hole[:-3]].url[len("http://"):]
        if hole == "backup":
            return BACKUP_ROW if "backup" in self.has else ""
        if re.fullmatch(r"\+\d+", hole):
            return str(self.base + int(hole))
        if re.fullmatch(r"seq \+\d+", hole):
            return "%020d" % (self.base + int(hole[4:]))
        return None

    def fill(self, text):
        def hole(m):
            known = self.known(m.group(1))
            return m.group(0) if known is None else known
        return re.sub(r"<([^<>]+)>", hole, text)

    def ttl(self, whole_s):
        """What may be left now of so many seconds, if they were given since the case began."""
        passed_s = int(time.monotonic() - self.began) + 1
        return "(?:%s)" % "|".join(str(left) for left in range(max(whole_s - passed_s, 1), whole_s + 1))

    def pattern(self, text):
        """A regular expression for the bytes that TEXT stands for. In a cluster every member has its line in a list of them,
        and where one was named it may be any, or several."""
        if len(self.cluster) == 1:
            return re.compile(self.exact(text).encode("utf-8", "surrogateescape"), re.S)
        member = "(?:%s)" % "|".join(re.escape(m.url) for m in self.cluster)
        some = "%s(?:, ?%s)*" % (member, member)
        made = ""
        for line in text.splitlines(True):
            if line.startswith(MEMBER_LINES) and "<ep>" in line:
                one = self.exact(line, member).replace("isLeader=true", "isLeader=(?:true|false)")
                made += "(?:%s){%d}" % (one, len(self.cluster))
            else:
                made += self.exact(line, some if line.startswith(MEMBERS_NAMED) else None)
        return re.compile(made.encode("utf-8", "surrogateescape"), re.S)

    def exact(self, text, endpoint=None):
        def part(piece):
            if piece.startswith("<") and piece.endswith(">"):
                hole = piece[1:-1]
                if hole == "ep" and endpoint is not None:
                    return endpoint
                if hole in KINDS:
                    return KINDS[hole]
                if hole == "ttl100":
                    return self.ttl(100)
                known = self.known(hole)
                if known is not None:
                    return re.escape(known)
            return re.escape(piece)
        return "".join(part(p) for p in re.split(r"(<[^<>]+>)", text))

    # -- steps

    def command(self, step, url):
        front = [] if step.get("bare") else ["--endpoints", url]
        # A loaded machine may take longer than the two seconds of the default to hash a password.
        if not step.get("bare") and not any("timeout" in word for word in step["run"]):
            front += ["--timeout", "%ds" % PATIENCE_S, "--total-timeout", "%ds" % (2 * PATIENCE_S)]
        if len(self.cluster) > 1:
            if step.get("bare") or shows_members(step):
                self.settle()
                self.wandered = True
            else:
                front += ["--no-sync"]
        env = dict(self.env)
        for name, value in (step.get("env") or {}).items():
            env[name] = self.fill(value)
        given = self.fill(step["in"]).encode() if "in" in step else None
        return Running(self.ctl + front + [self.fill(w) for w in step["run"]], env, self.scratch, given)

    def start(self, step):
        if not {"watch", "exec-watch"} & set(step["run"]):
            self.running[step["start"]] = self.command(step, self.api.url)
            return
        relay = Relay(self.api.address)
        relay.start()
        self.relays.append(relay)
        # Without --no-sync the client would leave the relay for what the members publish.
        client = self.running[step["start"]] = self.command(dict(step, run=["--no-sync"] + step["run"]), relay.url)
        end = time.monotonic() + PATIENCE_S
        while not relay.waiting.wait(0.01) and client.process.poll() is None:
            if time.monotonic() > end:
                raise Failure("the server never began to answer the watch")

    def end(self, step, client):
        if "signal" in step:
            client.await_lines(step.get("out", "").count("\n"), step.get("err", "").count("\n"))
            if client.process.poll() is None:
                client.process.send_signal(getattr(signal, "SIG" + step["signal"]))
        return client.finish()

    def same(self, want, got, unordered):
        if not unordered:
            return self.pattern(want).fullmatch(got) is not None
        left = got.splitlines(True)
        for line in want.splitlines(True):
            fits = [g for g in left if self.pattern(line).fullmatch(g)]
            if not fits:
                return False
            left.remove(fits[0])
        return not left

    def judge(self, step, result):
        status, out, err = result
        # The stty program, which the recorded client runs around a password prompt, complains without a terminal.
        err = b"".join(line for line in err.splitlines(True) if not line.startswith(b"stty:"))
        wrong = []
        if status != step.get("exit", 0):
            wrong.append("exit status %s, not %s" % (status, step.get("exit", 0)))
        for name, got in (("out", out), ("err", err)):
            want = step.get(name, "")
            if not self.same(want, got, step.get("unordered")):
                wrong.append("%s wanted:\n%s\n%s seen:\n%s" % (name, self.fill(want), name, got.decode("utf-8", "replace")))
        if wrong:
            raise Failure("\n".join(wrong))

    def step(self, step):
        """True when something was judged."""
        if self.wandered:
            self.settle()
        if "file" in step:
            path = os.path.join(self.scratch, step["file"])
            with open(path, "w", encoding="utf-8") as f:
                f.write(self.fill(step["text"]))
            os.chmod(path, int(step.get("mode", "644"), 8))
        elif "http" in step:
            method, path, form = step["http"]
            for _ in range(step.get("times", 1)):
                self.api.ask(method, self.fill(path), form)
        elif "serve" in step:
            server = self.scripted[step["serve"]] = Scripted(json.loads(self.fill(json.dumps(step["replies"]))))
            server.start()
        elif "start" in step:
            self.start(step)
        elif "end" in step:
            self.judge(step, self.end(step, self.running.pop(step["end"])))
            return True
        else:
            self.judge(step, self.end(step, self.command(step, self.api.url)))
            return True
        return False

    def play(self, case):
        passed = failed = left_out = 0
        absent = set()  # commands that were never started
        self.begin_case()
        for n, step in enumerate(case["steps"], 1):
            if step.get("needs") and step["needs"] not in self.has:
                left_out += 1
                absent.add(step.get("start"))
                continue
            if step.get("end") in absent and "end" in step:
                left_out += 1
                continue
            words = " ".join(step.get("run") or [step.get("end", "")])
            try:
                passed += self.step(step)
                if self.verbose:
                    print("ok   %s %d: %s" % (case["case"], n, words))
            except Failure as failure:
                failed += 1
                print("FAIL %s %d: %s\n%s" % (case["case"], n, words, failure))
        self.end_case()
        return passed, failed, left_out


class Server:
    """A member of our own, on free ports, with a directory of its own."""

    def __init__(self, program, *flags):
        self.program, self.flags = program, list(flags)
        self.dir = tempfile.mkdtemp(prefix="copse-ctl-server-")
        self.url = "http://127.0.0.1:%d" % free_port()
        self.start()

    def start(self):
        with open(self.dir + "/log", "ab") as log:
            self.process = subprocess.Popen([self.program, "serve", "--data-dir", self.dir + "/data", "--listen-client-urls", self.url,
                                             "--advertise-client-urls", self.url] + self.flags,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if Api(self.url).ask("GET", "/version")[0] == 200:
                    return True
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
        with open(self.dir + "/log", encoding="utf-8", errors="replace") as log:
            print("the server does not answer:\n" + log.read())
        return False

    def stop(self):
        """True after a clean end."""
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        return status == 0


def load(reference):
    with open(os.path.join(HERE, "ctl.jsonl"), encoding="utf-8") as f:
        cases = [json.loads(line) for line in f]
    if reference:
        return [c for c in cases if not c.get("ours")]
    with open(os.path.join(HERE, "deviations.json"), encoding="utf-8") as f:
        deviations = json.load(f)
    for deviation in deviations:
        steps = [s for c in cases if c["case"] == deviation["case"] for s in c["steps"] if s.get("run") == deviation["run"]]
        if len(steps) != 1:
            sys.exit("deviations.json: %s %s fits %d steps" % (deviation["case"], deviation["run"], len(steps)))
        for name in ("exit", "out", "err", "signal"):
            steps[0].pop(name, None)
            if name in deviation:
                steps[0][name] = deviation[name]
    return cases


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.passed = self.failed = self.left_out = 0

    def add(self, passed, failed, left_out):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.left_out += left_out


def play_all(left, ctl, url, tally, verbose, others=()):
    """Plays the cases LEFT, a list shared with others."""
    player = Player(ctl, Api(url), verbose, [Api(other) for other in others])
    try:
        while True:
            try:
                case = left.pop()
            except IndexError:
                return
            tally.add(*player.play(case))
    except (OSError, http.client.HTTPException) as failure:
        print("FAIL the server is gone: %s" % failure)
        tally.add(0, 1, 0)
    finally:
        player.close()


def started(program, *flags):
    """A server that answers, or None; another process may take the free port before it does, hence three attempts."""
    for _ in range(3):
        server = Server(program, *flags)
        if server.wait():
            return server
        server.stop()
    return None


def play_on_own(left, ctl, program, tally, verbose):
    """As play_all, on a server of its own."""
    server = started(program)
    if server is None:
        tally.add(0, 1, 0)
        return
    try:
        play_all(left, ctl, server.url, tally, verbose)
    finally:
        if not server.stop():
            print("FAIL the server did not end well")
            tally.add(0, 1, 0)


def main():
    # Whoever runs the tests may ignore these (a job in the background, nohup), which programs would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ap = argparse.ArgumentParser()
    ap.add_argument("--copse", default=os.environ.get("COPSE", "src/copse"))
    ap.add_argument("--ctl")
    ap.add_argument("--url")
    ap.add_argument("--members", type=lambda text: text.split(","), default=[])
    ap.add_argument("--reference", action="store_true")
    ap.add_argument("--case", action="append")
    ap.add_argument("--jobs", type=int, default=4)
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()
    program = os.path.abspath(args.copse)
    if not args.url and not os.access(program, os.X_OK):
        print("no server at " + args.copse)
        return 77
    # Taken from the end: the cases with the longest waits first.
    left = sorted((c for c in load(args.reference) if any(text in c["case"] for text in args.case or [""])), key=lambda c: c["case"].startswith(("watch", "odd")))
    links = tempfile.mkdtemp(prefix="copse-ctl-link-")
    tally = Tally()
    try:
        ctl = [args.ctl]
        if not args.ctl:  # help texts name the program as it was called
            ctl = [os.path.join(links, "etcdctl")]
            os.symlink(program, ctl[0])
        if args.url:
            play_all(left, ctl, args.url, tally, args.verbose, args.members)
        else:
            jobs = [threading.Thread(target=play_on_own, args=(left, ctl, program, tally, args.verbose)) for _ in range(args.jobs)]
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()
    finally:
        shutil.rmtree(links, ignore_errors=True)
    if tally.left_out:
        print("%d steps left out: there is no such thing yet" % tally.left_out)
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
