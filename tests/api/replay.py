#!/usr/bin/env python3
"""Replays recorded requests (keys.jsonl, auth.jsonl) and compares every answer. Standard library only.

  replay.py --server PROGRAM     starts PROGRAM (or $COPSE) on free ports, several of them side by side
  replay.py --url URL            uses a running server, whose keys it deletes: to prove the cases on a real etcd
     --case TEXT                 only cases whose name contains TEXT
     --quick                     only cases in which no time must pass
     --etcd                      the steps marked "deviates" instead of those marked "ours"
     --jobs N                    servers side by side (default 4)
     --verbose                   name every case with its time

A case is a line: a name and steps. A step sends one request and says what must come back:

  method path headers body body_b64 chunked   the request; repeat sends it N times, the last answer counts
  sleep          seconds to let pass before it
  background id  the answer's head is awaited, the rest later: by a step {"await": id}, or at the end
  stream N       take N JSON documents, then hang up; pending: nothing may come until the end of the case
  deviates       why copse answers otherwise on purpose: etcd's answer, left out without --etcd
  ours           the same why, and copse's answer
  status, headers_out, body_out, raw_out, text_out, newline, unordered    the answer

Indexes are relative to the store's index at the start of the case: "{+3}" in text, "+3" as a value of the members
in INDEXES and of X-Etcd-Index. "{+3:020}" is padded to 20 digits, "{i}" the number of the repetition. "*" stands for
any header, and for any well-formed expiration; a ttl may be off by one.
"""
import argparse
import base64
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
from urllib.parse import quote, urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from ports import free_port  # noqa: E402

INDEXES = ("modifiedIndex", "createdIndex", "index")
HEADERS = ("Content-Type", "X-Etcd-Index", "X-Etcd-Cluster-Id", "X-Raft-Index", "X-Raft-Term", "Allow", "Location")
HIDDEN_KEYS = ("_h", "_hid")  # the cases leave them behind; a listing does not show them
FIRST_INDEX = 50  # past the small literal indexes in the cases
QUIET_S = 0.2  # how long a pending watch is listened to
PATIENCE_S = 60  # for what must come
LATE_S = 0.4  # for all requests of a case: with more, keys that live for a second are gone before it asks for them
TRIES = 10  # of a case that was late
EXPIRATION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
ROOT = {"Authorization": "Basic " + base64.b64encode(b"root:rootpw").decode()}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def fill(text, base, i=0):
    """The text with its holes filled in."""

    def hole(m):
        return "%0*d" % (int(m.group(2) or 0), base + int(m.group(1)))

    return re.sub(r"\{\+(-?\d+)(?::0(\d+))?\}", hole, text).replace("{i}", str(i))


class Answer:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data


class Client:
    def __init__(self, url):
        parts = urlsplit(url)
        self.address = parts.hostname, parts.port

    def connect(self, timeout=PATIENCE_S):
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    @staticmethod
    def send(conn, step, base=0, i=0):
        body = None
        if "body_b64" in step:
            body = base64.b64decode(step["body_b64"])
        elif "body" in step:
            body = fill(step["body"], base, i).encode()
        conn.putrequest(step["method"], fill(step["path"], base, i), skip_accept_encoding=True)
        for name, value in (step.get("headers") or {}).items():
            conn.putheader(name, value)
        if step.get("chunked"):
            conn.putheader("Transfer-Encoding", "chunked")
            conn.endheaders()
            middle = len(body) // 2
            for part in filter(None, (body[:middle], body[middle:])):
                conn.send(b"%x\r\n%s\r\n" % (len(part), part))
            conn.send(b"0\r\n\r\n")
            return
        if body is not None or step["method"] in ("PUT", "POST", "PATCH"):
            conn.putheader("Content-Length", str(len(body or b"")))
        conn.endheaders(body)

    def ask(self, step, base=0):
        conn = self.connect()
        try:
            for i in range(step.get("repeat", 1)):
                self.send(conn, step, base, i)
                answer = conn.getresponse()
                data = answer.read()
            return Answer(answer.status, answer.headers, data)
        finally:
            conn.close()

    def key(self, method, path, body=None):
        step = {"method": method, "path": "/v2/keys/" + path, "headers": FORM}
        if body is not None:
            step["body"] = body
        return self.ask(step)

    def index(self):
        return int(self.key("GET", "").headers["X-Etcd-Index"])

    def clear_accounts(self):
        """Auth off, no users, no roles; whatever etcd keeps of them inside of its tree is there."""
        self.ask({"method": "DELETE", "path": "/v2/auth/enable", "headers": ROOT})
        self.ask({"method": "DELETE", "path": "/v2/auth/users/nobody"})  # even that makes etcd's directories
        for kind in ("users", "roles"):
            answer = self.ask({"method": "GET", "path": "/v2/auth/" + kind})
            for x in json.loads(answer.data).get(kind) or []:
                self.ask({"method": "DELETE", "path": "/v2/auth/%s/%s" % (kind, quote(x[kind[:-1]]))})

    def clear(self):
        """Deletes every key; gives the index from which a case counts."""
        nodes = json.loads(self.key("GET", "").data)["node"].get("nodes", [])
        for name in [quote(n["key"][1:]) for n in nodes] + list(HIDDEN_KEYS):
            self.key("DELETE", name + "?recursive=true")
        while self.index() < FIRST_INDEX:
            self.key("PUT", "replay", "value=")
            self.key("DELETE", "replay")
        return self.index()


