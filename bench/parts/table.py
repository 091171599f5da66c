"""Results as a markdown table, and the limits of the disk."""
import collections, json, os, shlex, statistics, subprocess

TITLE = {
    "w1": "GET of one small key", "w2": "recursive directory listing", "w3": "durable PUT, 1000 rotating keys",
    "w4": "90 % GET, 10 % PUT", "w5": "in-order POST to a queue", "w6": "watch fan-out on one key, one writer",
    "w7": "idle long-poll watchers", "w8": "memory: 64-byte keys, 256-byte values, 100 directories",
    "w9": "stalls while snapshots are made", "w10": "restart", "w11": "many TTLs due at once",
    "w12": "GET with basic auth", "w13": "three nodes", "w14": "size and start", "w15": "compare-and-swap contest",
    "w16": "GET over TLS",
    "w17": "growth: children of a directory", "w18": "growth: connections", "w19": "growth: watchers",
    "w20": "growth: bytes of a value", "w21": "one snapshot of many keys", "wrk": "cross-check with wrk"}


def better_high(metric):
    return metric.endswith("/s") or metric.endswith("%")


def fmt(v):
    if v is None or v != v:
        return "n/a"
    a = abs(v)
    return (f"{v:,.0f}" if a >= 1000 else f"{v:.0f}" if a >= 100 else f"{v:.1f}" if a >= 10
            else f"{v:.2f}" if a >= 0.1 else "0" if a == 0 else f"{v:.4f}")


def table(work, specs, res):
    """The markdown table."""
    used = [sp for sp in specs if any(sp.name in res.get(w, {}) for w in work)]
    if not used:
        return []
    rows = [["", "metric"] + [sp.name for sp in used]]
    for w in sorted(work, key=lambda x: (not x[1:].isdigit(), int(x[1:]) if x[1:].isdigit() else 0)):
        got = res.get(w, {})
        metrics = []
        for sp in used:
            for m in got.get(sp.name, {}):
                if m not in metrics:
                    metrics.append(m)
        if not metrics:
            rows.append([w, TITLE[w]] + ["n/a" if sp.name in got else "" for sp in used])
            continue
        rows.append([f"**{w}**", f"**{TITLE[w]}**"] + [""] * len(used))
        for m in metrics:
            row, first = [w, m], None
            for i, sp in enumerate(used):
                x = got.get(sp.name, {}).get(m)
                v = statistics.median(x) if x else float("nan")
                if i == 0:
                    first = v
                cell = fmt(v)
                if not x and (not sp.does(w) or sp.kind != "etcd"):
                    cell = ""
                elif i and v == v and first == first and v > 0 and first > 0:
                    cell += f" ({v / first if better_high(m) else first / v:.2f}x)"
                row.append(cell)
            rows.append(row)
    wid = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    out = []
    for k, r in enumerate(rows):
        out.append("| " + " | ".join(c.ljust(wid[i]) if i < 2 else c.rjust(wid[i]) for i, c in enumerate(r)) + " |")
        if k == 0:
            out.append("|" + "|".join("-" * (x + 1) + ("-" if i < 2 else ":") for i, x in enumerate(wid)) + "|")
    return out


def disk_limit(ctx):
    """fdatasync'd appends of 200 bytes: {name: value}"""
    out = subprocess.run([ctx.tool("disk"), os.path.join(ctx.scratch, "disk.dat"), "0.3" if ctx.a.quick else "1"],
                         stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
    res = collections.OrderedDict()
    for line in out.splitlines():
        r = json.loads(line)
        k = f"{r['file']} file, batch {r['batch']}"
        res[k + ": records/s"] = r["records_s"]
        res[k + ": sync p50 us"] = r["p50_us"]
        res[k + ": sync p99 us"] = r["p99_us"]
    return res


def version(spec):
    exe = shlex.split(spec.command)[0]
    try:
        out = subprocess.run([exe, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, timeout=5).stdout.decode(errors="replace")
        return out.strip().splitlines()[0][:100] if out.strip() else "?"
    except (OSError, subprocess.SubprocessError):
        return "?"
