"""What ferrocache-gateway costs a request: hits and misses beside the same provider asked directly, in the same run.

    bench/gateway.py --python VENV/bin/python [--seconds 5] [--rounds 3]     VENV: pip install './clients/python[gateway]'

nginx with constant answers stands for provider and embedder, so that nothing of them is measured; a node of ours holds the
entries. Closed loop on kept connections. The clients share this machine's cores with all of it. Prints a table; the median round
of each figure counts.
"""

import argparse
import asyncio
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time

from servers import Nginx, Running, cpu_seconds

QUESTION = "What are the opening hours of the shop on the corner of the old market?"
DIMENSION = 384
CLIENTS = (1, 16)
START_SECONDS = 60


def provider_answers():
    """(path, body) of what nginx says: an answer of 256 characters, and a vector."""
    message = {"role": "assistant", "content": "x" * 256}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m"}
    vector = [((7 * place) % 13 - 6) / 10 for place in range(DIMENSION)]
    return (
        ("/v1/chat/completions", json.dumps({**head, "choices": [choice], "usage": usage})),
        ("/v1/embeddings", json.dumps({"data": [{"index": 0, "embedding": vector}]})),
    )


class Provider(Nginx):
    """nginx with an answer for each path."""

    def __init__(self):
        super().__init__("")
        path = self.folder / "nginx.conf"
        places = "".join(
            f"location {place} {{ default_type application/json; return 200 '{body}'; }}\n" for place, body in provider_answers()
        )
        begin, end = path.read_text().split("    location / {", 1)
        path.write_text(begin + places + "    location / {" + end)


class Gateway:
    """One process of the program, with the provider's address and the node's."""

    def __init__(self, python, provider_port, node_port):
        self.folder = tempfile.TemporaryDirectory(prefix="ferrobench-gateway-")
        url = f"http://127.0.0.1:{provider_port}/v1"
        (pathlib.Path(self.folder.name) / "gateway.toml").write_text(f"""
[server]
listen = "127.0.0.1:0"
log_level = "info"
[node]
addresses = ["http://127.0.0.1:{node_port}"]
[proxy]
embedding = {{ provider = "openai", model = "constant", url = "{url}" }}
without_token_requests_per_second = 0
[proxy.openai]
url = "{url}"
""")
        self.python, self.port, self.process = python, 0, None

    def __enter__(self):
        path = pathlib.Path(self.folder.name)
        self.log = open(path / "log", "wb+")
        command = [self.python, "-m", "ferrocache.gateway", "--config", str(path / "gateway.toml")]
        self.process = subprocess.Popen(command, stderr=self.log, env={**os.environ, "NO_PROXY": "*"})
        deadline = time.monotonic() + START_SECONDS
        while not self.port:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway does not start:\n{(path / 'log').read_text()}")
            time.sleep(0.05)
            found = re.search(r'"url": ?"http://127.0.0.1:(\d+)"', (path / "log").read_text())
            self.port = int(found[1]) if found else 0
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        self.folder.cleanup()


def request(question):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    body = json.dumps({"model": "m", "messages": messages})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n{body}".encode()


async def one_client(port, requests, deadline, kinds):
    """Latencies in seconds, and how often each X-Cache was told, until the deadline."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    while time.monotonic() < deadline:
        data = next(requests)
        begin = time.perf_counter()
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode(errors="replace"))
        await read_body(reader, head.lower())
        taken.append(time.perf_counter() - begin)
        kind = re.search(rb"\r\nx-cache: (\w+)", head.lower())
        kinds[kind[1].decode() if kind else "none"] = kinds.get(kind[1].decode() if kind else "none", 0) + 1
    writer.close()
    return taken


async def read_body(reader, head):
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    if length:
        await reader.readexactly(int(length[1]))
        return
    while True:  # chunked
        size = int((await reader.readline()).strip(), 16)
        await reader.readexactly(size + 2)
        if not size:
            return


def measured(port, clients, seconds, requests, pid=None):
    """{"p50", "p99"} in milliseconds, "per_second", and the CPU of the process a request in milliseconds."""
    kinds = {}

    async def course():
        deadline = time.monotonic() + seconds
        return await asyncio.gather(*(one_client(port, requests, deadline, kinds) for _ in range(clients)))

    before, begin = (cpu_seconds(pid) if pid else 0.0), time.monotonic()
    taken = sorted(one for each in asyncio.run(course()) for one in each)
    spent = (cpu_seconds(pid) if pid else 0.0) - before
    at = {name: 1000 * taken[min(len(taken) - 1, int(share * len(taken)))] for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {**at, "per_second": len(taken) / (time.monotonic() - begin), "cpu": 1000 * spent / len(taken), "kinds": kinds}


def same():
    data = request(QUESTION)
    while True:
        yield data


def others():
    """Never the same twice: the numbers of a question have to be equal, however alike the questions are."""
    number = time.monotonic_ns() % 1_000_000_000 * 1000
    while True:
        number += 1
        yield request(f"What is the state of order {number}?")


# What is measured: name, what it has to be told as, and the requests.
COURSES = (("direct", "none", same), ("hit, the same text", "hit_l1", same), ("miss, stored", "miss", others))


def rounds(options, gateway, provider):
    """{(course, clients): the median round by p50}, the courses in turn in each round."""
    made = {}
    for _ in range(options.rounds):
        for clients in CLIENTS:
            for name, kind, requests in COURSES:
                port, pid = (provider.port, None) if name == "direct" else (gateway.port, gateway.process.pid)
                found = measured(port, clients, options.seconds, requests(), pid)
                if set(found["kinds"]) != {kind}:
                    raise RuntimeError(f"{name}: {found['kinds']}")
                made.setdefault((name, clients), []).append(found)
    return {key: sorted(found, key=lambda one: one["p50"])[len(found) // 2] for key, found in made.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has ferrocache[gateway]")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with Running() as node, Provider() as provider, Gateway(options.python, provider.port, node.port) as gateway:
        for _ in range(2):  # what a first call connects and loads is not what is measured; and the entry is there
            measured(gateway.port, 1, 0.5, same())
        found = rounds(options, gateway, provider)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.rounds} rounds of {options.seconds:g} s\n")
    print("| | clients | p50 | p99 | requests/s | CPU of the gateway |\n|---|---|---|---|---|---|")
    for name, _, _ in COURSES:
        for clients in CLIENTS:
            one = found[name, clients]
            cpu = f"{one['cpu']:.2f} ms" if one["cpu"] else ""
            print(f"| {name} | {clients} | {one['p50']:.2f} ms | {one['p99']:.2f} ms | {one['per_second']:.0f} | {cpu} |")


if __name__ == "__main__":
    main()
