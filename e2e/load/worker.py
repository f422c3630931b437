"""What one worker does until it is told to stop: an operation each time its turn comes."""

import http.client
import time
import urllib.parse

from client import Connection, Refused
from ledger import DELETED, LIVE, UNKNOWN

INSERTS, DELETES = 0.3, 0.04  # shares; the rest asks
BEHIND_SECONDS = 1.0  # a worker that is further behind gives up the turns it missed


def run(load, number):
    connection = Connection(load.options.url, load.token, load.options.ca_file, load.options.request_seconds)
    interval = load.options.workers / load.options.rate
    turn = time.monotonic() + interval * number / load.options.workers
    while not load.stopping.wait(max(0.0, turn - time.monotonic())):
        one_operation(load, connection)
        turn += interval
        behind = time.monotonic() - turn
        if behind > BEHIND_SECONDS:
            missed = int(behind / interval)
            with load.report.lock:
                load.report.late += missed
            turn += missed * interval
        if connection.resent:
            with load.report.lock:
                load.report.resent += connection.resent
            connection.resent = 0
    connection.close()


def one_operation(load, connection):
    chosen = load.ledger.choose()
    if chosen < INSERTS:
        attempt(load, "insert", insert, connection, load.ledger.new())
        return
    if chosen < INSERTS + DELETES:
        entry = load.ledger.take_to_delete()
        if entry is not None:
            attempt(load, "delete", delete, connection, entry)
            return
    entry = load.ledger.any_live()
    if entry is not None:
        attempt(load, "query", query, connection, entry)


def attempt(load, name, operation, connection, entry):
    began = time.monotonic()
    try:
        operation(load, connection, entry)
        load.report.succeeded(name, time.monotonic() - began)
    except (OSError, http.client.HTTPException, Refused, ValueError) as fault:
        seconds = time.monotonic() - began
        load.report.fail(name, f"{type(fault).__name__}: {fault} (after {seconds:.3f} s)", seconds)


def insert(load, connection, entry):
    body = {**entry.place(), "id": entry.id, "embedding": entry.vector(), "query_text": f"question {entry.id}",
            "response": entry.response}  # fmt: skip
    state = UNKNOWN
    try:
        connection.request("POST", "/insert", body)
        state = LIVE
    finally:
        load.ledger.settle(entry, state)


def delete(load, connection, entry):
    state = UNKNOWN
    try:
        path = f"/entry/{entry.id}?{urllib.parse.urlencode(entry.place())}"
        sent_before = connection.resent
        status, _ = connection.request("DELETE", path, good=(200, 404))
        # 404 acknowledges nothing, unless the first sending of the same request did.
        state = DELETED if status == 200 else UNKNOWN
        if status == 404 and connection.resent == sent_before:
            load.report.is_missed(f"{entry.id} in {entry.scope} was acknowledged, and is not there to be deleted")
    finally:
        load.ledger.settle(entry, state)


def query(load, connection, entry):
    body = {**entry.place(), "embedding": entry.vector(), "threshold": 0.99}
    _, answer = connection.request("POST", "/query", body)
    if not answer["hit"]:
        if load.ledger.still_live(entry):
            load.report.is_missed(f"{entry.id} in {entry.scope} was acknowledged, and a query does not find it")
    elif answer["id"] != entry.id or answer["response"] != entry.response:
        load.report.is_wrong(f"the query for {entry.id} in {entry.scope} was answered with {answer['id']}: {answer['response']}")