class Watch(threading.Thread):
    """A background step: returns from open() when the head of the answer is here."""

    def __init__(self, client, step, base):
        super().__init__(daemon=True)
        self.step, self.data, self.error, self.ended = step, b"", None, False
        self.head, self.finished = None, threading.Event()
        self.conn = client.connect()
        Client.send(self.conn, step, base)
        self.sock = self.conn.sock
        self.answer = self.conn.getresponse()

    def run(self):
        wanted = self.step.get("stream")
        try:
            while not (wanted and self.data.count(b"\n") >= wanted):
                part = self.answer.read1(65536)
                if not part:
                    break
                self.data += part
        except (OSError, http.client.HTTPException) as e:
            self.error = repr(e)
        self.finished.set()

    def result(self):
        """The answer, once it is complete; for a pending watch: once it has kept quiet."""
        if self.step.get("pending"):
            self.sock.settimeout(QUIET_S)
            try:
                self.error = "though it should wait on, there came %r" % self.answer.read1(200)
            except socket.timeout:
                pass
        else:
            self.start()
            if not self.finished.wait(PATIENCE_S):
                self.error = "no complete answer"
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.is_alive():
            self.join()
        self.conn.close()
        if self.error:
            raise AssertionError(self.error)
        wanted = self.step.get("stream")
        if wanted:  # more may have come with the last one
            self.data = b"".join(self.data.splitlines(True)[:wanted])
        return Answer(self.answer.status, self.answer.headers, self.data)


# ---- comparing


def differences(want, got, base, where, key=None, unordered=False):
    if key in INDEXES and isinstance(want, str):
        if got != base + int(want):
            yield "%s: expected %d (%s), got %r" % (where, base + int(want), want, got)
    elif key == "expiration" and want == "*":
        if not (isinstance(got, str) and EXPIRATION.fullmatch(got)):
            yield "%s: not a time: %r" % (where, got)
    elif key == "ttl" and type(want) is type(got) is int:
        if abs(want - got) > 1:
            yield "%s: expected about %d, got %d" % (where, want, got)
    elif isinstance(want, dict) and isinstance(got, dict):
        if list(want) != list(got):
            yield "%s: expected members %s, got %s" % (where, list(want), list(got))
            return
        for k in want:
            yield from differences(want[k], got[k], base, "%s.%s" % (where, k), k, unordered)
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield "%s: expected %d items, got %d" % (where, len(want), len(got))
            return
        if unordered and key == "nodes":
            want = sorted(want, key=lambda n: fill(n.get("key", ""), base))
            got = sorted(got, key=lambda n: n.get("key", ""))
        for n, (a, b) in enumerate(zip(want, got)):
            yield from differences(a, b, base, "%s[%d]" % (where, n), key, unordered)
    else:
        if isinstance(want, str):
            want = fill(want, base)
        if type(want) is not type(got) or want != got:
            yield "%s: expected %r, got %r" % (where, want, got)


def header_differences(step, answer, base):
    """Of the headers that were recorded: each as it was, and none that was not there."""
    for name in HEADERS:
        want, got = step.get("headers_out", {}).get(name), answer.headers.get(name)
        if want is not None and want.startswith("+"):
            want = str(base + int(want))
        if want == "*" and got is not None:
            continue
        if want != got:
            yield "%s: expected %s, got %s" % (name, want, got)


def body_differences(step, answer, base):
    data = answer.data
    if "body_out" in step:
        try:
            documents = [json.loads(line) for line in data.decode().split("\n") if line]
            got = documents if step.get("stream") else documents[0]
        except (ValueError, IndexError):
            yield "body: not JSON: %r" % data[:200]
            return
        yield from differences(step["body_out"], got, base, "body", None, step.get("unordered"))
        if data.endswith(b"\n") != step.get("newline", True):
            yield "body: newline at the end: %s" % data.endswith(b"\n")
        if "raw_out" in step and data.decode().rstrip("\n") != fill(step["raw_out"], base):
            yield "body: expected %r, got %r" % (fill(step["raw_out"], base), data.decode())
    elif "text_out" in step:
        if data.decode("utf-8", "replace") != step["text_out"]:
            yield "body: expected %r, got %r" % (step["text_out"], data)
    elif data:
        yield "body: expected none, got %r" % data[:200]


def compare(step, answer, base):
    if answer.status != step["status"]:
        return ["status: expected %d, got %d %r" % (step["status"], answer.status, answer.data[:200])]
    return list(header_differences(step, answer, base)) + list(body_differences(step, answer, base))


# ---- running


