"""Redis LangCache's REST API, so that its SDKs work with nothing changed but the address."""

from __future__ import annotations

from .api import LangCacheApi

__all__ = ["LangCacheApi"]
