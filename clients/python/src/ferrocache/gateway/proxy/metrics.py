"""What the proxy counts. Tenants and models are names that callers choose: the first of them have labels, the rest share one."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Set, Tuple

from prometheus_client import Counter, Gauge, Histogram

from ..metrics import Metrics
from .config import Price

LABELS_MAX = 100
LABEL_CHARACTERS_MAX = 100
OTHER = "_other"
SIMILARITIES = (0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 1.0)
# What became of a request.
EXACT, SEMANTIC, STALE, MISS, COALESCED, BYPASSED = "hit_exact", "hit_semantic", "stale", "miss", "coalesced", "bypass"


class ProxyMetrics:
    """On a gateway's registry. Any thread may count."""

    def __init__(self, metrics: Metrics, prices: Tuple[Price, ...]) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"ferrocache_gateway_proxy_{name}", text, labels, registry=metrics.registry)

        self._prices: Dict[str, Price] = {price.model: price for price in prices}
        self._tenants, self._models = _Names(), _Names()
        self._outcomes = counter("outcomes", "What became of requests", "tenant", "model", "outcome")
        self._tokens = counter("tokens_saved", "Tokens that hits did not cost", "tenant", "model", "kind")
        self._money = counter("money_saved", "What hits did not cost, by the configured prices", "tenant", "model")
        self._stored = counter("stored", "Answers that went into the cache", "tenant", "model")
        self._takeovers = counter("takeovers", "Calls made anew since the one that was waited for failed", "tenant", "model")
        self._similarity = Histogram(
            "ferrocache_gateway_proxy_similarity", "Similarity of hits by meaning", ["tenant"], buckets=SIMILARITIES,
            registry=metrics.registry,
        )  # fmt: skip

        self._waiting = Gauge(
            "ferrocache_gateway_proxy_waiting", "Callers for whom a provider is being asked", registry=metrics.registry
        )

    def waiting(self, count: Callable[[], float]) -> None:
        """What is asked for the number at each scrape."""
        self._waiting.set_function(count)

    def outcome(self, tenant: str, model: str, outcome: str) -> None:
        self._outcomes.labels(*self._named(tenant, model), outcome).inc()

    def stored(self, tenant: str, model: str) -> None:
        self._stored.labels(*self._named(tenant, model)).inc()

    def takeover(self, tenant: str, model: str) -> None:
        self._takeovers.labels(*self._named(tenant, model)).inc()

    def similarity(self, tenant: str, similarity: float) -> None:
        self._similarity.labels(self._tenants.label(tenant)).observe(similarity)

    def saved(self, tenant: str, model: str, usage: Any) -> None:
        """``usage`` as OpenAI or Anthropic tell it."""
        if not isinstance(usage, Mapping):
            return
        read = _count(usage, "prompt_tokens", "input_tokens")
        written = _count(usage, "completion_tokens", "output_tokens")
        named = self._named(tenant, model)
        self._tokens.labels(*named, "input").inc(read)
        self._tokens.labels(*named, "output").inc(written)
        price: Optional[Price] = self._prices.get(model)
        if price is not None:
            self._money.labels(*named).inc((read * price.input + written * price.output) / 1e6)

    def _named(self, tenant: str, model: str) -> Tuple[str, str]:
        return self._tenants.label(tenant), self._models.label(model)


class _Names:
    """The first so many names of a kind."""

    def __init__(self) -> None:
        self._known: Set[str] = set()

    def label(self, name: str) -> str:
        name = name[:LABEL_CHARACTERS_MAX].encode("utf-8", "replace").decode("utf-8")
        if name not in self._known:
            if len(self._known) >= LABELS_MAX:
                return OTHER
            self._known.add(name)
        return name


def _count(usage: Mapping[str, Any], *names: str) -> float:
    for name in names:
        value = usage.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return float(value)
    return 0.0
