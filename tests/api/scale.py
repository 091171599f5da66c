#!/usr/bin/env python3
"""Many watchers, many keys due at once, storms of writes: what is lost, what is freed, what it costs. Figures are
printed, never judged; $COPSE is the program. Standard library only.

  scale.py [--full] [NAME ...]    all tests, or those named; --full for the figures (a few minutes)
"""
import calendar
import http.client
import os
import re
import resource
import sys
import threading
import time

sys.dont_write_bytecode = True
from harness import PATIENCE_S, Server, head_of, open_watch, run, wait_for

FULL = "--full" in sys.argv[1:]
MODIFIED = re.compile(rb'"action":"[a-zA-Z]+","node":\{[^{}]*"modifiedIndex":(\d+)')


def descriptors_for(count):
    """As many connections as the limit allows, of COUNT."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(count, hard - 200)


def open_watches(server, count, path="/idle/%d"):
    """COUNT streams, each with its head read."""
    opened = []
    for i in range(count):
        opened.append(open_watch(server, path % i if "%" in path else path))
        if len(opened) % 100 == 0:  # a backlog is finite
            for s in opened[-100:]:
                assert head_of(s)[0] == 200
    for s in opened[len(opened) // 100 * 100:]:
        assert head_of(s)[0] == 200
    return opened


def memory_of(server, opened, before):
    return (server.resident_kib() - before) / len(opened)


def watchers_cut():
    """Watchers opened and cut: descriptors and memory return, again and again."""
    count = descriptors_for(5000 if FULL else 2000)
    with Server() as s:
        s.put("/idle/0")
        bare = s.descriptors()
        peaks = []
        for round in range(4):
            before = s.resident_kib()
            opened = open_watches(s, count)
            assert s.descriptors() >= bare + count - 2, "some are not open"  # bare ones may have gone
            peaks.append(s.resident_kib())
            for c in opened:
                c.close()
            begin = time.monotonic()
            wait_for(lambda: s.descriptors() <= bare, "descriptors return")
            print("  %d cut: descriptors back after %.2f s; %d KiB before, %d open, %d after" %
                  (count, time.monotonic() - begin, before, peaks[-1], s.resident_kib()))
            s.put("/idle/0")  # nobody is told
        # what the first round took is used again by the others; a sanitizer keeps it on purpose
        assert "ASAN_OPTIONS" in os.environ or peaks[-1] < peaks[0] * 1.3 + 4096, "memory grows: %r KiB" % peaks


class Writer(threading.Thread):
    """PUTs on one connection until it is stopped."""

    def __init__(self, server, path, value="x"):
        super().__init__(daemon=True)
        self.conn = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        self.path, self.body = "/v2/keys" + path, "value=" + value
        self.stop, self.slowest, self.count, self.wrong, self.index = threading.Event(), 0, 0, None, 0
        self.indexes = []

    def put(self):
        begin = time.monotonic()
        self.conn.request("PUT", self.path, self.body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self.conn.getresponse()
        body = answer.read()
        assert answer.status in (200, 201), (answer.status, body)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.count += 1
        self.indexes.append(int(MODIFIED.search(body).group(1)))

    def run(self):
        try:
            while not self.stop.is_set():
                self.put()
        except Exception as e:
            self.wrong = repr(e)

    def finish(self):
        self.stop.set()
        self.join()
        self.conn.close()
        assert self.wrong is None, self.wrong


class Reader(Writer):
    """GETs, likewise."""

    def put(self):
        begin = time.monotonic()
        self.conn.request("GET", self.path)
        answer = self.conn.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.count += 1


def rate(server, seconds):
    """Writes a second of four clients."""
    writers = [Writer(server, "/busy/%d" % i) for i in range(4)]
    begin = time.monotonic()
    for w in writers:
        w.start()
    time.sleep(seconds)
    for w in writers:
        w.finish()
    return sum(w.count for w in writers) / (time.monotonic() - begin)


def idle_watchers():
    """Memory of an idle watcher; writes go on beside all of them, and each still hears."""
    seconds = 4 if FULL else 0.5
    with Server() as s:
        s.put("/idle/0")
        alone = rate(s, seconds)
        before = s.resident_kib()
        opened = []
        for count in (1000, 10000) if FULL else (200, 1000):
            count = descriptors_for(count)
            opened += open_watches(s, count - len(opened), "/idle/all")
            print("  %d idle watchers: %.2f KiB of memory each" % (len(opened), memory_of(s, opened, before)))
        beside = rate(s, seconds)
        print("  writes a second, 4 clients: %d alone, %d beside %d watchers" % (alone, beside, len(opened)))
        begin = time.monotonic()
        index = s.put("/idle/all")
        for c in opened:
            data = c.recv(4096)
            assert b'"modifiedIndex":%d' % index in data, data
        print("  one write told to %d watchers in %.2f s" % (len(opened), time.monotonic() - begin))
        for c in opened:
            c.close()


def keys_due_together():
    """Keys that are due in the same second: each goes with one event, nothing else stands still."""
    count = 100000 if FULL else 3000
    ttl = 25 if FULL else 3
    with Server("--history-events", "300000") as s:
        watch = open_watch(s, "/due", "wait=true&stream=true&recursive=true", patience_s=PATIENCE_S * 3)
        assert head_of(watch)[0] == 200
        heard = {}
        wrong = []

        def listen():
            nonlocal watch
            data, last = b"", 0
            try:
                while len(heard) < count:
                    part = watch.recv(1 << 20)
                    if not part:  # too slow for so many at once: it goes on where it was
                        watch.close()
                        watch = open_watch(s, "/due", "wait=true&stream=true&recursive=true&waitIndex=%d" % (last + 1))
                        assert head_of(watch)[0] == 200
                        data = b""
                        continue
                    now = time.time()
                    data += part
                    lines = data.split(b"\n")
                    data = lines.pop()
                    for line in lines:
                        if b'"action":"expire"' not in line:
                            continue
                        last = int(MODIFIED.search(line).group(1))
                        key = line.split(b'"key":"', 1)[1].split(b'"', 1)[0]
                        due = line.split(b'"expiration":"', 1)[1].split(b'"', 1)[0].decode()
                        if key in heard:
                            wrong.append("twice: %r" % key)
                        heard[key] = now, due
            except Exception as e:
                wrong.append(repr(e))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        put_many(s, count, ttl)
        others = [Writer(s, "/other"), Reader(s, "/other")]
        s.put("/other")
        for o in others:
            o.start()
        listener.join(PATIENCE_S * 3)
        for o in others:
            o.finish()
        assert not wrong, wrong[:3]
        assert len(heard) == count, "%d of %d" % (len(heard), count)
        assert s.ask("GET", "/v2/keys/due?recursive=true")[1].count(b'"value"') == 0
        late = sorted(now - seconds_of(due) for now, due in heard.values())
        span = sorted(seconds_of(due) for _, due in heard.values())
        print("  %d keys due within %.2f s: told %.0f ms late (middle), %.0f ms (last percent), %.0f ms (worst)" %
              (count, span[-1] - span[0], late[count // 2] * 1e3, late[count * 99 // 100] * 1e3, late[-1] * 1e3))
        print("  meanwhile %d writes, slowest %.0f ms; %d reads, slowest %.0f ms" %
              (others[0].count, others[0].slowest * 1e3, others[1].count, others[1].slowest * 1e3))
        assert late[0] > -0.1, "early: %.3f s" % late[0]  # the listener's clock and the member's lean apart
        watch.close()


def seconds_of(text):
    """A time of the API as seconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    t = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(t) + float("0." + (fraction or "0"))


