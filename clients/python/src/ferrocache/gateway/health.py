"""Whether the gateway of a configuration is ready, asked from beside it: for supervisors that run a command."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Optional

from .config import Server

TIMEOUT_SECONDS = 5.0
ANSWER_BYTES_MAX = 4096
# What is listened on everywhere is asked here.
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def fault_of(server: Server) -> Optional[str]:
    """None if it is ready, else why not."""
    connection = _connection(server)
    try:
        connection.connect()
        if server.tls_client_ca_file is not None:
            return None  # who asks has no certificate to show: a handshake is all there is to see
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(ANSWER_BYTES_MAX)
        return None if answer.status == 200 else f"not ready: {_reason(said)}"
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers on port {server.port}: {error or type(error).__name__}"
    finally:
        connection.close()


def _connection(server: Server) -> http.client.HTTPConnection:
    host = _WILDCARDS.get(server.host, server.host)
    if server.tls_cert_file is None:
        return http.client.HTTPConnection(host, server.port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # this very machine, by its number
    return http.client.HTTPSConnection(host, server.port, timeout=TIMEOUT_SECONDS, context=context)


def _reason(said: bytes) -> str:
    try:
        return str(json.loads(said)["reason"])
    except (ValueError, LookupError, TypeError):
        return "no reason was told"
