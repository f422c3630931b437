"""Serving a gateway: the listening socket, TLS, and an orderly end at SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
import ssl
from types import FrameType
from typing import Iterator, List, Optional

import uvicorn

from ._table import ConfigError
from .app import Gateway
from .config import Config, Server

# Longer than the pools of clients and balancers keep a connection, so that it is they who close it.
KEEP_ALIVE_SECONDS = 75
_log = logging.getLogger(__name__)


class ListenError(Exception):
    """The address of the configuration cannot be listened on."""


class _UvicornServer(uvicorn.Server):
    """At the first SIGTERM or SIGINT /readyz turns 503 and new requests are still served for ``drain_seconds``; then what is
    under way is finished, for at most ``shutdown_seconds``. A second signal skips the former wait."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """In place of uvicorn's, which ends the process by the signal: an orderly end is exit code 0."""
        self._loop = asyncio.get_running_loop()
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Optional[FrameType]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        wait = self._gateway.config.server.drain_seconds
        if self._gateway.draining or not wait or self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_later(wait, self._stop_listening)
        if not self._gateway.draining:
            _log.info("ending", extra={"fields": {"drain_seconds": wait}})
        self._gateway.draining = True

    def _stop_listening(self) -> None:
        self.should_exit = True


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(server: Server) -> socket.socket:
    """Raises ListenError."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        made = socket.create_server((server.host, server.port), family=family, backlog=1024)
        # Connections inherit it. The event loop sets it on none of these, and without it the body of an answer waits until the
        # caller has acknowledged its head: 40 ms where that is delayed, as it is by default.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except OSError as error:
        raise ListenError(
            f"cannot listen on {server.host}:{server.port}: {os.strerror(error.errno) if error.errno else error}"
        ) from error


def _check_tls(server: Server) -> None:
    if server.tls_cert_file is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(server.tls_cert_file, server.tls_key_file)
        if server.tls_client_ca_file is not None:
            context.load_verify_locations(server.tls_client_ca_file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"server.tls_cert_file, tls_key_file or tls_client_ca_file cannot be used: {error}") from error


async def check(config: Config) -> List[str]:
    """Makes everything that ``serve`` makes, but the socket. Raises ConfigError. The name of each cache's model."""
    _check_tls(config.server)
    gateway = Gateway(config)
    try:
        return gateway.models()
    finally:
        await gateway.stop()


async def serve(config: Config) -> None:
    """Until a signal ends it. Raises ConfigError for what cannot be made, ListenError for an address that cannot be had."""
    server = config.server
    _check_tls(server)
    gateway = Gateway(config)
    listener = listen(server)
    has_tls = server.tls_cert_file is not None
    needs_client = server.tls_client_ca_file is not None
    made = uvicorn.Config(
        gateway.application(),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=server.shutdown_seconds,
        ssl_certfile=server.tls_cert_file,
        ssl_keyfile=server.tls_key_file,
        ssl_ca_certs=None if server.tls_client_ca_file is None else str(server.tls_client_ca_file),
        ssl_cert_reqs=ssl.CERT_REQUIRED if needs_client else ssl.CERT_NONE,
    )
    port = listener.getsockname()[1]
    host = f"[{server.host}]" if ":" in server.host else server.host
    _log.info("listening", extra={"fields": {"url": f"{'https' if has_tls else 'http'}://{host}:{port}"}})
    if not has_tls and not _is_local(server.host):
        _log.warning("keys and prompts travel unencrypted: set server.tls_cert_file, or have a proxy with TLS before this")
    await _UvicornServer(made, gateway).serve([listener])
    _log.info("ended")
