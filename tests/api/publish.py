"""publish.py odd-files TREE | stored TREE ACKS LISTING | watched TREE EVENTS LEAST | gate URL MOST FILE

The comparing half of the test `publish`: what examples/publish-config sends is worked out again here
from /etc/services and the files of TREE, and held against what the server stored or told a watcher.
"""
import codecs
import json
import os
import select
import socket
import sys
import urllib.parse

# JSON as the API writes it has U+FFFD for each byte that is not UTF-8.
codecs.register_error("byte", lambda e: ("\ufffd", e.start + 1))


INDEX = b"\r\nX-Etcd-Index: "  # once in an answer: JSON has no bare line ends


def as_told(data):
    return data.decode("utf-8", "byte")


def expected(tree):
    """All that is published: in order of writing, a list of (key, value)."""
    pairs = []
    with open("/etc/services", "rb") as services:
        for line in services.read().split(b"\n"):
            word = line.split()
            if len(word) >= 2 and not word[0].startswith(b"#") and word[1].count(b"/") == 1:
                key = b"/config/services/" + word[1].split(b"/")[1] + b"/" + word[0]
                pairs.append((as_told(key), as_told(line)))
    for folder, _, names in os.walk(os.fsencode(tree)):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and b"=" not in path:
                with open(path, "rb") as file:
                    key = b"/config/files/" + os.path.relpath(path, os.fsencode(tree))
                    pairs.append((as_told(key), as_told(file.read())))
    return pairs


def leaves(node, found):
    for child in node.get("nodes", []):
        leaves(child, found)
    if not node.get("dir"):
        found[node["key"]] = node["value"]


def complain(problems):
    for problem in problems[:20]:
        print(problem)
    sys.exit(bool(problems))


def stored(tree, acks, listing):
    """Each acknowledged key has the bytes it was sent with; nothing is there that was not sent."""
    want = dict(expected(tree))
    with open(listing, encoding="utf-8") as file:
        have = {}
        leaves(json.load(file)["node"], have)
    problems = [f"never sent: {key}" for key in have if key not in want]
    acknowledged = 0
    with open(acks, encoding="ascii") as file:
        for line in file:
            status, url = line.rstrip("\n").split(" ", 1)
            if status not in ("200", "201"):
                continue
            acknowledged += 1
            key = as_told(urllib.parse.unquote_to_bytes(url.split("/v2/keys", 1)[1]))
            if key not in have:
                problems.append(f"lost: {key}")
            elif have[key] != want[key]:
                problems.append(f"changed: {key}")
    if acknowledged < 100:
        problems.append(f"only {acknowledged} writes were acknowledged")
    complain(problems)


def watched(tree, events, least):
    """The events are consecutive, and each has the bytes that were sent."""
    want = dict(expected(tree))
    problems, last, count = [], None, 0
    with open(events, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break  # cut off when the server was killed
            event = json.loads(line)
            node = event["node"]
            count += 1
            if event["action"] != "set":
                problems.append(f"not a set: {line[:100]}")
            elif want.get(node["key"]) != node["value"]:
                problems.append(f"changed: {node['key']}")
            if last is not None and node["modifiedIndex"] != last + 1:
                problems.append(f"a gap between {last} and {node['modifiedIndex']}")
            last = node["modifiedIndex"]
    if count < int(least):
        problems.append(f"{count} events, not {least}")
    complain(problems)


def odd_files(tree):
    """Files with names and contents that a quick test would not think of."""
    odd = {
        "größe.conf": "Größe = 12 µm\n".encode(),
        "日本語/設定": "値 = はい\n".encode(),
        "name with spaces, 100% & a+b?#;": b"x",
        'quotes "and" back\\slash': b'"\\\t\b\f\r\n',
        "empty": b"",
        "all-bytes": bytes(range(256)),
        "latin-1": "Straße".encode("latin-1"),
        "cut-utf8": "tail €".encode()[:-1] + b" go on",
        "surrogates-and-overlong": b"\xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80",
        "html": b"<a href='x'>&amp;</a>\xe2\x80\xa8\xe2\x80\xa9\x7f",
        "large": os.urandom(300_000),
        "lines": b"".join(b"line %d\n" % i for i in range(5000)),
    }
    for name, data in odd.items():
        path = os.path.join(tree, "odd", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


def gate(url, most, file):
    """Stands between one client and the server until either leaves, and lets no more than MOST answers through: the
    client cannot be done by then, however slowly the server is killed. FILE gets the URL to use."""
    answers, held, tail = 0, False, b""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with open(file + ".new", "w", encoding="ascii") as out:
            out.write("http://127.0.0.1:%d\n" % listener.getsockname()[1])
        os.rename(file + ".new", file)
        listener.settimeout(60)  # who does not come has failed, and nobody ends us
        client, _ = listener.accept()
    target = urllib.parse.urlsplit(url)
    with client, socket.create_connection((target.hostname, target.port)) as server:
        while True:
            for side in select.select([client, server], [], [])[0]:
                try:
                    data = side.recv(65536)
                except ConnectionResetError:
                    return
                if not data:
                    return
                if side is server:
                    answers += (tail + data).count(INDEX)
                    tail = (tail + data)[1 - len(INDEX):]
                    held = held or answers > int(most)
                if side is client:
                    server.sendall(data)
                elif not held:
                    client.sendall(data)


{"odd-files": odd_files, "stored": stored, "watched": watched, "gate": gate}[sys.argv[1]](*sys.argv[2:])
