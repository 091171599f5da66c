"""A port for a server.

  ports.py [PID]    prints one, and keeps it from others until that process has ended
"""
import os
import random
import select
import socket
import sys
import time

_held = []  # what says that a port is taken, until this process ends


def _hold(port):
    """Tests run side by side, and a port may be drawn long before a server listens on it: a name that all of them see, and
    that goes with the process, keeps others from drawing it meanwhile."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0copse-test-port-{port}")
    except OSError:
        name.close()
        return False
    _held.append(name)
    return True


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(n=1):
    """The first of N in a row. Below the ports that the system hands out by itself: an outgoing connection, or what is left of one, cannot take it
    before the server does. And below those of tests/build/bench."""
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(10000, 30000 - n + 1)
        if all(_is_free(p) and _hold(p) for p in range(port, port + n)):
            return port


def _keep_while(pid):
    """Leaves a process behind that holds what this one does, and ends with PID."""
    if os.fork() != 0:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in 0, 1, 2:  # whoever asked waits for the end of our output
        os.dup2(nothing, fd)
    try:
        select.select([os.pidfd_open(pid)], [], [])
    except (AttributeError, OSError):  # too old for that
        while os.path.exists("/proc/%d" % pid):
            time.sleep(0.1)
    os._exit(0)


if __name__ == "__main__":
    print(free_port(), flush=True)
    if len(sys.argv) > 1:
        _keep_while(int(sys.argv[1]))