def put_many(server, count, ttl):
    """COUNT keys under /due that are due in the same second: later ones get less time. Pipelined."""
    end = time.time() + ttl
    connections = 64
    threads = []

    def put_some(part):
        s = server.connect()
        keys = range(part, count, connections)
        for at in range(0, len(keys), 4):
            batch = keys[at:at + 4]
            left = max(1, round(end - time.time()))
            body = b"value=x&ttl=%d" % left
            s.sendall(b"".join(
                b"PUT /v2/keys/due/%d/%d?noValueOnSuccess=true HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\n%s" % (i % 100, i, len(body), body)
                for i in batch))
            data = b""
            while data.count(b"HTTP/1.1 201") < len(batch):
                got = s.recv(1 << 16)
                assert got
                data += got
        s.close()

    for part in range(connections):
        threads.append(threading.Thread(target=put_some, args=(part,)))
        threads[-1].start()
    for t in threads:
        t.join()


def storm():
    """Clients that subscribe with the index after the last they heard, over and over, while others write: each index
    of their key reaches each of them exactly once, in order, by long poll and by stream."""
    seconds = 20 if FULL else 3
    keys, polls_a_key = 4, 8
    with Server("--history-events", "100000") as s:
        start = [s.put("/storm/%d" % k) for k in range(keys)]
        writers = [Writer(s, "/storm/%d" % (i % keys)) for i in range(2 * keys)]
        pollers = []
        for k in range(keys):
            for n in range(polls_a_key):
                pollers.append(Poller(s, k, start[k] + 1, ("poll", "stream", "dir")[n % 3]))
        for t in writers + pollers:
            t.start()
        time.sleep(seconds)
        for w in writers:
            w.finish()
        last = {k: sorted(i for w in writers for i in w.indexes if w.path.endswith("/%d" % k)) for k in range(keys)}
        for p in pollers:
            want = last[p.key]
            wait_for(lambda: p.wrong or p.heard and p.heard[-1] >= want[-1], "poller of %d hears the end" % p.key)
            assert p.wrong is None, p.wrong
        for p in pollers:
            p.stop.set()
        for k in range(keys):  # what is heard last lets them look at stop
            s.put("/storm/%d" % k, "end")
        for p in pollers:
            p.join(PATIENCE_S)
            want, got = last[p.key], [i for i in p.heard if i <= last[p.key][-1]]
            assert got == want, "%s of %d: %d heard, %d written; first difference %r" % (
                p.kind, p.key, len(got), len(want), next((a, b) for a, b in zip(got, want) if a != b)
                if got[:len(want)] != want[:len(got)] else "at the end")
        print("  %d writes to %d keys; %d clients, %d events heard, each exactly once" % (
            sum(w.count for w in writers), keys, len(pollers), sum(len(p.heard) for p in pollers)))


