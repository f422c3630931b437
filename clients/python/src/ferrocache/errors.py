"""The one exception of the clients."""

from __future__ import annotations

from typing import Optional


class FerrocacheError(RuntimeError):
    """A call that did not succeed.

    ``status`` is the HTTP status of the answer, or None when none came: refused, timed out, reset. An answer that could not
    be understood keeps its status. ``retry_after`` is what the server asked to wait, in seconds, if it did.
    """

    def __init__(self, message: str, status: Optional[int] = None, retry_after: Optional[float] = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