class Run:
    """One case on one server: what was wrong, as lines."""

    def __init__(self, client, case, leave_out):
        self.client, self.case, self.leave_out = client, case, leave_out
        self.wrong, self.open = [], {}
        self.late_s = 0  # what requests and sleeps took that etcd's took no time for

    def complain(self, n, step, lines):
        self.wrong += ["  step %d %s %s: %s" % (n, step["method"], step["path"], x) for x in lines]

    def check(self, n, step, answer_of):
        try:
            self.complain(n, step, compare(step, answer_of(), self.base))
        except (AssertionError, OSError, http.client.HTTPException) as e:
            self.complain(n, step, [str(e) or repr(e)])

    def run(self):
        if self.case["name"].startswith("auth-"):
            self.client.clear_accounts()
        self.base = self.client.clear()
        for n, step in enumerate(self.case["steps"]):
            if self.leave_out in step:
                continue
            begin, sleep_s = time.monotonic(), step.get("sleep", 0)
            time.sleep(sleep_s)
            if "await" in step:
                self.finish(step["await"])
                continue
            if step.get("background"):
                self.open.setdefault(step["id"], []).append((n, step, Watch(self.client, step, self.base)))
            else:
                self.check(n, step, lambda: self.client.ask(step, self.base))
            self.late_s += time.monotonic() - begin - sleep_s
        for name in list(self.open):
            self.finish(name)
        return self.wrong

    def finish(self, name):
        for n, step, watch in self.open.pop(name, []):
            self.check(n, step, watch.result)


class Server:
    def __init__(self, program):
        self.dir = tempfile.mkdtemp(prefix="copse-replay-")
        self.log = open(os.path.join(self.dir, "log"), "w+b")
        client, peer = ("http://127.0.0.1:%d" % free_port() for _ in range(2))
        self.url = client
        self.process = subprocess.Popen(
            [program, "serve", "--data-dir", os.path.join(self.dir, "data"),
             "--listen-client-urls", client, "--advertise-client-urls", client,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", "default=" + peer],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def await_ready(self, patience_s=PATIENCE_S):
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if Client(self.url).ask({"method": "GET", "path": "/health"}).status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        self.log.seek(0)
        sys.stderr.write(self.log.read().decode("utf-8", "replace"))
        raise SystemExit("the server did not start")

    def stop(self):
        """Gives what went wrong at the end, or None."""
        early = self.process.poll()
        if early is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code = self.process.returncode
        self.log.seek(0)
        text = self.log.read().decode("utf-8", "replace")
        self.log.close()
        shutil.rmtree(self.dir)
        if early is not None or code not in (0, -signal.SIGTERM):
            return "the server %s with status %d:\n%s" % ("died" if early is not None else "ended", code, text[-6000:])
        return None


def fades(case):
    """Whether a key of it has a TTL."""
    return any("ttl=" in step.get("path", "") + json.dumps(step.get("body", "")) for step in case["steps"])


def work(url, cases, lock, results, args):
    client = Client(url)
    while True:
        with lock:
            if not cases:
                return
            case = cases.pop(0)
        begin = time.monotonic()
        for _ in range(TRIES):
            run = Run(client, case, "ours" if args.etcd else "deviates")
            try:
                wrong = run.run()
            except (OSError, ValueError, TypeError, http.client.HTTPException) as e:
                wrong = ["  " + repr(e)]
            if not wrong or not fades(case) or run.late_s < LATE_S:
                break  # else it was another case, whose keys had less time
        with lock:
            results.append((case["name"], wrong))
            if wrong:
                print("FAIL " + case["name"], *wrong, sep="\n", flush=True)
            elif args.verbose:
                print("ok   %s %.2f s" % (case["name"], time.monotonic() - begin), flush=True)


def replay(urls, cases, args):
    results, lock = [], threading.Lock()
    workers = [threading.Thread(target=work, args=(url, cases, lock, results, args)) for url in urls]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default=os.environ.get("COPSE"))
    parser.add_argument("--url")
    parser.add_argument("--case", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--etcd", action="store_true")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("corpus", nargs="*", default=[os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
                                                      for name in ("keys.jsonl", "auth.jsonl")])
    args = parser.parse_args()
    if not args.url and not args.server:
        parser.error("a server is needed: --server, --url or $COPSE")
    if not args.url and not shutil.which(args.server):
        parser.error("%s is not a program" % args.server)
    cases = []
    for corpus in args.corpus:
        with open(corpus) as f:
            cases += [case for case in map(json.loads, f) if args.case in case["name"]]
    if args.quick:
        cases = [c for c in cases if not any("sleep" in s or "pending" in s for s in c["steps"])]
    cases.sort(key=lambda c: -sum(s.get("sleep", 0) for s in c["steps"]))  # the long ones first

    complaints = []
    if args.url:
        results = replay([args.url], cases, args)
    else:
        servers = [Server(args.server) for _ in range(max(1, min(args.jobs, len(cases))))]
        try:
            for s in servers:
                s.await_ready()
            results = replay([s.url for s in servers], cases, args)
        finally:
            complaints = [c for c in [s.stop() for s in servers] if c]
    for c in complaints:
        print(c)
    failed = sum(1 for _, wrong in results if wrong)
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed or complaints or not results else 0


if __name__ == "__main__":
    sys.exit(main())
