"""Where tokens and keys come from: files that may be rotated in place, variables of the environment, digests. Never arguments."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import threading
import time
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from ._table import ConfigError, Table, only_one

# How often a file is looked at: a rotated key is in force within this time.
RELOAD_SECONDS = 1.0
FILE_BYTES_MAX = 1 << 20
_log = logging.getLogger(__name__)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class SecretFile:
    """The lines of a file but for comments, read anew when it changes. Any thread may call.

    A file that becomes unreadable or empty later leaves the last good lines in force, and the log says so.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._stamp, self._lines = self._read()
        self._digests = _digests_of(self._lines)
        self._next_look = clock() + RELOAD_SECONDS

    def lines(self) -> Tuple[str, ...]:
        self._look()
        return self._lines

    def digests(self) -> Tuple[str, ...]:
        """The SHA-256 of each line, made when the file was read."""
        self._look()
        return self._digests

    def _look(self) -> None:
        with self._lock:
            if self._clock() >= self._next_look:
                self._next_look = self._clock() + RELOAD_SECONDS
                try:
                    if self._signature() != self._stamp:
                        self._stamp, self._lines = self._read()
                        self._digests = _digests_of(self._lines)
                        _log.info("%s was read anew", self._path)
                except ConfigError as error:
                    _log.warning("%s; what it said before stays in force", error)

    def _signature(self) -> Tuple[int, int, int]:
        try:
            state = os.stat(self._path)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read: {error.strerror}") from error
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _read(self) -> Tuple[Tuple[int, int, int], Tuple[str, ...]]:
        stamp = self._signature()
        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read(FILE_BYTES_MAX)
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"{self._path} cannot be read: {type(error).__name__}") from error
        lines = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
        if not lines:
            raise ConfigError(f"{self._path} holds no key; write one a line into it")
        if not all(line.isprintable() for line in lines):
            raise ConfigError(f"{self._path} holds control characters")
        return stamp, lines


def from_environment(name: str, place: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"{place} names {name}, which is not set; set it or leave the key out")
    return value


def secret(table: Table, file_key: str, environment_key: str, folder: Path) -> Optional[Callable[[], str]]:
    """What gives the secret that a table names by file or by variable; None = it names none."""
    file, variable = table.text(file_key), table.text(environment_key)
    only_one(table, **{file_key: file, environment_key: variable})
    if file is not None:
        held = SecretFile(folder / file)
        return lambda: held.lines()[0]
    if variable is not None:
        value = from_environment(variable, table.where(environment_key))
        return lambda: value
    return None


def digest_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def _digests_of(lines: Sequence[str]) -> Tuple[str, ...]:
    return tuple(digest_of(line.encode("utf-8")) for line in lines)


class ApiKeys:
    """The keys of one cache, by their SHA-256. Files are looked at again, so that keys can be rotated."""

    def __init__(self, digests: Sequence[str], files: Sequence[SecretFile]) -> None:
        self._digests, self._files = tuple(digests), tuple(files)

    def know(self, digest: str) -> bool:
        """Compares with each of them, however early one fits: the time tells nothing."""
        found = False
        for known in self._digests + tuple(one for file in self._files for one in file.digests()):
            found |= hmac.compare_digest(known, digest)
        return found


def api_keys(tables: Sequence[Table], place: str, folder: Path) -> ApiKeys:
    digests: List[str] = []
    files: List[SecretFile] = []
    for table in tables:
        file, variable, sha256 = table.text("file"), table.text("environment"), table.text("sha256")
        table.done()
        named = only_one(table, file=file, environment=variable, sha256=sha256)
        if not named:
            raise table.fault("file", "or environment or sha256 must name a key")
        if file is not None:
            files.append(SecretFile(folder / file))
        elif variable is not None:
            digests.append(digest_of(from_environment(variable, table.where("environment")).encode("utf-8", "surrogateescape")))
        elif sha256 is not None:
            if not _DIGEST.fullmatch(sha256.lower()):
                raise table.fault("sha256", "must be 64 hexadecimal digits, as `printf %s KEY | sha256sum` prints them")
            digests.append(sha256.lower())
    if not digests and not files:
        raise ConfigError(f"{place} is missing: name at least one key, by file, environment or sha256")
    return ApiKeys(digests, files)
