#!/usr/bin/env python3
"""Documents: console blocks give what they say (ids and ports aside), links lead somewhere; and
copy-tree copies."""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE_S, Server, run  # noqa: E402

TOP = os.environ["TOP_SRCDIR"]
DOCUMENTS = sorted(glob.glob(os.path.join(TOP, "doc", "*.md"))) + [os.path.join(TOP, "README.md")]


def read(path):
    with open(path) as f:
        return f.read()


def links_lead_somewhere():
    seen = 0
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(path)):
            if re.match("[a-z]+:", target):
                continue
            seen += 1
            assert os.path.exists(os.path.join(os.path.dirname(path), target)), (path, target)
    assert seen > 3


def plain(text, url):
    text = text.replace(url, "URL").replace("http://127.0.0.1:2379", "URL").replace("http://localhost:2379", "URL")
    return re.sub(r"\b[0-9a-f]{14,16}\b", "ID", text).strip()


def blocks_of(path):
    """Pairs of command and output, of all console blocks in order."""
    for block in re.findall(r"^```console\n(.*?)^```", read(path), re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def blocks_give_what_they_say():
    seen = 0
    for path in DOCUMENTS:
        pairs = list(blocks_of(path))
        if not pairs:
            continue
        with Server() as s:
            url = "http://127.0.0.1:%d" % s.port
            bin_dir = os.path.join(s.dir, "bin")
            os.mkdir(bin_dir)
            os.symlink(os.environ["COPSE"], os.path.join(bin_dir, "copse"))
            env = dict(os.environ, COPSE_ENDPOINTS=url, PATH=bin_dir + ":" + os.environ["PATH"])
            for command, output in pairs:
                done = subprocess.run(["sh", "-c", command.replace("http://127.0.0.1:2379", url)], env=env,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      stdin=subprocess.DEVNULL, timeout=PATIENCE_S)
                seen += 1
                assert plain(done.stdout, url) == plain(output, url), (path, command, done.stdout)
    assert seen > 8


def copy_tree_copies():
    with Server() as a, Server() as b:
        a.put("/x/y", "1 %26 2")
        a.put("/x/%C3%BC%20z", "%C3%A4")
        a.ask("PUT", "/v2/keys/empty", "dir=true")
        a.ask("PUT", "/v2/keys/t", "value=v&ttl=500")
        done = subprocess.run([os.path.join(TOP, "examples", "copy-tree"), "http://127.0.0.1:%d" % a.port,
                               "http://127.0.0.1:%d" % b.port], capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.stdout == "3 keys copied\n", done
        for key in "/x/y", "/x/%C3%BC%20z", "/empty", "/t":
            for got in a.ask("GET", "/v2/keys" + key), b.ask("GET", "/v2/keys" + key):
                assert got[0] == 200, (key, got)
        assert b'"value":"1 \\u0026 2"' in b.ask("GET", "/v2/keys/x/y")[1]
        assert b'"ttl":' in b.ask("GET", "/v2/keys/t")[1]


if __name__ == "__main__":
    sys.exit(run([links_lead_somewhere, blocks_give_what_they_say, copy_tree_copies], sys.argv[1:]))
