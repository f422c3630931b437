"""Constant load on a cache through its Service, with a ledger of what was acknowledged.

    main.py --url http://demo.shop.svc:3000 [--token-file /token/token] [--rate 100] [--seed N]

Inserts, queries and deletes at a steady rate. Every failed request counts and is listed; an entry that was acknowledged and is not
found, or found with another answer, or found after its deletion was acknowledged, is listed too. Listens on --port for
GET /report, and POST /finish: stop, then ask for every entry of the ledger, by id and by its vector.
"""

import argparse
import http.server
import json
import random
import signal
import sys
import threading

import worker
from client import Token
from ledger import Ledger
from report import Report
from verify import verify


class Load:
    def __init__(self, options):
        self.options, self.report, self.ledger = options, Report(), Ledger(options.seed)
        self.token, self.stopping = Token(options.token_file), threading.Event()
        self.workers = [threading.Thread(target=worker.run, args=(self, number)) for number in range(options.workers)]
        self.finisher, self.lock = None, threading.Lock()

    def start(self):
        for thread in self.workers:
            thread.start()

    def finish(self):
        """Once; a second call changes nothing."""
        with self.lock:
            if self.finisher is None:
                self.finisher = threading.Thread(target=self._finish)
                self.finisher.start()

    def _finish(self):
        self.stopping.set()
        for thread in self.workers:
            thread.join()
        self.report.state = "verifying"
        verify(self)
        self.report.state = "done"

    def describe(self):
        return {**self.report.describe(), "seed": self.options.seed, "ledger": self.ledger.counts(),
                "tokens": list(self.token.changes)}  # fmt: skip


def handler_of(load):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(200 if self.path == "/report" else 404)

        def do_POST(self):
            if self.path == "/finish":
                load.finish()
            self.answer(200 if self.path == "/finish" else 404)

        def answer(self, status):
            body = json.dumps(load.describe()).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token-file")
    parser.add_argument("--ca-file")
    parser.add_argument("--rate", type=float, default=100, help="requests a second, all workers together")
    parser.add_argument("--request-seconds", type=float, default=5, help="after which a request without an answer has failed")
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--port", type=int, default=9000)
    options = parser.parse_args()
    load = Load(options)
    print(f"load on {options.url}, seed {options.seed}", flush=True)
    server = http.server.ThreadingHTTPServer(("", options.port), handler_of(load))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    load.start()
    server.serve_forever()
    load.stopping.set()
    for thread in load.workers:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
