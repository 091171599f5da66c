#!/usr/bin/env python3
"""Documents: their console blocks give what they show, their links lead somewhere, what they name exists; and
copy-tree copies."""
import concurrent.futures
import contextlib
import errno
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE_S, Server, run  # noqa: E402
import page  # noqa: E402

TOP = os.environ["TOP_SRCDIR"]
DOCUMENTS = sorted(glob.glob(os.path.join(TOP, "doc", "*.md"))) + [os.path.join(TOP, n) for n in ("README.md", "CONTRIBUTING.md")]
OWN_SERVERS = "<!-- starts its own servers -->"


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


def tour_is_true():
    """Each folder of src/ and tests/ has its row, each row its folder; the files to read are there."""
    tour = read(os.path.join(TOP, "doc", "tour.md"))
    rows = re.findall(r"^\| `([\w/]+)` \|", tour, re.M)
    for top, named in (("src", [r for r in rows if "/" not in r]), ("tests", [r[6:] for r in rows if r.startswith("tests/")])):
        folders = [f for f in os.listdir(os.path.join(TOP, top)) if os.path.isdir(os.path.join(TOP, top, f)) and f[0] not in "._"]
        assert sorted(named) == sorted(folders), (top, set(named) ^ set(folders))
    for name in re.findall(r"`([a-z]+/\w+\.[chd]\w*)`", tour):
        assert os.path.exists(os.path.join(TOP, "src", name)) or os.path.exists(os.path.join(TOP, name)), name


def words_of_the_program():
    """All its string literals, those that stand side by side joined; and what the system says."""
    text = "".join(read(p) for p in sorted(glob.glob(os.path.join(TOP, "src", "**", "*.[chd]*"), recursive=True)))
    text = re.sub(r'"\s*(?:TEXT\(\w+\)\s*)?"', "", text).replace('\\"', '"')
    return text + "".join(os.strerror(n) for n in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EROFS))


def messages_are_the_programs():
    """What troubleshooting.md quotes in a first column is said by the program; ... stands for what differs."""
    words, seen = words_of_the_program(), 0
    for row in re.findall(r"^\| (.*?) \| ", read(os.path.join(TOP, "doc", "troubleshooting.md")), re.M):
        for message in re.findall(r"(?<!curl: )`([^`]+)`", row):
            for part in re.split(r"\.\.\.|: (?=[A-Z])", message):
                seen += 1
                assert part.strip(" :;,") in words or part.startswith(("+", "&", "--")), message
    assert seen > 50, seen


def run_page(path):
    """How many commands the page has, and what it shows that did not come: (step, output)."""
    text = read(path)
    steps = page.steps_of(text)
    if not steps:
        return 0, []
    with contextlib.ExitStack() as stack:
        cwd = stack.enter_context(tempfile.TemporaryDirectory(prefix="copse-page-"))
        known = {}
        if OWN_SERVERS not in text:
            s = stack.enter_context(Server())
            known = {2379: s.port, 2380: s.peer_port}
        os.mkdir(os.path.join(cwd, ".bin"))
        os.symlink(os.environ["COPSE"], os.path.join(cwd, ".bin", "copse"))
        for folder in "examples", "tools", "contrib":
            os.symlink(os.path.join(TOP, folder), os.path.join(cwd, folder))
        env = {k: v for k, v in os.environ.items() if not k.startswith(("ETCD", "COPSE"))}
        env.update(PATH=os.path.join(cwd, ".bin") + ":" + os.environ["PATH"], LC_ALL="C.UTF-8", TMPDIR=cwd, TZ="UTC")
        if known:
            env["COPSE_ENDPOINTS"] = "http://127.0.0.1:%d" % known[2379]
        outputs, ended = page.outputs_of(steps, cwd, env, page.Ports(known), 3 * PATIENCE_S)
        wrong = page.wrong_steps(steps, outputs)
        assert ended or wrong, "%s: its commands do not end" % path
        return len(steps), wrong


def pages_give_what_they_say():
    seen = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # they mostly wait
        ran = list(pool.map(run_page, DOCUMENTS))
    for path, (n, wrong) in zip(DOCUMENTS, ran):
        seen += n
        for step, output in wrong:
            print("%s:%d: $ %s\n%s--- instead of\n%s" % (path, step.line, step.command, output, step.output))
        assert not wrong, "%s: %d commands print something else" % (path, len(wrong))
    assert seen > 8


