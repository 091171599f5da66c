"""Reads with a password, and over TLS."""
import base64, http.client, os, shutil, socket, ssl, statistics, subprocess

from parts.run import one_key, thr
from parts.servers import NA, NOW, SRC2, Node, rq


def w12(ctx, spec):
    s = Node(ctx, spec).start()

    def basic(pw):
        return "Basic " + base64.b64encode(f"root:{pw}".encode()).decode()

    def get(pw):
        return rq(s.port, "GET", "/v2/keys/k", headers={"Authorization": basic(pw)}, timeout=30)[0]
    try:
        one_key(s)
        js = {"Content-Type": "application/json"}
        st = rq(s.port, "PUT", "/v2/auth/users/root", '{"user":"root","password":"pw"}', headers=js)[0]
        st2 = rq(s.port, "PUT", "/v2/auth/enable", headers=js)[0]
        if st not in (200, 201) or st2 != 200:
            raise NA(f"user: {st}, enable: {st2}")
        if get("no") != 401 or get("pw") != 200 or get("no") != 401:
            raise NA("passwords are not checked")
        secs = max(2.0, ctx.a.secs)
        for c in (64, 8, 1):
            r = ctx.load(s, "1 GET /v2/keys/k", conns=c, secs=secs, H="Authorization: " + basic("pw"))
            yield from thr(r, f"GET with password {c} conn{'s' * (c > 1)}", lat=c == 1)
        if get("no") != 401:
            raise NA("a wrong password passed after a right one")
    finally:
        s.drop()


def wrk_rate(url, secs):
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{secs}s", url], stdout=subprocess.PIPE, timeout=60,
                         check=True).stdout.decode()
    if "Non-2xx" in out or "Socket errors" in out:
        raise NA("errors: " + out[-200:])
    return float(out.split("Requests/sec:")[1].split()[0])


def put_p50(port, tls, n):
    c = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
    took = []
    try:
        for _ in range(n):
            t0 = NOW()
            c.request("PUT", "/v2/keys/k", "value=v", {"Content-Type": "application/x-www-form-urlencoded"})
            c.getresponse().read()
            took.append(NOW() - t0)
    finally:
        c.close()
    return statistics.median(took) * 1e6


def watches(port, tls, n):
    """N streams over TLS, each on a key of its own."""
    all = []
    try:
        for i in range(n):
            c = tls.wrap_socket(socket.create_connection(("127.0.0.1", port), 10, (SRC2, 0)))
            all.append(c)
            c.sendall(b"GET /v2/keys/idle/%d?wait=true&stream=true HTTP/1.1\r\nHost: x\r\n\r\n" % i)
        for c in all:
            if not c.recv(4096).startswith(b"HTTP/1.1 200"):
                raise NA("a watch was refused")
    except BaseException:
        for c in all:
            c.close()
        raise
    return all


def w16(ctx, spec):
    for tool in ("wrk", "openssl"):
        if not shutil.which(tool):
            raise NA(f"{tool} is not installed")
    cert, key = (os.path.join(ctx.scratch, x) for x in ("cert.pem", "key.pem"))
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    ports = (ctx.ports.get(), ctx.ports.get())
    tls = ctx.ports.get()
    urls = f"http://127.0.0.1:{ports[0]},https://127.0.0.1:{tls}"
    s = Node(ctx, spec, ports=ports, extra=["--listen-client-urls", urls, "--advertise-client-urls", urls,
                                            "--cert-file", cert, "--key-file", key]).start()
    try:
        one_key(s)
        secs = max(2, int(ctx.a.secs))
        for what, base in (("GET over TLS", f"https://127.0.0.1:{tls}"), ("the same without TLS", f"http://127.0.0.1:{ports[0]}")):
            c0 = s.stat()[0]
            rate = wrk_rate(base + "/v2/keys/k", secs)
            yield f"{what} 64 conns req/s", rate
            yield f"{what} 64 conns cpu us/op", (s.stat()[0] - c0) / (rate * secs) * 1e6
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for n in (0, ctx.a.idle // 2):
            held = watches(tls, context, n)
            try:
                c0 = s.stat()[0]
                yield f"{n} watches over TLS: PUT over TLS 1 conn p50 us", put_p50(tls, context, 1000)
                yield f"{n} watches over TLS: PUT over TLS 1 conn cpu us/op", (s.stat()[0] - c0) / 1000 * 1e6
            finally:
                for c in held:
                    c.close()
    finally:
        s.drop()
