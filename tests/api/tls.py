#!/usr/bin/env python3
"""tls.py [TEST...] - HTTPS with openssl, curl, the copse client and Python's ssl as clients: who gets in,
who does not and is told why, new files while requests run, and clients that stall. Needs no network."""
import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

from harness import PATIENCE_S, Server, ended, free_port, head_of, run, wait_for

TOOL = os.path.join(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")),
                    "tools", "dev-certs")
SANITIZED = os.environ.get("COPSE_SANITIZE", "no") != "no"
here = tempfile.mkdtemp(prefix="copse-tls-")


def make(directory, certificates=None, days=None):
    env = dict(os.environ)
    if certificates:
        env["DEV_CERTS"] = certificates
    if days:
        env["DEV_CERTS_DAYS"] = str(days)
    done = subprocess.run([TOOL, directory], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()


def certs(name, authority="ours"):
    """Certificate and key of NAME."""
    base = os.path.join(here, authority, name)
    return base + ".pem", base + "-key.pem"


def ca(authority="ours"):
    return os.path.join(here, authority, "ca.pem")


class TlsServer(Server):
    """Serves http on port and https on tls_port."""

    def __init__(self, *flags, server=None):
        self.tls_port = free_port()
        self.cert, self.key = server or certs("server")
        plain = free_port()
        super().__init__("--listen-client-urls", "http://127.0.0.1:%d,https://127.0.0.1:%d" % (plain, self.tls_port),
                         "--advertise-client-urls", "https://127.0.0.1:%d" % self.tls_port,
                         "--cert-file", self.cert, "--key-file", self.key, *flags)
        self.port = plain

    def context(self, who=None, authority="ours"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca(authority))
        if who:
            context.load_cert_chain(*who)
        return context

    def tls(self, context=None, session=None, patience_s=PATIENCE_S):
        s = socket.create_connection(("127.0.0.1", self.tls_port), timeout=patience_s)
        try:
            return (context or self.context()).wrap_socket(s, server_hostname="localhost", session=session)
        except (OSError, ssl.SSLError):
            s.close()
            raise

    def get(self, context=None, path="/v2/keys/", **how):
        """Status of a request over TLS, or the exception that came instead."""
        try:
            with self.tls(context, **how) as s:
                s.sendall(("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path).encode())
                return head_of(s)[0]
        except (OSError, ssl.SSLError) as e:
            return e

    def certificate_end(self):
        out = subprocess.run(["openssl", "x509", "-in", self.cert, "-noout", "-enddate"], stdout=subprocess.PIPE,
                             check=True)
        return out.stdout.decode().strip().partition("=")[2]

    def connections(self):
        metrics = self.ask("GET", "/metrics")[1].decode()
        return int(metrics.partition("\ncopse_http_connections ")[2].split()[0])

    def lines(self, event):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return [line for line in f if " %s " % event in line]


def is_refused(answer):
    return isinstance(answer, (OSError, ssl.SSLError)) or answer is None


def curl(*args):
    done = subprocess.run(["curl", "-s", "-S", "-m", str(PATIENCE_S), *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def copse(*args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("ETCDCTL_")}
    done = subprocess.run([os.environ["COPSE"], *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def s_client(server, *args):
    """What openssl says to a handshake without more."""
    done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.tls_port, *args],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace")


# ---- who gets in


def both_side_by_side():
    with TlsServer() as s:
        url = "https://localhost:%d" % s.tls_port
        s.put("/plain", "1")
        code, out, why = curl("--cacert", ca(), "-X", "PUT", "-d", "value=2", url + "/v2/keys/tls")
        assert code == 0 and json.loads(out)["node"]["value"] == "2", (code, out, why)
        assert json.loads(s.ask("GET", "/v2/keys/tls")[1])["node"]["value"] == "2"
        assert json.loads(curl("--cacert", ca(), url + "/v2/keys/plain")[1])["node"]["value"] == "1"
        # no authority, another one, another name
        assert curl(url + "/version")[0] == 60
        assert curl("--cacert", ca("others"), url + "/version")[0] == 60
        code, _, why = curl("--cacert", ca(), "--resolve", "other.example:%d:127.0.0.1" % s.tls_port,
                            "https://other.example:%d/version" % s.tls_port)
        assert code == 60 and "name" in why, (code, why)


def versions_and_ciphers():
    with TlsServer() as s:
        assert "New, TLSv1.3" in s_client(s)
        assert "New, TLSv1.2" in s_client(s, "-tls1_2")
        for old in ("-tls1_1", "-tls1"):
            text = s_client(s, old, "-cipher", "ALL:@SECLEVEL=0")
            assert "alert protocol version" in text, text
        for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"):
            text = s_client(s, "-tls1_2", "-cipher", weak)
            assert "alert handshake failure" in text, (weak, text)
        assert s.get() == 200
    with TlsServer("--cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384") as s:
        assert "handshake failure" in s_client(s, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
        assert "TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in s_client(s, "-tls1_2")


def certificates_of_clients():
    with TlsServer("--trusted-ca-file", ca(), "--client-crl-file", os.path.join(here, "ours", "crl.pem"),
                   "--client-cert-auth") as s:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            def ask(who, authority="ours", version=version):
                context = s.context(certs(who, authority) if who else None)
                context.minimum_version = context.maximum_version = version
                return s.get(context)
            assert ask("client") == 200
            for who, authority in ((None, ""), ("expired", "ours"), ("revoked", "ours"), ("client", "others")):
                answer = ask(who, authority)
                assert is_refused(answer), (who, authority, version, answer)
        # what the client is told
        text = s_client(s, "-tls1_2", "-cert", certs("revoked")[0], "-key", certs("revoked")[1])
        assert "alert bad certificate" in text, text
        code, _, why = copse("--endpoints", "https://127.0.0.1:%d" % s.tls_port, "--ca-file", ca(), "ls")
        assert code != 0 and "bad certificate" in why, (code, why)
        metrics = s.ask("GET", "/metrics")[1].decode()
        assert 'copse_tls_handshakes_total{result="failed"} ' in metrics, metrics[-3000:]
        end = int(metrics.partition('expiry_timestamp_seconds{side="client"} ')[2].split()[0])
        assert end == ssl.cert_time_to_seconds(s.certificate_end()), end
        lines = wait_for(lambda: s.lines("tls.refused"), "a line about those who were refused")
        assert "from=127.0.0.1:" in lines[0] and "reason=" in lines[0], lines
        assert s.ask("GET", "/v2/keys/")[0] == 200  # over plain HTTP nobody is asked, which is told
        assert s.lines("tls.plain_url")


def allowed_host():
    for name, want in (("localhost", True), ("other.example", False)):
        with TlsServer("--trusted-ca-file", ca(), "--client-cert-allowed-hostname", name) as s:
            answer = s.get(s.context(certs("client")))
            assert answer == 200 if want else is_refused(answer), (name, answer)


def certificate_is_user():
    """Without a password, and only with --client-cert-auth."""
    for flags, known in (([], False), (["--client-cert-auth"], True)):
        with TlsServer("--trusted-ca-file", ca(), *flags) as s:
            for name in ("root", "guest"):
                status, body = s.ask("PUT", "/v2/auth/users/" + name, json.dumps({"user": name, "password": "p"}),
                                     {"Content-Type": "application/json"})
                assert status == 201, body
            assert s.ask("PUT", "/v2/auth/enable")[0] == 200
            root, user = s.context(certs("client")), s.context(certs("peer"))
            users = "/v2/auth/users"
            assert s.get(root, users) == (200 if known else 401)
            assert s.get(user, users) == 401  # a name that has no account
            assert s.ask("GET", users)[0] == 401
            # A password that is wrong is not made good by a certificate.
            wrong = base64.b64encode(b"root:q").decode()
            with s.tls(root) as c:
                c.sendall(("GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\n\r\n" % (users, wrong)).encode())
                assert head_of(c)[0] == 401


def watches_of_certificates():
    """What rights_that_are_taken_away of auth.py is for users with passwords: a watch of a certificate's user ends with its
    right, and tells nothing that was written afterwards. A new password is none of its business."""
    changes = {
        "removed": ("DELETE", "/v2/auth/users/copse-peer", None),
        "role": ("PUT", "/v2/auth/users/copse-peer", {"user": "copse-peer", "revoke": ["r"]}),
        "pattern": ("PUT", "/v2/auth/roles/r", {"role": "r", "revoke": {"kv": {"read": ["/a/*"]}}}),
        "no role": ("DELETE", "/v2/auth/roles/r", None),
        "no accounts": ("DELETE", "/v2/auth/enable", None),
        "password": ("PUT", "/v2/auth/users/copse-peer", {"user": "copse-peer", "password": "another"}),
    }
    flags = "--trusted-ca-file", ca(), "--client-cert-auth", "--auth-guest", "closed"
    for name, (method, path, fields) in changes.items():
        with TlsServer(*flags) as s:
            root, user = s.context(certs("client")), s.context(certs("peer"))

            def ask(method, path, fields=None, s=s, root=root):
                body = "" if fields is None else json.dumps(fields)
                with s.tls(root) as c:
                    c.sendall(("%s %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                               % (method, path, len(body), body)).encode())
                    return head_of(c)[0]

            def watch_of(context, more, s=s):
                c = s.tls(context)
                c.sendall(("GET /v2/keys/a/x?wait=true%s HTTP/1.1\r\nHost: a\r\n%s\r\n" % more).encode())
                status = head_of(c)[0]
                assert status == 200, status
                return c

            assert ask("PUT", "/v2/auth/users/root", {"user": "root", "password": "p"}) == 201
            assert ask("PUT", "/v2/auth/roles/r", {"role": "r", "permissions": {"kv": {"read": ["/a/*"]}}}) == 201
            assert ask("PUT", "/v2/auth/users/copse-peer", {"user": "copse-peer", "password": "p", "roles": ["r"]}) == 200
            assert ask("PUT", "/v2/auth/enable") == 200
            kinds = [(query, header) for query in ("", "&stream=true") for header in ("", "Connection: x\r\n")]
            mine, others = [watch_of(user, k) for k in kinds], [watch_of(root, k) for k in kinds]
            assert ask(method, path, fields) == 200, name
            assert ask("PUT", "/v2/keys/a/x?value=secret") == 201, name
            goes_on = name in ("no accounts", "password")
            for c in mine + others:
                data = b""
                while b"}\n" not in data and not data.endswith(b"0\r\n\r\n"):
                    part = c.recv(4096)
                    assert part, (name, data)
                    data += part
                if c in others or goes_on:
                    assert b'"secret"' in data, (name, data)
                else:
                    assert data == b"0\r\n\r\n", (name, data)
                c.close()
            assert bool(s.lines("watch.revoked")) != goes_on, name


def audit_names_certificates():
    """Where they are users, and no password says otherwise."""
    for n, (flags, names) in enumerate((([], [None, None, "other"]), (["--client-cert-auth"], ["root", "copse-peer", "other"]))):
        audit = os.path.join(here, "audit%d" % n)
        with TlsServer("--trusted-ca-file", ca(), "--audit-log", audit, "--log-format", "json", *flags) as s:
            other = "Authorization: Basic %s\r\n" % base64.b64encode(b"other:q").decode()
            for who, header in (("client", ""), ("peer", ""), ("client", other)):
                with s.tls(s.context(certs(who))) as c:
                    c.sendall(("PUT /v2/keys/a?value=1 HTTP/1.1\r\nHost: a\r\n%sContent-Length: 0\r\n\r\n" % header).encode())
                    assert head_of(c)[0] in (200, 201)

            def audited(audit=audit):
                with open(audit, encoding="utf-8") as f:
                    return [line for line in f if line.endswith("\n")]

            wait_for(lambda: len(audited()) == len(names), "a line of each")
            lines = [json.loads(line) for line in audited()]
            assert [line.get("user") for line in lines] == names, lines


def command_line():
    with TlsServer("--trusted-ca-file", ca()) as s:
        to = ["--endpoints", "https://127.0.0.1:%d" % s.tls_port]
        cert, key = certs("client")
        known = ["--cert-file", cert, "--key-file", key]
        for words in (("set", "/a", "1"), ("get", "/a")):
            answer = copse(*to, "--ca-file", ca(), *known, *words)
            assert answer[:2] == (0, "1\n"), answer
        code, _, why = copse(*to, "--ca-file", ca("others"), *known, "get", "/a")
        assert code != 0 and "x509: certificate signed by unknown authority" in why, (code, why)
        code, _, why = copse(*to, "--ca-file", ca(), "--cert-file", certs("expired")[0], "--key-file",
                             certs("expired")[1], "get", "/a")
        assert code != 0 and "bad certificate" in why, (code, why)
        code, _, why = copse("--endpoints", "https://127.0.0.1:%d" % s.port, "--ca-file", ca(), "get", "/a")
        assert code != 0 and why, (code, why)


# ---- the wrong protocol


def plain_http_to_tls():
    with TlsServer() as s:
        status = curl("http://127.0.0.1:%d/version" % s.tls_port)
        assert status[0] == 0 and status[1] == "Client sent an HTTP request to an HTTPS server.\n", status
        with socket.create_connection(("127.0.0.1", s.tls_port), timeout=PATIENCE_S) as c:
            c.sendall(b"\0\1\2\3\4\5")  # neither
            c.recv(1000)
            assert wait_for(lambda: ended(c), "the end of the connection")
        assert s.get() == 200


def tls_to_plain_http():
    with TlsServer() as s:
        hellos = []
        for _ in range(4):
            c = socket.create_connection(("127.0.0.1", s.port), timeout=PATIENCE_S)
            c.sendall(hello() + b"\r\n\r\n")
            hellos.append(c)
        assert s.ask("GET", "/version")[0] == 200
        for c in hellos:
            answer = c.recv(1000)
            assert not answer or answer.startswith(b"HTTP/1.1 4"), answer
            c.close()


# ---- new files


def swap(server, name, authority="ours"):
    """Puts certificate and key of NAME where the server has its own, one after the other."""
    for source, target in zip(certs(name, authority), (server.cert, server.key)):
        draft = target + ".new"
        shutil.copy(source, draft)
        os.rename(draft, target)


def own_files(name="server", authority="ours"):
    directory = tempfile.mkdtemp(dir=here)
    target = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    for source, to in zip(certs(name, authority), target):
        shutil.copy(source, to)
    return target


def shown(server):
    """Serial number of the certificate that the server shows."""
    with server.tls() as s:
        return s.getpeercert()["serialNumber"]


def serial(path):
    out = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-serial"], stdout=subprocess.PIPE, check=True)
    return out.stdout.decode().strip().partition("=")[2]


def reload_under_load():
    with TlsServer(server=own_files()) as s:
        stop, failures, counts = threading.Event(), [], []

        def load(new_each_time):
            context, count = s.context(), 0
            conn = None
            while not stop.is_set():
                try:
                    if conn is None:
                        conn = http.client.HTTPSConnection("localhost", s.tls_port, timeout=PATIENCE_S, context=context)
                    conn.request("GET", "/v2/keys/")
                    answer = conn.getresponse()
                    answer.read()
                    if answer.status != 200:
                        raise http.client.HTTPException("status %d" % answer.status)
                    count += 1
                    if new_each_time:
                        conn.close()
                        conn = None
                except (OSError, http.client.HTTPException) as e:
                    failures.append(repr(e))
                    return
            counts.append(count)

        threads = [threading.Thread(target=load, args=(n % 2 == 0,)) for n in range(4)]
        watch = s.tls()
        watch.sendall(b"GET /v2/keys/w?wait=true HTTP/1.1\r\nHost: a\r\n\r\n")
        assert head_of(watch)[0] == 200
        for t in threads:
            t.start()
        try:
            for n, name in enumerate(("peer", "server", "peer")):
                swap(s, name)
                if n == 0:
                    s.process.send_signal(signal.SIGHUP)  # the others are found without
                wait_for(lambda name=name: shown(s) == serial(certs(name)[0]), "the new certificate")
        finally:
            stop.set()
            for t in threads:
                t.join()
        assert not failures, failures
        assert len(counts) == len(threads) and min(counts) > 0, counts
        s.put("/w", "there")
        assert b"there" in watch.recv(65536)  # the same connection all the while
        watch.close()


def broken_files():
    with TlsServer(server=own_files()) as s:
        before = shown(s)
        with open(s.key, "w", encoding="ascii") as f:
            f.write("no key\n")
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.lines("tls.reload"), "a line about the broken file")
        assert shown(s) == before
        shutil.copy(certs("peer")[1], s.key)  # good, but of another certificate
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: any("is not that of the certificate" in line for line in s.lines("tls.reload")),
                 "a line about the wrong key")
        assert shown(s) == before
        shutil.copy(certs("peer")[0], s.cert)
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: shown(s) == serial(certs("peer")[0]), "the new certificate")


def revoked_later():
    directory = tempfile.mkdtemp(dir=here)
    crl, trusted = os.path.join(directory, "crl.pem"), os.path.join(directory, "ca.pem")
    shutil.copy(ca("others"), trusted)
    shutil.copy(os.path.join(here, "others", "crl.pem"), crl)
    with TlsServer("--trusted-ca-file", trusted, "--client-crl-file", crl) as s:
        context = s.context(certs("later", "others"))
        tls12 = s.context(certs("later", "others"))
        tls12.maximum_version = ssl.TLSVersion.TLSv1_2
        sessions = []
        for c in (context, tls12):
            with s.tls(c) as conn:
                conn.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
                assert head_of(conn)[0] == 200
                sessions.append(conn.session)
            with s.tls(c, sessions[-1]) as conn:
                assert conn.session_reused
        # Revoked, it gets in neither anew nor by taking up an old session.
        done = subprocess.run(["openssl", "ca", "-config", "dev-certs.conf", "-cert", "ca.pem", "-keyfile", "ca-key.pem",
                               "-revoke", "later.pem"], cwd=os.path.join(here, "others"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout.decode()
        subprocess.run(["openssl", "ca", "-config", "dev-certs.conf", "-cert", "ca.pem", "-keyfile", "ca-key.pem",
                        "-gencrl", "-out", crl], cwd=os.path.join(here, "others"), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: is_refused(s.get(context)), "the new revocation list")
        for c, old in zip((context, tls12), sessions):
            assert is_refused(s.get(c)), c
            assert is_refused(s.get(c, session=old)), c
        # Another authority, another list.
        shutil.copy(os.path.join(here, "ours", "crl.pem"), crl)
        shutil.copy(ca(), trusted)
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.get(s.context(certs("client"))) == 200, "the new authority")


def certificate_of_its_own():
    directory = tempfile.mkdtemp(dir=here)
    port, serials, peer = free_port(), [], "http://127.0.0.1:%d" % free_port()
    for days in ("first", "second"):
        s = Server("--data-dir", os.path.join(directory, "data"), "--auto-tls", "--listen-client-urls",
                   "https://127.0.0.1:%d" % port, "--initial-advertise-peer-urls", peer, "--initial-cluster",
                   "default=" + peer)
        cert = os.path.join(directory, "data", "fixtures", "client", "cert.pem")
        s.is_ready = lambda cert=cert: os.path.exists(cert) and curl(
            "--cacert", cert, "https://localhost:%d/health" % port)[0] == 0
        with s:
            assert curl("--cacert", cert, "https://127.0.0.1:%d/version" % port)[0] == 0, days
            assert os.stat(cert.replace("cert", "key")).st_mode & 0o777 == 0o600
            serials.append(serial(cert))
    assert serials[0] == serials[1], serials


def expiry_is_told():
    for authority, name, event in (("soon", "server", "tls.expires"), ("ours", "expired", "tls.expired")):
        with TlsServer(server=certs(name, authority)) as s:
            assert s.lines(event), s.lines("server.serving")


def starts_that_are_refused():
    cert, key = certs("server")
    other = certs("server", "others")[1]
    https = ["--listen-client-urls", "https://127.0.0.1:1", "--advertise-client-urls", "https://127.0.0.1:1"]
    for flags, words in (
            (["--cert-file", cert + "x", "--key-file", key], "open %sx: no such file" % cert),
            (["--cert-file", key, "--key-file", key], key + ": "),
            (["--cert-file", cert, "--key-file", other], "the key in %s is not that of" % other),
            (["--cert-file", cert, "--key-file", key, "--trusted-ca-file", key], key + ": "),
            (["--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca(), "--client-crl-file",
              os.path.join(here, "others", "crl.pem")], "not signed by an authority"),
            ([], "must be provided for url https://127.0.0.1:1")):
        code, _, why = copse("serve", "--data-dir", os.path.join(here, "refused"), *https, *flags)
        assert code in (1, 2) and words in why, (flags, code, why)


# ---- requests


def requests_on_one_connection():
    with TlsServer() as s:
        conn = http.client.HTTPSConnection("localhost", s.tls_port, timeout=PATIENCE_S, context=s.context())
        value = "v" * 1_000_000
        for n in range(3):
            conn.request("PUT", "/v2/keys/big/%d" % n, "value=" + value,
                         {"Content-Type": "application/x-www-form-urlencoded"})
            answer = conn.getresponse()
            assert answer.status == 201 and len(answer.read()) > len(value), answer.status
        conn.request("GET", "/v2/keys/big")
        assert len(json.loads(conn.getresponse().read())["node"]["nodes"]) == 3
        conn.request("GET", "/v2/keys/" + "x" * 20000)  # too long: told, then closed
        assert conn.getresponse().status == 414
        conn.close()
        # requests behind one that waits for the log, and behind a watch
        with s.tls() as c:
            c.sendall(b"PUT /v2/keys/p?value=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                      b"GET /v2/keys/p?wait=true HTTP/1.1\r\nHost: a\r\n\r\n"
                      b"GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            status, headers, rest = head_of(c)
            assert status == 201, status
            while len(rest) < int(headers["Content-Length"]):
                rest += c.recv(65536)
            wait_for(lambda: s.watchers() == 1, "the watch")
            s.put("/p", "2")
            while True:
                part = c.recv(65536)
                if not part:
                    break
                rest += part
            assert b'"value":"2"' in rest and rest.count(b"HTTP/1.1 200 OK") == 2, rest


def watches_and_hang_ups():
    with TlsServer() as s:
        streams = []
        for _ in range(8):
            c = s.tls()
            c.sendall(b"GET /v2/keys/w?wait=true&stream=true HTTP/1.1\r\nHost: a\r\n\r\n")
            assert head_of(c)[0] == 200
            streams.append(c)
        wait_for(lambda: s.watchers() == 8, "the watches")
        s.put("/w", "hello")
        for c in streams:
            data = b""
            while b"hello" not in data:
                data += c.recv(65536)
        for n, c in enumerate(streams[:6]):
            if n < 2:
                c.close()
            elif n < 4:
                c.shutdown(socket.SHUT_WR)  # half
            else:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset
                c.close()
        wait_for(lambda: s.watchers() == 2, "the end of those whose clients left")
        s.put("/w", "again")
        for c in streams[6:]:
            data = b""
            while b"again" not in data:
                data += c.recv(65536)
    for c in streams[6:]:
        while c.recv(65536):
            pass  # ended with the server
        c.close()


def many_connections():
    count = 200 if SANITIZED else 1000
    with TlsServer() as s:
        context = s.context()
        with contextlib.ExitStack() as stack:
            conns = [stack.enter_context(s.tls(context)) for _ in range(count)]
            for round_ in range(2):
                for c in conns:
                    c.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
                for c in conns:
                    assert head_of(c)[0] == 200, round_


# ---- clients that stall


def hello():
    """The first message of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def half_open_handshakes():
    """LIMIT_LOBBY and LIMIT_HANDSHAKES: the oldest go, and nobody else has to wait."""
    for name, limit, sent in (("without a word", 1024, b""), ("behind the first message", 256, hello())):
        with TlsServer("--workers", "1") as s, contextlib.ExitStack() as stack:
            def stall(s=s, stack=stack, sent=sent):
                c = stack.enter_context(socket.create_connection(("127.0.0.1", s.tls_port), timeout=PATIENCE_S))
                if sent:
                    c.sendall(sent)
                return c
            stalled = [stall() for _ in range(limit)]
            wait_for(lambda s=s, limit=limit: s.connections() >= limit, "the connections")
            assert not is_cut(stalled[0]), name
            stalled += [stall() for _ in range(8)]
            assert s.ask("GET", "/version")[0] == 200, name
            assert s.get() == 200, name
            wait_for(lambda stalled=stalled: is_cut(stalled[0]), "an end to the oldest: " + name)


def is_cut(c):
    """Has the server closed it? Takes nothing that another look would need."""
    c.setblocking(False)  # with a time-out Python would wait, whatever the flags say
    try:
        while True:
            if not c.recv(65536):
                return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        c.settimeout(PATIENCE_S)


def stalled_handshakes_end(stack=contextlib.ExitStack(), begun=[]):
    """LIMIT_HANDSHAKE_S: by themselves. It takes that long, so it is called first and last."""
    if not begun:
        s = stack.enter_context(TlsServer())
        message = hello()
        stalled = [stack.enter_context(socket.create_connection(("127.0.0.1", s.tls_port), timeout=PATIENCE_S))
                   for _ in range(12)]
        for n, c in enumerate(stalled):
            c.sendall(message[:len(message) * (n % 3) // 2])
        # One that is through may be silent for longer than that.
        begun.append((stalled, stack.enter_context(s.tls())))
        return
    stalled, quiet = begun[0]
    with stack:
        wait_for(lambda: all(is_cut(c) for c in stalled), "an end to the stalled handshakes")
        quiet.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
        assert head_of(quiet)[0] == 200


TESTS = (stalled_handshakes_end, both_side_by_side, versions_and_ciphers, certificates_of_clients, allowed_host,
         certificate_is_user, watches_of_certificates, audit_names_certificates, command_line, plain_http_to_tls, tls_to_plain_http, reload_under_load, broken_files,
         revoked_later, certificate_of_its_own, expiry_is_told, starts_that_are_refused, requests_on_one_connection,
         watches_and_hang_ups, many_connections, half_open_handshakes, stalled_handshakes_end)

if __name__ == "__main__":
    if not shutil.which("openssl") or not shutil.which("curl"):
        print("skipped: openssl and curl are needed")
        sys.exit(77)
    try:
        make(os.path.join(here, "ours"))
        make(os.path.join(here, "others"), "server=s client=c later=later")
        make(os.path.join(here, "soon"), "server=s", 5)
        sys.exit(run(TESTS, sys.argv[1:]))
    finally:
        shutil.rmtree(here)
