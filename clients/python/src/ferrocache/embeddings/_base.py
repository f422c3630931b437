"""What every embedder is."""

from __future__ import annotations

import asyncio
import inspect
import sys
from abc import ABC, abstractmethod
from typing import Any, Awaitable, Callable, List, Optional, Union, cast

from .._calls import numbers

# A function of one text; may be a coroutine function where the wrapped client is asynchronous.
EmbedFunction = Callable[[str], Union[Any, Awaitable[Any]]]


def is_coroutine_function(function: Any) -> bool:
    """Also of an object whose call is one, and of unittest's AsyncMock, which carries a mark instead."""
    call = getattr(function, "__call__", None)  # noqa: B004
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call):
        return True
    return sys.version_info < (3, 14) and asyncio.iscoroutinefunction(function)


class Embedder(ABC):
    """One text to one vector. Any thread may call. ``name`` goes into the cache's model_id, with the dimension behind it."""

    name: str

    @abstractmethod
    def embed(self, text: str, timeout: Optional[float] = None) -> List[float]:
        """The vector, in the model's own length. ``timeout`` in seconds binds those that ask over the network."""

    def __call__(self, text: str) -> List[float]:
        return self.embed(text)


class CustomEmbedder(Embedder):
    """A caller's own function."""

    def __init__(self, function: EmbedFunction) -> None:
        self.name = "custom"
        self.function = function
        self.is_async = is_coroutine_function(function)

    def embed(self, text: str, timeout: Optional[float] = None) -> List[float]:
        if self.is_async:
            raise TypeError("an asynchronous embed_fn needs an asynchronous client")
        return numbers(self.function(text))

    async def embed_async(self, text: str) -> List[float]:
        return numbers(await cast(Awaitable[Any], self.function(text)))
