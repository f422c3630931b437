"""FerroCache: a semantic cache for LLM applications. This package is its client and its integrations.

The core needs the standard library alone. ``ferrocache.middleware``, ``ferrocache.langchain``, ``ferrocache.llamaindex``,
``ferrocache.mcp_server`` and ``AsyncFerrocacheClient`` need the extra of their name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from ._version import __version__
from .client import FerrocacheClient
from .errors import FerrocacheError

if TYPE_CHECKING:
    from .async_client import AsyncFerrocacheClient
    from .middleware import wrap_anthropic, wrap_openai

__all__ = [
    "AsyncFerrocacheClient",
    "FerrocacheClient",
    "FerrocacheError",
    "__version__",
    "wrap_anthropic",
    "wrap_openai",
]


def __getattr__(name: str) -> Any:
    """What needs more than the standard library is imported when it is first asked for."""
    if name == "AsyncFerrocacheClient":
        from .async_client import AsyncFerrocacheClient

        return AsyncFerrocacheClient
    if name in ("wrap_openai", "wrap_anthropic"):
        from . import middleware

        return getattr(middleware, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted(__all__)
