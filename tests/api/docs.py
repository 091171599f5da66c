#!/usr/bin/env python3
"""Documents: their console blocks give what they show, their links lead somewhere, what they name exists; and
copy-tree copies."""
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE_S, Server, run  # noqa: E402
import page  # noqa: E402

TOP = os.environ["TOP_SRCDIR"]
DOCUMENTS = sorted(glob.glob(os.path.join(TOP, "doc", "*.md"))) + [os.path.join(TOP, "README.md")]


def read(path):
    with open(path) as f:
        return f.read()


def anchors_of(path):
    """Of the headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in re.findall(r"^#+ (.*)", text, re.M)}


def links_lead_somewhere():
    seen = 0
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", read(path)):
            if re.match("[a-z]+:", target):
                continue
            seen += 1
            name, _, anchor = target.partition("#")
            other = os.path.join(os.path.dirname(path), name) if name else path
            assert os.path.exists(other), (path, target)
            assert not anchor or anchor in anchors_of(other), (path, target)
    assert seen > 3


def named_files_exist():
    """What a document names as `doc/x`, `examples/y` ... is in the tree; what it names as page(1) is in man/."""
    for path in DOCUMENTS:
        text = re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S)
        for name in re.findall(r"`((?:contrib|doc|examples|man|src|tests|tools)/[\w./-]*)`", text):
            assert os.path.exists(os.path.join(TOP, name)) or re.search("[A-Z]{4}", name), (path, name)
        for name in re.findall(r"\b(copse[\w.-]*)\(([1-8])\)", text):
            assert os.path.exists(os.path.join(TOP, "man", "%s.%s" % name)), (path, name)
        for name in re.findall(r"\bman (copse[a-z-]*)", text):
            assert os.path.exists(os.path.join(TOP, "man", name + ".1")), (path, name)


def run_page(path):
    """What the page shows that did not come: (step, output). A page that starts its own servers says so."""
    text = read(path)
    steps = page.steps_of(text)
    if not steps:
        return 0, []
    with Server() as s, tempfile.TemporaryDirectory(prefix="copse-page-") as cwd:
        bin_dir = os.path.join(s.dir, "bin")
        os.mkdir(bin_dir)
        os.symlink(os.environ["COPSE"], os.path.join(bin_dir, "copse"))
        for folder in "examples", "tools", "contrib":
            os.symlink(os.path.join(TOP, folder), os.path.join(cwd, folder))
        env = {k: v for k, v in os.environ.items() if not k.startswith(("ETCD", "COPSE"))}
        env.update(COPSE_ENDPOINTS="http://127.0.0.1:%d" % s.port, PATH=bin_dir + ":" + os.environ["PATH"], LC_ALL="C.UTF-8",
                   TMPDIR=cwd, TZ="UTC")
        outputs, ended = page.outputs_of(steps, cwd, env, page.Ports({2379: s.port, 2380: s.peer_port}), 3 * PATIENCE_S)
        wrong = page.wrong_steps(steps, outputs)
        assert ended or wrong, "%s: its commands do not end" % path
        return len(steps), wrong


def pages_give_what_they_say():
    seen = 0
    for path in DOCUMENTS:
        n, wrong = run_page(path)
        seen += n
        for step, output in wrong:
            print("%s:%d: $ %s\n%s--- instead of\n%s" % (path, step.line, step.command, output, step.output))
        assert not wrong, "%s: %d commands print something else" % (path, len(wrong))
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
    sys.exit(run([links_lead_somewhere, named_files_exist, pages_give_what_they_say, copy_tree_copies], sys.argv[1:]))
