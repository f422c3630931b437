"""An object that behaves as another but for some attributes."""

from __future__ import annotations

from typing import Any, Callable, Dict, List


class Proxy:
    """Everything is the inner object's, isinstance included; ``made`` gives the attributes that are not: name -> maker."""

    def __init__(self, inner: Any, made: Dict[str, Callable[[], Any]]) -> None:
        object.__setattr__(self, "_ferrocache_inner", inner)
        object.__setattr__(self, "_ferrocache_made", made)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(object.__getattribute__(self, "_ferrocache_inner"))

    def __getattr__(self, name: str) -> Any:
        maker = object.__getattribute__(self, "_ferrocache_made").get(name)
        if maker is not None:
            return maker()
        return getattr(object.__getattribute__(self, "_ferrocache_inner"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_ferrocache_inner"), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(object.__getattribute__(self, "_ferrocache_inner"), name)

    def __dir__(self) -> List[str]:
        return dir(object.__getattribute__(self, "_ferrocache_inner"))

    def __repr__(self) -> str:
        return f"<cached {object.__getattribute__(self, '_ferrocache_inner')!r}>"

    # The SDKs' clients close themselves at the end of a with block, and so does the proxy of one, with what is its own.

    def __enter__(self) -> Any:
        object.__getattribute__(self, "_ferrocache_inner").__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()

    async def __aenter__(self) -> Any:
        await object.__getattribute__(self, "_ferrocache_inner").__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self.close()
