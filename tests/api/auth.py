#!/usr/bin/env python3
"""Accounts over a member's life: restart, snapshot, backup; what is written of secrets, and where; guests; guessing; and
a cluster of three, asked through a follower."""
import base64
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE_S, Server, free_port, head_of, run, wait_for  # noqa: E402

SECRET = "correct-horse-battery"
GUESSES = 40  # more than a name has, fewer than may wait
COPSE = os.environ.get("COPSE", "")


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()}


ROOT = basic("root", SECRET)


def ask(port, method, path, body=None, headers=None):
    """Status, headers, body."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        conn.request(method, path, body, dict({"Content-Type": "application/x-www-form-urlencoded"}, **(headers or {})))
        answer = conn.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        conn.close()


def want(got, status, what):
    assert got[0] == status, "%s: %r" % (what, (got[0], got[2][:300]))
    return got


def make_accounts(port, headers=None):
    want(ask(port, "PUT", "/v2/auth/users/root", '{"user":"root","password":"%s"}' % SECRET), 201, "root")
    want(ask(port, "PUT", "/v2/auth/roles/r", '{"role":"r","permissions":{"kv":{"read":["/a/*"]}}}'), 201, "role")
    want(ask(port, "PUT", "/v2/auth/users/al", '{"user":"al","password":"%s2","roles":["r"]}' % SECRET), 200, "al")
    return want(ask(port, "PUT", "/v2/auth/enable"), 200, "enable")


def is_kept(port):
    want(ask(port, "GET", "/v2/auth/roles/guest", headers=ROOT), 200, "root")
    want(ask(port, "GET", "/v2/keys/a/x", headers=basic("al", SECRET + "2")), 200, "al, allowed")
    want(ask(port, "GET", "/v2/keys/b", headers=basic("al", SECRET + "2")), 401, "al, not allowed")
    want(ask(port, "GET", "/v2/auth/users"), 401, "guest")


def start(data, port, peer, log, *flags):
    url, peer_url = "http://127.0.0.1:%d" % port, "http://127.0.0.1:%d" % peer
    return subprocess.Popen([COPSE, "serve", "--data-dir", data, "--listen-client-urls", url, "--advertise-client-urls", url,
                             "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url] + list(flags),
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()


def is_up(port):
    try:
        return ask(port, "GET", "/health")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def holds(path, text):
    for folder, _, names in os.walk(path):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                if text.encode() in f.read():
                    return True
    return False


def restart_snapshot_and_backup():
    """Accounts outlive all three; a password is written nowhere, its hash not where people look."""
    here = tempfile.mkdtemp(prefix="copse-auth-")
    data, copy, again = (os.path.join(here, name) for name in ("data", "copy", "again"))
    port, peer = free_port(), free_port()
    log = open(os.path.join(here, "log"), "wb")
    member = ["--initial-cluster", "default=http://127.0.0.1:%d" % peer]
    try:
        process = start(data, port, peer, log, "--snapshot-count", "10", "--debug", *member)
        wait_for(lambda: is_up(port), "the start")
        make_accounts(port)
        want(ask(port, "PUT", "/v2/keys/a/x", "value=1"), 201, "guest")
        want(ask(port, "GET", "/v2/keys/a/x", headers=basic("root", "wrong-" + SECRET)), 401, "a wrong password")
        for _ in range(30):
            want(ask(port, "PUT", "/v2/keys/k", "value=1"), 201 if _ == 0 else 200, "a write")
        wait_for(lambda: any(n.endswith(".jsonl") for n in os.listdir(data + "/member/snap")), "a snapshot")
        stop(process)
        process = start(data, port, peer, log, *member)
        wait_for(lambda: is_up(port), "the second start")
        is_kept(port)
        stop(process)

        dump = subprocess.run([COPSE, "dump", data], capture_output=True, text=True, check=True).stdout
        assert '"hash":"redacted"' in dump and '"user":"al"' in dump, dump[-2000:]
        assert "$2a$" not in dump
        subprocess.run([COPSE, "backup", "--data-dir", data, "--backup-dir", copy], check=True, stderr=log)
        subprocess.run([COPSE, "restore", "--data-dir", again, "--initial-advertise-peer-urls", "http://127.0.0.1:%d" % peer, copy],
                       check=True, stdout=log, stderr=log)
        process = start(again, port, peer, log, *member)
        wait_for(lambda: is_up(port), "the start of the restored one")
        is_kept(port)
        stop(process)
        log.flush()
        assert not holds(here, SECRET), "a password was written"
        with open(os.path.join(here, "log"), "rb") as f:
            assert b"$2a$" not in f.read(), "a hash in the log of events"
    finally:
        log.close()
        if process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(here)


def open_and_closed_guests():
    for flag, warned, status in (("open", True, 200), ("closed", False, 401)):
        with Server("--auth-guest", flag) as s:
            s.put("/a/x")
            _, headers, body = make_accounts(s.port)
            assert body == b"" and (headers["Warning"] is not None) == warned, headers.items()
            want(ask(s.port, "GET", "/v2/keys/a/x"), status, "guest")
            s.log.flush()
            with open(os.path.join(s.dir, "log")) as f:
                assert ("auth.guest_is_open" in f.read()) == warned


def guessing_runs_out():
    with Server() as s:
        s.put("/a/x")
        make_accounts(s.port)
        want(ask(s.port, "GET", "/v2/keys/a/x", headers=ROOT), 200, "root")
        guesses = [s.connect() for _ in range(GUESSES)]  # at once: what time gives back does not count
        for n, c in enumerate(guesses):
            c.sendall(("GET /v2/keys/a/x HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n" %
                       basic("root", "guess%d" % n)["Authorization"]).encode())
        answers = [head_of(c)[:2] for c in guesses]
        wrong, late = [sum(status == code for status, _ in answers) for code in (401, 429)]
        assert wrong >= 10 and late >= 1 and wrong + late == GUESSES, answers
        assert all(headers["Retry-After"] == "1" for status, headers in answers if status == 429), answers
        for c in guesses:
            c.close()
        want(ask(s.port, "GET", "/v2/keys/a/x", headers=ROOT), 200, "who was proven before")
        figures = ask(s.port, "GET", "/metrics")[2].decode()
        assert 'copse_auth_passwords_total{outcome="right"} 1\n' in figures, figures
        assert 'copse_auth_passwords_total{outcome="wrong"} %d\n' % wrong in figures, figures
        assert "copse_auth_throttled_total %d\n" % late in figures, figures
        assert 'copse_http_replies_total{code="429"} %d\n' % late in figures, figures
        status = ask(s.port, "GET", "/v2/keys/a/x", headers=basic("no-user", "p"))[0]
        assert status in (401, 429), status
        with open(os.path.join(s.dir, "log")) as f:
            text = f.read()
        assert "auth.wrong_password user=root client=127.0.0.1" in text and "guess" not in text and "no-user" not in text, text


def the_longest_name_is_told():
    """An account of 256 bytes writes under its name, as any other; what it is made of breaks no line, nor a terminal."""
    with tempfile.TemporaryDirectory() as top, Server("--audit-log", os.path.join(top, "audit")) as s:
        for name in "n" * 256, 'a"b\n=\x1b[1m\x9b\u00e4':
            status = ask(s.port, "PUT", "/v2/keys/a", "value=1", basic(name, "p"))[0]
            assert status in (200, 201), status

        def audited():
            with open(os.path.join(top, "audit"), encoding="utf-8") as f:
                return [line for line in f if "method=PUT" in line and line.endswith("\n")]

        lines = wait_for(lambda: audited() if len(audited()) == 2 else None, "two lines")
        assert "user=" + "n" * 256 + " " in lines[0], lines
        assert r'user="a\"b\n=\x1b[1m\xc2\x9b\u00e4" '.replace(r"\u00e4", "\u00e4") in lines[1], lines


def a_stop_while_passwords_wait():
    """It does not last until all are proven, and breaks nothing."""
    with Server() as s:
        make_accounts(s.port)
        waiting = []
        for n in range(60):  # from addresses of their own, so that none has tried too often
            c = socket.create_connection(("127.0.0.1", s.port), PATIENCE_S, ("127.0.3.%d" % (n + 1), 0))
            name = basic("user%d" % n, "p")["Authorization"]
            c.sendall(("GET /v2/keys/k HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n" % name).encode())
            waiting.append(c)
        wait_for(lambda: b"copse_auth_waiting 0\n" not in ask(s.port, "GET", "/metrics")[2], "a queue")
    for c in waiting:
        c.close()


def watch_of(server, query, headers):
    c = server.connect()
    lines = "".join("%s: %s\r\n" % pair for pair in headers.items())
    c.sendall(("GET /v2/keys/a/x?wait=true%s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (query, lines)).encode())
    status = head_of(c)[0]
    assert status == 200, status
    return c


def rights_that_are_taken_away():
    """Each request is judged by the accounts of now, on an open connection too; a watch ends as a stream does when its
    right does, and tells nothing that was written afterwards."""
    json_type = {"Content-Type": "application/json"}
    al = basic("al", SECRET + "2")
    changes = {
        "removed": ("DELETE", "/v2/auth/users/al", None),
        "password": ("PUT", "/v2/auth/users/al", '{"user":"al","password":"another"}'),
        "role": ("PUT", "/v2/auth/users/al", '{"user":"al","revoke":["r"]}'),
        "pattern": ("PUT", "/v2/auth/roles/r", '{"role":"r","revoke":{"kv":{"read":["/a/*"]}}}'),
        "no role": ("DELETE", "/v2/auth/roles/r", None),
    }
    for name, (method, path, body) in changes.items():
        with Server() as s:
            make_accounts(s.port)
            # taps, suspended ones ("Connection: x" makes them so), long polls; and those of others
            mine = [watch_of(s, query, dict(al, **more)) for query in ("", "&stream=true") for more in ({}, {"Connection": "x"})]
            others = [watch_of(s, "&stream=true", h) for h in (ROOT, {}, dict(ROOT, Connection="x"))]
            kept = http.client.HTTPConnection("127.0.0.1", s.port, timeout=PATIENCE_S)
            kept.request("GET", "/v2/keys/a/none", headers=al)
            answer = kept.getresponse()
            assert answer.status == 404 and answer.read(), name
            want(ask(s.port, method, path, body, dict(ROOT, **json_type)), 200, name)
            kept.request("GET", "/v2/keys/a/none", headers=al)
            assert kept.getresponse().status == 401, name
            kept.close()
            want(ask(s.port, "PUT", "/v2/keys/a/x", "value=secret", ROOT), 201, name)
            for c in mine:
                data = b""
                while not data.endswith(b"0\r\n\r\n"):
                    part = c.recv(4096)
                    assert part, (name, data)
                    data += part
                assert data == b"0\r\n\r\n", (name, data)
                c.close()
            for c in others:
                assert b'"secret"' in c.recv(4096), name
                c.close()
            with open(os.path.join(s.dir, "log")) as f:
                assert "watch.revoked" in f.read(), name


def guests_when_auth_begins():
    """A watch of the time without accounts goes on as that of a guest, if a guest may; nobody has proven its password."""
    for flag, goes_on in (("open", True), ("closed", False)):
        with Server("--auth-guest", flag) as s:
            guest, unproven = watch_of(s, "&stream=true", {}), watch_of(s, "&stream=true", ROOT)
            make_accounts(s.port)
            assert unproven.recv(100) == b"0\r\n\r\n"
            if not goes_on:
                assert guest.recv(100) == b"0\r\n\r\n"
            want(ask(s.port, "PUT", "/v2/keys/a/x", "value=1", ROOT), 201, flag)
            if goes_on:
                assert b'"/a/x"' in guest.recv(4096)
            guest.close()
            unproven.close()


def through_a_follower():
    """The same accounts on three members; each change through another one."""
    here = tempfile.mkdtemp(prefix="copse-auth-")
    ports, peers = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
    cluster = ",".join("m%d=http://127.0.0.1:%d" % (i, peers[i]) for i in range(3))
    log = open(os.path.join(here, "log"), "wb")
    members = []
    try:
        for i in range(3):
            members.append(start(os.path.join(here, "m%d" % i), ports[i], peers[i], log, "--name", "m%d" % i,
                                 "--initial-cluster", cluster))
        for port in ports:
            wait_for(lambda: is_up(port), "a member")
        for port in (p for p in ports if ask(p, "GET", "/v2/stats/leader")[0] == 403):  # the followers
            make_accounts(port)
            want(ask(port, "PUT", "/v2/keys/a/x", "value=1", headers=ROOT), 201, "a write of root's")
            for other in ports:
                wait_for(lambda: ask(other, "GET", "/v2/keys/a/x", headers=ROOT)[0] == 200, "the same elsewhere")
                is_kept(other)
            want(ask(port, "DELETE", "/v2/keys/a/x", headers=ROOT), 200, "a deletion")
            want(ask(port, "DELETE", "/v2/auth/enable", headers=ROOT), 200, "disabled")
            for path in ("users/al", "users/root", "roles/r"):
                want(ask(port, "DELETE", "/v2/auth/" + path), 200, path)
    finally:
        for m in members:
            m.send_signal(signal.SIGTERM)
        for m in members:
            try:
                m.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                m.kill()
                m.wait()
        log.close()
        shutil.rmtree(here)


if __name__ == "__main__":
    sys.exit(run([restart_snapshot_and_backup, open_and_closed_guests, guessing_runs_out, the_longest_name_is_told, a_stop_while_passwords_wait, rights_that_are_taken_away,
                  guests_when_auth_begins, through_a_follower], sys.argv[1:]))
