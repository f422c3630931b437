"""The caching proxy: OpenAI's and Anthropic's APIs with the cache in front of them, and CacheCore's headers.

An application changes its base URL and is cached. ``api`` serves the routes; the key of a request, and what of an answer may be
stored, are the dialects' of ``ferrocache.middleware``: the wrappers and this proxy agree about both.
"""

from __future__ import annotations
