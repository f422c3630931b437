"""What clients take from the environment, and the TLS and header settings that both clients share."""

from __future__ import annotations

import math
import os
import ssl
import warnings
from typing import Callable, Dict, Optional, Union

from ._version import __version__

DEFAULT_URL = "http://localhost:3000"
DEFAULT_THRESHOLD = 0.92
DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_RETRIES = 2

# A token, or what is called for one before each request: tokens that rotate need no new client.
Token = Union[str, Callable[[], str]]


def url_from_environment() -> str:
    return os.environ.get("FERROCACHE_URL", "").strip() or DEFAULT_URL


def threshold_from_environment() -> float:
    text = os.environ.get("FERROCACHE_THRESHOLD", "").strip()
    if not text:
        return DEFAULT_THRESHOLD
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        warnings.warn(
            f"FERROCACHE_THRESHOLD={text!r} is not a number from 0 to 1; {DEFAULT_THRESHOLD} is used",
            RuntimeWarning,
            stacklevel=4,  # whoever makes a wrapper, a cache, an LLM
        )
        return DEFAULT_THRESHOLD
    return value


class Headers:
    """The headers of every request. An absent token comes from FERROCACHE_AUTH_TOKEN; an empty one means: send none."""

    def __init__(self, auth_token: Optional[Token]) -> None:
        self._token = os.environ.get("FERROCACHE_AUTH_TOKEN", "") if auth_token is None else auth_token

    def __call__(self, has_body: bool) -> Dict[str, bytes]:
        headers = {"Accept": b"application/json", "User-Agent": f"ferrocache-python/{__version__}".encode()}
        if has_body:
            headers["Content-Type"] = b"application/json"
        token = (self._token if isinstance(self._token, str) else self._token()).strip()
        if token:
            if not token.isprintable():
                raise ValueError("auth_token holds control characters")
            headers["Authorization"] = b"Bearer " + token.encode("utf-8")
        return headers


def tls_context(
    ca_file: Optional[str], cert_file: Optional[str], key_file: Optional[str], ssl_context: Optional[ssl.SSLContext]
) -> Optional[ssl.SSLContext]:
    """The context for https. None = none of the settings was given, the default will do."""
    if ssl_context is not None:
        if ca_file or cert_file or key_file:
            raise ValueError("give either ssl_context or ca_file, cert_file and key_file")
        return ssl_context
    if key_file and not cert_file:
        raise ValueError("key_file needs cert_file")
    if not (ca_file or cert_file):
        return None
    context = ssl.create_default_context(cafile=ca_file)
    if cert_file:
        context.load_cert_chain(cert_file, key_file)
    return context
