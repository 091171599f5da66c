"""A port for a server. Run by itself it prints one."""
import random
import socket

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


def free_port():
    """Below the ports that the system hands out by itself: an outgoing connection, or what is left of one, cannot take it
    before the server does."""
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(10000, 32768)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _hold(port):
            return port


if __name__ == "__main__":
    print(free_port())
