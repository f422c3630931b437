"""One connection to the cache as a careful client keeps it: kept alive, made anew now and then, its token read from a file."""

import hashlib
import http.client
import json
import os
import ssl
import threading
import time
import urllib.parse

# A Service spreads connections, not requests: a connection used for ever would never meet a node that joined.
REQUESTS_PER_CONNECTION = 50


class Refused(Exception):
    """An answer that is none of those the request may have."""


class Token:
    """The token in a mounted Secret; looked at again every second, as the kubelet swaps it. Shared by all workers."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.value, self.looked, self.changes = None, 0.0, []
        self.current()

    def current(self):
        if not self.path:
            return None
        with self.lock:
            now = time.monotonic()
            if now - self.looked >= 1 or self.value is None:
                self.looked = now
                with open(self.path) as file:
                    value = file.read().strip()
                if value != self.value:
                    self.value = value
                    self.changes.append({"at": time.time(), "fingerprint": fingerprint(value)})
            return self.value


def fingerprint(token):
    return hashlib.sha256(token.encode()).hexdigest()[:8]


class Connection:
    """Owned by one thread."""

    def __init__(self, url, token, ca_file=None, request_seconds=5):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.token = parts.hostname, parts.port, token
        self.secure, self.ca_file = parts.scheme == "https", ca_file
        self.context, self.trusts = None, None  # made of the file as it was then
        self.connection, self.used, self.request_seconds = None, 0, request_seconds
        self.resent = 0

    def trust(self):
        """The authorities as the file has them now: a mounted Secret changes when they are replaced."""
        now = os.stat(self.ca_file).st_mtime_ns if self.ca_file else 0
        if now != self.trusts:
            self.context, self.trusts = ssl.create_default_context(cafile=self.ca_file), now

    def open(self):
        self.close()
        if self.secure:
            self.trust()
            self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.request_seconds, context=self.context)
        else:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=self.request_seconds)
        self.used = 0

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, good=(200,)):
        """Status and parsed body; Refused or OSError otherwise.

        Sent a second time in one case only, and counted: a kept connection turned out to be closed before any of an answer came,
        which every HTTP client must expect of an idle connection. All requests here may be repeated.
        """
        if self.connection is None or self.used >= REQUESTS_PER_CONNECTION:
            self.open()
        was_used = self.used > 0
        try:
            return self._exchange(method, path, body, good)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not was_used:
                raise
            self.resent += 1
        except (OSError, http.client.HTTPException, Refused):
            self.close()
            raise
        self.open()
        try:
            return self._exchange(method, path, body, good)
        except (OSError, http.client.HTTPException, Refused):
            self.close()
            raise

    def _exchange(self, method, path, body, good):
        headers = {"Content-Type": "application/json"}
        token = self.token.current()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        self.used += 1
        if answer.headers.get("Connection", "").lower() == "close":
            self.close()
        if answer.status not in good:
            said = text.decode(errors="replace")[:200]
            raise Refused(f"{answer.status} {said} (token {fingerprint(token) if token else 'none'})")
        return answer.status, json.loads(text)