class Poller(threading.Thread):
    """Subscribes with waitIndex = last + 1 again and again. Kinds: a long poll; a stream that is cut after a few
    events and taken up again; a recursive long poll of the directory, of which it keeps what is of its key."""

    def __init__(self, server, key, since, kind):
        super().__init__(daemon=True)
        self.server, self.key, self.since, self.kind = server, key, since, kind
        self.heard, self.wrong, self.stop = [], None, threading.Event()
        self.own = b'"key":"/storm/%d"' % key

    def take(self, line):
        index = int(MODIFIED.search(line).group(1))
        assert index >= self.since, "%d after %d" % (index, self.since)
        self.since = index + 1
        if self.own in line:
            self.heard.append(index)

    def run(self):
        conn = None
        try:
            while not self.stop.is_set():
                if conn is None:
                    conn = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
                path = "/v2/keys/storm" + ("?recursive=true" if self.kind == "dir" else "/%d?" % self.key)
                path += "&wait=true&waitIndex=%d" % self.since + ("&stream=true" if self.kind == "stream" else "")
                conn.request("GET", path)
                answer = conn.getresponse()
                assert answer.status == 200, (answer.status, answer.read())
                if self.kind == "stream":
                    for _ in range(20):
                        line = answer.readline()
                        assert line, "the stream ended"
                        self.take(line)
                        if self.stop.is_set():
                            break
                    conn.close()
                    conn = None
                else:
                    self.take(answer.read())
        except Exception as e:
            self.wrong = "%s of %d: %r" % (self.kind, self.key, e)


TESTS = [watchers_cut, idle_watchers, keys_due_together, storm]

if __name__ == "__main__":
    sys.exit(run(TESTS, [a for a in sys.argv[1:] if a != "--full"]))
