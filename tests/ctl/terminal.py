#!/usr/bin/env python3
"""Asking for a password on a terminal: nothing is echoed, Ctrl-C ends with 255, the terminal is as before. Standard library
only; the client is $CTL, or tests/ctl/ctl_only of the build directory."""
import os
import pty
import signal
import sys
import termios

CTL = os.environ.get("CTL", "tests/ctl/ctl_only")
WORDS = [CTL, "--endpoints", "http://127.0.0.1:1", "-u", "someone", "get", "/k"]
REFUSED = b"connect: connection refused"

# name, what is typed at the prompt, exit status, what must be shown behind the prompt
ROWS = [
    ("a password", b"secret\n", 2, REFUSED),
    ("a password corrected", b"secrex\x7ft\n", 2, REFUSED),
    ("end of input", b"\x04", 2, REFUSED),
    ("interrupted", b"secret\x03", 255, None),
]


def read_on(fd):
    try:
        return os.read(fd, 4096)
    except OSError:  # the other side is closed
        return b""


def ask(typed):
    """What was shown, the exit status, and whether the terminal came back as it was."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        try:
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.execv(WORDS[0], WORDS)
        finally:
            os._exit(127)
    shown = b""
    while b"Password: " not in shown:
        data = read_on(master)
        if not data:
            break
        shown += data
    os.write(master, typed)
    _, status = os.waitpid(pid, 0)
    same = termios.tcgetattr(slave) == before
    os.close(slave)
    while True:
        data = read_on(master)
        if not data:
            break
        shown += data
    os.close(master)
    return shown, os.waitstatus_to_exitcode(status), same


def wrong(row):
    _, typed, status, behind = row
    shown, got, same = ask(typed)
    if got != status:
        return "exit status %s, not %s: %r" % (got, status, shown)
    if b"secre" in shown:
        return "the password is shown: %r" % shown
    if not same:
        return "the terminal is not as before"
    if behind is None:
        return "" if shown == b"Password: " else "more than the prompt: %r" % shown
    return "" if shown.startswith(b"Password: \r\n") and behind in shown else "not as expected: %r" % shown


def main():
    # Whoever runs the tests may ignore these (a job in the background, nohup), which programs would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if not os.access(CTL, os.X_OK):
        print("no client at " + CTL)
        return 1
    try:
        for fd in pty.openpty():
            os.close(fd)
    except OSError as error:
        print("skipped: this system has no terminals to give: %s" % error)
        return 77
    failed = 0
    for row in ROWS:
        reason = wrong(row)
        if reason:
            failed += 1
            print("FAIL %s: %s" % (row[0], reason))
    print("%d passed, %d failed" % (len(ROWS) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