def flags_are_those_of_the_program():
    """The tables of from-etcd.md have each flag of --help once, in its order, and say of etcd's what it says; and of an etcd
    that is installed none is missing."""
    shown = subprocess.run([os.environ["COPSE"], "serve", "--help"], capture_output=True, text=True, timeout=PATIENCE_S).stdout
    parts = re.split(r"^flags of etcd that are .*\n", shown, flags=re.M)
    ours = [re.findall(r"^  --(\S+)(?: \S+| )\s+(.*)$", part, re.M) for part in parts]
    tables = re.findall(r"^### (.*?)\n(.*?)(?=^###|\Z)", read(os.path.join(TOP, "doc", "from-etcd.md")), re.M | re.S)
    rows = {head: re.findall(r"^\| `--(\S+)` \|(?: [^|]* \|)? (.*?) ?\|$", text, re.M) for head, text in tables}
    same, idle, refused, new = rows.values()
    assert sorted(n for n, _ in same + new) == sorted(n for n, _ in ours[0]), "doc/from-etcd.md: taken, or new"
    assert idle == ours[1], "doc/from-etcd.md, taken without effect: %s" % sorted(set(idle) ^ set(ours[1]))
    plain = [(n, re.sub(r" \(default \S*\)$", "", text)) for n, text in ours[2]]
    assert refused == plain, "doc/from-etcd.md, refused: %s" % sorted(set(refused) ^ set(plain))
    if shutil.which("etcd"):
        done = subprocess.run(["etcd", "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)
        missing = set(re.findall(r"^ *--([a-z0-9-]+)", done.stdout, re.M)) - {n for part in ours for n, _ in part}
        assert not missing, "flags of etcd that copse does not know: %s" % missing


def copy_tree(*words):
    return subprocess.run([os.path.join(TOP, "examples", "copy-tree")] + list(words), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)


def fill(s):
    s.put("/x/y", "1 %26 2")
    s.put("/x/%C3%BC%20z", "%C3%A4%0A")
    s.put("/x/%5C%22", "")
    s.put("/_h/id", "hidden")
    s.put("/bytes", "%FF")
    s.ask("PUT", "/v2/keys/empty", "dir=true")
    s.ask("PUT", "/v2/keys/brief", "dir=true&ttl=500")
    s.ask("PUT", "/v2/keys/brief/t", "value=v&ttl=400")
    assert s.ask("POST", "/v2/keys/queue", "value=job")[0] == 201


def tree(s, top="/"):
    """All that can be copied; of times to live only that there is one."""
    found, waiting = {}, [json.loads(s.ask("GET", "/v2/keys%s?recursive=true" % top)[1])["node"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("nodes", [])
        if node.get("key", "/bytes") != "/bytes":
            found[node["key"]] = (node.get("value"), node.get("dir"), "expiration" in node)
    return found


def copies(a, b):
    url = ["http://127.0.0.1:%d" % s.port for s in (a, b)]
    fill(a)
    for _ in range(2):  # again is no mistake
        done = copy_tree(*url)
        assert done.returncode == 0 and "no UTF-8: /bytes" in done.stdout and "5 keys copied\n" in done.stdout, done
    assert copy_tree(*url, "/_h/").stdout == "1 keys copied\n"
    for top in "/", "/_h":
        assert tree(a, top) == tree(b, top), (tree(a, top), tree(b, top))
    ttl = json.loads(b.ask("GET", "/v2/keys/brief/t")[1])["node"]["ttl"]
    assert 0 < ttl <= 400, ttl
    assert copy_tree("--check", *url).stdout == "missing: /bytes\n"
    b.put("/x/y", "other")
    b.ask("DELETE", "/v2/keys/empty?dir=true")
    done = copy_tree("--check", *url)
    assert done.returncode == 1 and sorted(done.stdout.split("\n")) == [
        "", "another value: /x/y", "missing: /bytes", "missing: /empty"], done


def copy_tree_copies():
    with Server() as a, Server() as b:
        copies(a, b)
        done = copy_tree("http://127.0.0.1:%d" % a.port, "http://127.0.0.1:1")
        assert done.returncode == 1 and done.stdout.startswith("copy-tree: ") and "Traceback" not in done.stdout, done


class Etcd(Server):
    program = ("etcd", "--enable-v2", "--name", "default")


def copy_tree_copies_from_etcd():
    """And back into it."""
    if shutil.which("etcd") is None:
        print("no etcd here: left out")
        return
    with Etcd() as a, Server() as b:
        copies(a, b)
    with Server() as a, Etcd() as b:
        copies(a, b)


if __name__ == "__main__":
    sys.exit(run([links_lead_somewhere, named_files_exist, tour_is_true, messages_are_the_programs, flags_are_those_of_the_program,
                  pages_give_what_they_say, copy_tree_copies, copy_tree_copies_from_etcd], sys.argv[1:]))
