#!/usr/bin/env python3
"""/metrics, /livez, /readyz, --listen-metrics-urls: form and figures; and that the alerts and the
dashboard of contrib/ speak of nothing that is not there."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Server, free_port, open_watch, run, wait_for  # noqa: E402

CONTRIB = os.path.join(os.environ["TOP_SRCDIR"], "contrib")
SAMPLE = re.compile(r'^([a-z_]+)(?:\{([A-Za-z_]+="[^"\\]*"(?:,[A-Za-z_]+="[^"\\]*")*)\})? ([0-9.]+)$')


def parse(text):
    """Samples by name and labels, types by name; asserts the form."""
    samples, types, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in types, "twice: " + current
            assert len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == current and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        else:
            m = SAMPLE.match(line)
            assert m, line
            name, labels, value = m.groups()
            family = re.sub("_(bucket|sum|count)$", "", name) if types[current] == "histogram" else name
            assert family == current, line
            assert (name, labels) not in samples, line
            samples[name, labels] = float(value)
    return samples, types


def scrape(server):
    status, body = server.ask("GET", "/metrics")
    assert status == 200, status
    return parse(body.decode())[0]


def figures_follow_requests():
    with Server() as s:
        before = scrape(s)
        s.put("/a")
        s.put("/b")
        assert s.ask("GET", "/v2/keys/a//b")[0] == 301  # no request to a key
        assert s.ask("GET", "/v2/keys/a?quorum=true")[0] == 200
        assert s.ask("GET", "/v2/keys/none")[0] == 404
        assert s.ask("PUT", "/v2/keys/a", "value=x&prevExist=false")[0] == 412
        after = scrape(s)

        def grown(name, labels=None):
            return after[name, labels] - before.get((name, labels), 0)

        def expect(value, *which):
            assert grown(*which) == value, (which, grown(*which))

        expect(3, "etcd_http_received_total", 'method="PUT"')
        expect(1, "etcd_http_received_total", 'method="QGET"')
        expect(1, "etcd_http_failed_total", 'code="404",method="GET"')
        expect(1, "etcd_http_failed_total", 'code="412",method="PUT"')
        expect(2, "etcd_http_successful_duration_seconds_count", 'method="PUT"')
        expect(2, "etcd_http_successful_duration_seconds_bucket", 'method="PUT",le="+Inf"')
        expect(2, "etcd_debugging_store_writes_total", 'action="set"')
        expect(1, "etcd_debugging_store_writes_failed_total", 'action="create"')
        expect(3, "etcd_server_proposals_applied_total")
        assert grown("etcd_disk_wal_fsync_duration_seconds_count") >= 1
        assert grown("etcd_disk_wal_write_bytes_total") > 0
        expect(2, "copse_store_nodes", 'kind="key"')
        expect(2, "copse_http_replies_total", 'code="201"')
        assert after["etcd_server_has_leader", None] == after["etcd_server_is_leader", None] == 1
        assert after["process_open_fds", None] > 3
        assert abs(time.time() - after["process_start_time_seconds", None]) < 3600


def refused_hosts_are_named():
    with Server("--host-whitelist", "127.0.0.1") as s:
        assert s.ask("GET", "/v2/keys/", headers={"Host": "evil.example"})[0] == 421
        assert s.ask("GET", "/v2/keys/")[0] == 200
        after = scrape(s)
        assert after["copse_http_replies_total", 'code="421"'] == 1
        assert ("copse_http_replies_total", 'code="other"') not in after


def watches_are_counted():
    with Server() as s:
        w = open_watch(s, "/w")
        wait_for(lambda: scrape(s)["etcd_debugging_store_watchers", None] == 1, "a watch that is counted")
        m = scrape(s)
        assert m["copse_http_watches", None] == 1
        assert m["etcd_debugging_store_watch_requests_total", None] == 1
        s.put("/w")
        wait_for(lambda: scrape(s)["copse_http_events_total", None] == 1, "an event that is counted")
        w.close()


def well():
    with Server() as s:
        assert s.ask("GET", "/livez") == (200, b"ok\n")
        assert s.ask("GET", "/readyz") == (200, b"ok\n")
        assert s.ask("GET", "/readyz?verbose") == (
            200, b"[+]serving ok\n[+]leader ok\n[+]log_space ok\nreadyz check passed\n")
        assert s.ask("GET", "/readyz?exclude=leader&verbose") == (
            200, b"[+]serving ok\n[+]log_space ok\nreadyz check passed\n")
        assert s.ask("GET", "/livez?verbose") == (200, b"[+]serving ok\nlivez check passed\n")
        assert s.ask("PUT", "/livez")[0] == 405


def own_address():
    port = free_port()
    with Server("--listen-metrics-urls", "http://127.0.0.1:%d" % port) as s:
        clients = s.port
        s.port = port
        for path in ("/metrics", "/health", "/livez", "/readyz"):
            assert s.ask("GET", path)[0] == 200, path
        for path in ("/v2/keys", "/v2/stats/self", "/version", "/v2/machines"):
            assert s.ask("GET", path)[0] == 404, path
        assert s.ask("PUT", "/v2/keys/a", "value=x")[0] == 404
        here = {name for name, _ in scrape(s)}
        s.port = clients
        apart = here ^ {name for name, _ in scrape(s)}
        assert not apart, "only one of both tells %r" % sorted(apart)
        assert s.ask("GET", "/version")[0] == 200


def contrib_names_what_is_there():
    with Server() as s:
        s.ask("GET", "/v2/keys/none")
        body = s.ask("GET", "/metrics")[1].decode()
        samples, types = parse(body)
        names = {name for name, _ in samples}
        with open(os.path.join(CONTRIB, "grafana", "copse.json")) as f:
            dashboard = json.load(f)
        texts = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
        rules = os.path.join(CONTRIB, "prometheus", "copse.rules.yml")
        with open(rules) as f:
            texts += re.findall(r"^ +expr: (.*)$", f.read(), re.M)
        used = {w for t in texts for w in re.findall(r"\b(?:etcd|copse|process)_[a-z_]+", t)}
        assert len(used) > 20, used
        assert not used - names, "not there: %s" % sorted(used - names)
        if shutil.which("promtool"):
            subprocess.run(["promtool", "check", "metrics"], input=body, text=True, check=True)
            subprocess.run(["promtool", "check", "rules", rules], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(run([figures_follow_requests, refused_hosts_are_named, watches_are_counted, well, own_address,
                  contrib_names_what_is_there], sys.argv[1:]))
