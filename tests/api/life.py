"""life.py write PORT FILE | compare PORT FILE

write: writers on connections of their own, each writing one key after the other until the server
closes. Exits 0 if every answer that began also ended; FILE has the acknowledged keys and values.
compare: each of them is there.
"""
import http.client
import json
import sys
import threading

WRITERS = 16


def writer(number, port, acked, cut):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for count in range(1_000_000):
        key, value = f"{number}-{count}", f"{count * number}"
        try:
            connection.request("PUT", f"/v2/keys/load/{key}", f"value={value}", headers)
            response = connection.getresponse()
        except OSError:
            return  # closed before the first byte of an answer
        except http.client.HTTPException as error:
            cut.append(f"{key}: {error!r}")
            return
        try:
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            cut.append(f"{key}: {error!r}")
            return
        if response.status == 201:
            json.loads(body)
            acked.write(f"{key} {value}\n")
            acked.flush()
        elif response.status < 500:
            cut.append(f"{key}: status {response.status}")


def write(port, path):
    cut = []
    with open(path, "w", encoding="ascii") as acked:
        threads = [threading.Thread(target=writer, args=(n, port, acked, cut)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("\n".join(cut[:10]), end="\n" if cut else "")
    sys.exit(bool(cut))


def compare(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v2/keys/load")
    nodes = json.loads(connection.getresponse().read())["node"]["nodes"]
    have = {node["key"].rpartition("/")[2]: node["value"] for node in nodes}
    with open(path, encoding="ascii") as acked:
        lost = [line for line in acked if have.get(line.split()[0]) != line.split()[1]]
    print("".join(lost[:10]), end="")
    sys.exit(bool(lost))


{"write": write, "compare": compare}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
