"""The end of a run: every entry of the ledger is asked for, by its id and by its vector."""

import http.client
import queue
import threading
import time
import urllib.parse

from client import Connection, Refused
from ledger import DELETED, LIVE

THREADS = 8
TRIES = 20  # for an answer at all, half a second apart: a failed request here is no lost entry


def verify(load):
    waiting = queue.SimpleQueue()
    for entry in load.ledger.settled():
        waiting.put(entry)
    threads = [threading.Thread(target=work, args=(load, waiting)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work(load, waiting):
    connection = Connection(load.options.url, load.token, load.options.ca_file, load.options.request_seconds)
    while True:
        try:
            entry = waiting.get_nowait()
        except queue.Empty:
            connection.close()
            return
        check(load, connection, entry)


def check(load, connection, entry):
    kind = None
    if entry.state == LIVE:
        fault = fault_of_live(connection, entry)
        kind = "lost" if fault else None
    elif entry.state == DELETED:
        fault = fault_of_deleted(connection, entry)
        kind = "resurrected" if fault else None
    else:
        kind, fault = "unknown", None
    with load.report.lock:
        load.report.verified["entries"] += 1
        if kind:
            load.report.verified[kind] += 1
    if fault:
        load.report.is_wrong(f"at the end: {entry.id} in {entry.scope} ({entry.state}): {fault}")


def fault_of_live(connection, entry):
    status, read = ask(connection, "GET", f"/entry/{entry.id}?{urllib.parse.urlencode(entry.place())}")
    if status != 200:
        return f"GET answers {status}"
    if read["response"] != entry.response:
        return f"GET answers {read['response']!r}"
    _, found = ask(connection, "POST", "/query", {**entry.place(), "embedding": entry.vector(), "threshold": 0.99})
    if not found["hit"]:
        return "GET finds it, a query does not"
    return None if found["id"] == entry.id else f"a query finds {found['id']} instead"


def fault_of_deleted(connection, entry):
    status, _ = ask(connection, "GET", f"/entry/{entry.id}?{urllib.parse.urlencode(entry.place())}")
    if status != 404:
        return f"GET answers {status}"
    _, found = ask(connection, "POST", "/query", {**entry.place(), "embedding": entry.vector(), "threshold": 0.99})
    return f"a query still finds {found['id']}" if found["hit"] and found["id"] == entry.id else None


def ask(connection, method, path, body=None):
    for attempt in range(TRIES):
        try:
            return connection.request(method, path, body, good=(200, 404))
        except (OSError, http.client.HTTPException, Refused) as fault:
            if attempt == TRIES - 1:
                return 0, {"hit": False, "response": f"no answer: {fault}"}
            time.sleep(0.5)
    raise AssertionError("unreachable")
