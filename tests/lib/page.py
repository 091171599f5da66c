"""Documents that are run: the commands of a page's console blocks go to one shell, in order, and what they print is
compared with what the page shows.

In the page:

    ```console
    $ command                 in an empty directory, with copse in the PATH; a line that ends with \\ goes on
    its output                ... in a line stands for anything, a line of ... alone for any lines
    ```

    <!-- $ command -->        run as well, shown to no reader; what it prints is not looked at

    <!-- needs PROGRAM -->    what follows, up to the next heading, is left out where there is no such program

Ports of 127.0.0.1 in commands become free ones. What differs between two runs is compared by its form: ids, times, times
to live, who leads. Standard library only."""
import os
import re
import shutil
import signal
import subprocess
import time

from ports import free_port

FORMS = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "TIME"),
    (r"\b(\d+h)?(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)\b", "SPAN"),
    (r"X-Raft-(Index|Term): \d+", r"X-Raft-\1: N"),
    (r"\b(?=[0-9a-f]*[a-f])[0-9a-f]{12,16}\b|\b[0-9]{16}\b", "ID"),
    (r'"ttl":\d+', '"ttl":N'),
    (r"\bisLeader=\w+", "isLeader=WHO"),
    (r"\bup to entry \d+", "up to entry N"),
    # in the order of ids
    (r'ETCD_INITIAL_CLUSTER="(.*)"', lambda m: " ".join(["ETCD_INITIAL_CLUSTER"] + sorted(m.group(1).split(",")))),
]


class Step:
    def __init__(self, line, command, output=None):
        self.line, self.command, self.output = line, command, output  # output None: of a hidden one

    def is_shown(self):
        return self.output is not None


def steps_of(text):
    """All commands of a page, in order."""
    steps, inside, going_on, left_out = [], False, False, False
    for number, line in enumerate(text.splitlines(), 1):
        if not inside:
            needed = re.fullmatch(r"<!-- needs (\S+) -->", line)
            left_out = shutil.which(needed.group(1)) is None if needed else left_out and not line.startswith("#")
        if left_out:
            continue
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and going_on:
            steps[-1].command += "\n" + line
            going_on = line.endswith("\\")
        elif inside and line.startswith("$ "):
            steps.append(Step(number, line[2:], ""))
            going_on = line.endswith("\\")
        elif inside:
            assert steps and steps[-1].is_shown(), "line %d: output of no command" % number
            steps[-1].output += line + "\n"
        else:
            hidden = re.fullmatch(r"<!-- \$ (.*) -->", line)
            if hidden:
                steps.append(Step(number, hidden.group(1)))
    return steps


class Ports:
    """The ports that a page speaks of, and those that are used instead."""

    def __init__(self, known):
        self.used = dict(known)

    def real(self, text):
        def change(m):
            return m.group(1) + str(self.used.setdefault(int(m.group(2)), free_port()))
        return re.sub(r"(127\.0\.0\.1:)(\d{4,5})\b", change, text)

    def shown(self, text):
        for shown, used in self.used.items():
            text = text.replace(":%d" % used, ":%d" % shown)
        return text


def form_of(text):
    for pattern, word in FORMS:
        text = re.sub(pattern, word, text)
    return text.replace("//localhost:", "//127.0.0.1:").replace("\r", "").strip("\n")


def agrees(printed, shown):
    pattern = ""
    for line in form_of(shown).split("\n"):
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + "\n"
    return re.fullmatch(pattern, form_of(printed) + "\n") is not None


def end_group(shell, patience_s):
    """Ends the shell and all that it started, and waits until they are gone."""
    what, end = signal.SIGTERM, time.monotonic() + patience_s
    try:
        while True:
            os.killpg(shell.pid, what)
            shell.poll()
            what = 0 if time.monotonic() < end else signal.SIGKILL
            time.sleep(0.01)
    except ProcessLookupError:
        shell.wait()


def outputs_of(steps, cwd, env, ports, patience_s):
    """Runs all in one shell; what each has printed. Whatever they leave running is ended."""
    script = "exec 2>&1 </dev/null\n"
    for n, step in enumerate(steps):
        script += "printf '\\001%d\\n'\n%s\n" % (n, ports.real(step.command))
    script += "printf '\\001end\\n'\n"
    path, printed_path = os.path.join(cwd, ".script"), os.path.join(cwd, ".printed")
    with open(path, "w") as f:
        f.write(script)
    with open(printed_path, "wb") as printed:
        shell = subprocess.Popen(["sh", path], cwd=cwd, env=env, stdout=printed, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            shell.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end_group(shell, patience_s)
    with open(printed_path, encoding="utf-8", errors="replace") as f:
        parts = re.split("\x01(\\d+|end)\n", f.read())
    texts = dict(zip(parts[1::2], parts[2::2]))
    return [ports.shown(texts[str(n)]) if str(n) in texts else None for n in range(len(steps))], "end" in texts


def wrong_steps(steps, outputs):
    """Those whose output is not what the page shows: (step, output)."""
    return [(s, o) for s, o in zip(steps, outputs) if s.is_shown() and (o is None or not agrees(o, s.output))]
