"""An HTTP service for several tenants on one cache: each sees its own answers, and takes them with it when it leaves.

    python examples/multi_tenant_service.py [--port 8080]

    curl -s localhost:8080/ask -H 'X-Tenant: acme' -d '{"question": "How do I reset my password?"}'
    curl -s -X DELETE localhost:8080/cache -H 'X-Tenant: acme'

The tenant is the cache's scope. A token with a fixed scope (docs/security.md) would hold even a faulty service to it.
"""

import argparse
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openai import OpenAI
from stub_upstream import client_options, upstream

from ferrocache import FerrocacheClient, FerrocacheError
from ferrocache.middleware import wrap_openai

BODY_BYTES_MAX = 1 << 20
TENANT = re.compile(r"[a-z0-9-]{1,64}")


class Tenants:
    """A wrapped client for each tenant, all on one client of the model. Any thread may call."""

    def __init__(self, model, cache):
        self._model, self._cache = model, cache
        self._lock = threading.Lock()
        self._clients = {}

    def of(self, tenant):
        with self._lock:
            if tenant not in self._clients:
                self._clients[tenant] = wrap_openai(self._model, cache_scope=f"tenant-{tenant}")
            return self._clients[tenant]

    def forget(self, tenant):
        """Everything that the cache holds for the tenant, conversations included."""
        with self._lock:
            self._clients.pop(tenant, None)
        return self._cache.invalidate_matching(cache_scope=f"tenant-{tenant}")["deleted_count"]


def handler(tenants):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def tenant(self):
            name = self.headers.get("X-Tenant", "")
            if not TENANT.fullmatch(name):
                raise ValueError("send the header X-Tenant: lower-case letters, digits and hyphens")
            return name

        def do_POST(self):
            self.answered("/ask", self.ask)

        def do_DELETE(self):
            self.answered("/cache", lambda: {"deleted": tenants.forget(self.tenant())})

        def ask(self):
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= BODY_BYTES_MAX:
                raise ValueError(f"send a body of 1 to {BODY_BYTES_MAX} bytes")
            body = json.loads(self.rfile.read(length))
            question = body.get("question") if isinstance(body, dict) else None
            if not isinstance(question, str):
                raise ValueError('send {"question": "..."}')
            answer = tenants.of(self.tenant()).chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
            )
            return {"answer": answer.choices[0].message.content, "cached": answer._ferrocache_hit}

        def answered(self, path, work):
            status, body = 200, {}
            try:
                if self.path != path:
                    status, body = 404, {"error": "POST /ask or DELETE /cache"}
                else:
                    body = work()
            except ValueError as error:
                status, body = 400, {"error": str(error)}
            except FerrocacheError as error:
                status, body = 502, {"error": str(error)}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0: any free one")
    options = parser.parse_args()
    with (
        upstream() as stub,
        FerrocacheClient(os.environ.get("FERROCACHE_URL", "http://localhost:3000")) as cache,
        OpenAI(**client_options(stub)) as model,
    ):
        try:
            server = ThreadingHTTPServer(("127.0.0.1", options.port), handler(Tenants(model, cache)))
        except OSError as error:
            sys.exit(f"port {options.port} cannot be listened on ({error.strerror}): choose another with --port")
        print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            server.server_close()


if __name__ == "__main__":
    main()
