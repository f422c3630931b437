"""Services that stand between programs and a node of FerroCache, for clients that speak another product's API.

    python -m ferrocache.gateway --config FILE

``ferrocache.gateway.langcache`` speaks the REST API of Redis LangCache. What every door needs stands beside it:
configuration, keys, embedding, probes, metrics, logs, the server. Needs the extra ``gateway``.
"""

from __future__ import annotations
