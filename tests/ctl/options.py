#!/usr/bin/env python3
"""The help texts, the man pages and the completions of the three shells name the same commands and options. The bash one is
also tried: on options, and on keys of a server. Standard library only; the program is $COPSE, or src/copse, the sources
are in $TOP_SRCDIR."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from replay import Api, started

COPSE = os.path.abspath(os.environ.get("COPSE", "src/copse"))
SOURCE = os.environ.get("TOP_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PAGES = ("copse-keys", "copse-watch", "copse-members", "copse-auth", "copse-storage")


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def spelled(names):
    """`ttl` for `--ttl`, `r` for `-r`."""
    return {name.lstrip("-") for name in names}


class Help:
    """What the program says of itself: commands, and the options of each; those of the program under ''."""

    def __init__(self, client):
        self.client = client
        self.options = {"": self.found(self.ask("help"), "GLOBAL OPTIONS")}
        self.names = [c for c in self.listed(self.ask("help")) if c != "help"]
        self.groups = {}
        for name in self.names:
            text = self.ask("help", name)
            subs = self.listed(self.ask(name, "--help"))
            if not subs:
                self.options[name] = self.found(text, "OPTIONS")
                continue
            self.groups[name] = subs
            for sub in subs:
                self.options["%s %s" % (name, sub)] = self.found(self.ask(name, sub, "--help"), "OPTIONS")

        self.add_storage()

    def add_storage(self):
        """The commands on data directories, which have a help of their own."""
        part = subprocess.run([COPSE, "help"], capture_output=True, text=True, check=True).stdout.split("work on a data directory:\n")[1]
        for name in re.findall(r"^  ([a-z]+) ", part, re.M):
            text = subprocess.run([COPSE, name, "--help"], capture_output=True, text=True, check=True).stdout
            if name not in self.names:
                self.names.append(name)
            self.options[name] = set(re.findall(r"^  --([a-z0-9-]+)", text, re.M))

    def ask(self, *words):
        return subprocess.run([self.client] + list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout

    @staticmethod
    def listed(text):
        part = re.search(r"^COMMANDS:\n((?:   .*\n)+)", text, re.M)
        return re.findall(r"^   ([a-z][a-z-]*)", part.group(1), re.M) if part else []

    @staticmethod
    def found(text, heading):
        part = re.search(r"^%s:\n((?:   .*\n)+)" % heading, text, re.M)
        rows = re.findall(r"^   (-.*?)(?:  |$)", part.group(1), re.M) if part else []
        return spelled(name for row in rows for name in re.findall(r"(?:^|, )(--?[A-Za-z-]+)", row))


def items(text):
    """Options of `.It Fl` lines."""
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", text, re.M):
        found |= {name.lstrip("-") for name in re.findall(r"Fl (-?[A-Za-z0-9-]+)", line)}
    return found


def of_manuals():
    general = re.search(r"^\.Sh CLIENT OPTIONS\n(.*?)^\.Sh ", read("man", "copse.1"), re.M | re.S)
    options = {"": items(general.group(1))}
    for page in PAGES:
        parts = re.split(r"^\.S([hs]) (.*)\n", read("man", page + ".1"), flags=re.M)
        for kind, title, text in zip(parts[1::3], parts[2::3], parts[3::3]):
            if kind == "s":
                options[title] = items(text)
    return options


def of_bash(commands):
    """Long names only; the table is asked."""
    options = {}
    for command in commands:
        shown = bash('_copse_options "$@"', *command.split())
        options[command] = spelled(shown.split())
    return options


def of_fish(commands):
    options = {command: set() for command in commands}
    for line in read("contrib", "completion", "fish", "copse.fish").splitlines():
        names = spelled(a + b for a, b in re.findall(r" -(?:l ([a-z0-9-]+)|s (\w))", line.split(" -d ")[0]))
        at = re.search(r"-n '(?:__copse_at \"?([a-z -]+?)\"?|(__copse_none))' ", line)
        if names and at:
            options.setdefault(at.group(1) or "", set()).update(names)
    return options


def of_zsh(commands):
    text = read("contrib", "completion", "zsh", "_copse")
    options = {command: set() for command in commands}

    def take(command, part):
        for names in re.findall(r"(?:'\([^)]*\)'\{([^}]*)\}|'\*?(--?[A-Za-z0-9-]+)\[)", part):
            options.setdefault(command, set()).update(spelled((names[0] or names[1]).split(",")))

    table = re.search(r"^_copse_arguments\(\).*?^\}", text, re.M | re.S).group(0)
    for command, part in re.findall(r"^        '?([a-z-]+(?: [a-z]+)?)'?\)\n(.*?);;", table, re.M | re.S):
        take(command, part)
    take("", text[text.rindex("_arguments -C"):])
    return options


def bash(script, *words):
    path = os.path.join(SOURCE, "contrib", "completion", "bash", "copse")
    return subprocess.run(["bash", "-c", '. "$0"; compopt() { :; }; %s' % script, path] + list(words),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def complete(*words):
    """What the bash completion offers for the last of the words."""
    return bash('COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _copse; [ ${#COMPREPLY[@]} = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"',
                *words).splitlines()


class Count:
    def __init__(self):
        self.passed = self.failed = 0

    def same(self, what, want, got):
        if want == got:
            self.passed += 1
            return
        self.failed += 1
        print("FAIL %s: %s" % (what, ", ".join(["lacks %s" % w for w in sorted(set(want) - set(got))] +
                                               ["has %s" % g for g in sorted(set(got) - set(want))])))


def compare(count, told):
    long_only = {command: {o for o in names if len(o) > 1 or o == "p"} - {"rw"} for command, names in told.options.items()}
    everywhere = {"serve", "help"}
    sources = [("man page", of_manuals(), told.options), ("fish completion", of_fish(told.options), told.options),
               ("zsh completion", of_zsh(told.options), told.options)]
    if shutil.which("bash"):
        sources.append(("bash completion", of_bash(told.options), long_only))
        count.same("bash: commands", sorted(set(told.names) | everywhere), sorted(bash("_copse_commands").split()))
        for group, subs in told.groups.items():
            count.same("bash: %s" % group, sorted(subs), sorted(bash('_copse_commands "$1"', group).split()))
    for name, options, wanted in sources:
        count.same(name + ": commands with options", sorted(wanted), sorted(options))
        for command, want in wanted.items():
            count.same("%s: options of %r" % (name, command), sorted(want), sorted(options.get(command, set())))
    fish, zsh = (read("contrib", "completion", *path) for path in (("fish", "copse.fish"), ("zsh", "_copse")))
    count.same("fish: commands", sorted(set(told.names) | everywhere),
               sorted(re.findall(r"^complete -c copse -n __copse_none -a (\S+)", fish, re.M)))
    listed = zsh[zsh.index("    commands=("):zsh.index("    local before")]
    count.same("zsh: commands", sorted(set(told.names) | everywhere), sorted(re.findall(r"'([a-z-]+):", listed)))
    for group, subs in told.groups.items():
        count.same("fish: %s" % group, sorted(subs), sorted(re.findall(r"'__copse_group %s' -a (\S+)" % group, fish)))
        part = re.search(r"^        %s\)\n            subs=\((.*?)\) ;;" % group, zsh, re.M | re.S).group(1)
        count.same("zsh: %s" % group, sorted(subs), sorted(re.findall(r"'([a-z]+):", part)))


def try_bash(count, url):
    api = Api(url)
    for key in ("/dir/one", "/dir/two%20words", "/k"):
        api.ask("PUT", "/v2/keys" + key, "value=1")
    at = [COPSE, "--no-sync", "--endpoint", url, "-o", "json"]
    for words, want in [
            ([COPSE, "update"], ["update", "updatedir"]),
            ([COPSE, "user", "re"], ["remove", "revoke"]),
            ([COPSE, "role", "grant", "--re"], ["--read", "--readwrite"]),
            ([COPSE, "--output", "e"], ["extended"]),
            (at + ["get", "/"], ["/dir/", "/k"]),
            (at + ["get", "/dir/"], ["/dir/one", "/dir/two\\ words"]),
            (at + ["watch", "--after-index", "7", "di"], ["dir/"]),
            (at + ["set", "/k", ""], []),
            (at + ["cluster-health", ""], []),
            ([COPSE, "--endpoints", "http://127.0.0.1:1", "get", "/"], []),
            ([COPSE, "serve", "--data-d"], ["--data-dir"]),
            ([COPSE, "v"], ["verify"]),
            ([COPSE, "backup", "--b"], ["--backup-dir", "--backup-wal-dir"]),
            ([COPSE, "dump", "/us"], ["/usr"]),
            ([COPSE, "restore", "--data-dir", "/us"], ["/usr"]),
            ([COPSE, "restore", "/etc/os-rel"], ["/etc/os-release"]),
            ([COPSE, "serve", "--config-file", "/etc/os-rel"], ["/etc/os-release"])]:
        count.same("bash: " + " ".join(words[1:]), want, complete(*words))


def main():
    if not os.access(COPSE, os.X_OK):
        print("no program at " + COPSE)
        return 77
    count = Count()
    links = tempfile.mkdtemp(prefix="copse-ctl-link-")
    try:
        client = os.path.join(links, "etcdctl")
        os.symlink(COPSE, client)
        told = Help(client)
        if len(told.options) < 25 or "ttl" not in told.options["set"] or "endpoints" not in told.options[""]:
            print("the help is not understood: %r" % told.options)
            return 1
        compare(count, told)
    finally:
        shutil.rmtree(links)
    if shutil.which("bash"):
        server = started(COPSE)
        if server is None:
            return 1
        try:
            try_bash(count, server.url)
        finally:
            server.stop()
    print("%d passed, %d failed" % (count.passed, count.failed))
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
