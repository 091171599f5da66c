"""Reads with a password."""
import base64

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
        for c in (8, 1):
            r = ctx.load(s, "1 GET /v2/keys/k", conns=c, secs=secs, H="Authorization: " + basic("pw"))
            yield from thr(r, f"GET with password {c} conn{'s' * (c > 1)}", lat=c == 1)
        if get("no") != 401:
            raise NA("a wrong password passed after a right one")
    finally:
        s.drop()
