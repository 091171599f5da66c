"""A port for a server. Run by itself it prints one."""
import random
import socket


def free_port():
    """Below the ports that the system hands out by itself: an outgoing connection, or what is left of one, cannot take it
    before the server does, and two tests seldom draw the same."""
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(10000, 32768)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    print(free_port())
