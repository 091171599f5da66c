"""Reads with a password, and over TLS."""
import base64, os, shutil, subprocess

from parts.run import one_key, thr
from parts.servers import NA, Node, rq


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
    finally:
        s.drop()
