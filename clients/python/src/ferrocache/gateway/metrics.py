"""What a gateway counts, for Prometheus. Labels are bounded: operations, status codes and the caches of the configuration."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from .._version import __version__

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One set for a process, on a registry of its own. Any thread may count."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        build = Gauge("ferrocache_gateway_build_info", "Constant 1; the version is its label", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self.requests = Counter(
            "ferrocache_gateway_requests", "Requests answered", ["api", "operation", "code"], registry=self.registry
        )
        self.seconds = Histogram(
            "ferrocache_gateway_request_duration_seconds", "Time to answer, body included", ["api", "operation"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.in_flight = Gauge("ferrocache_gateway_requests_in_flight", "Requests being answered", registry=self.registry)
        self.hits = Counter(
            "ferrocache_gateway_hits", "Searches that found an entry", ["cache", "strategy"], registry=self.registry
        )
        self.misses = Counter("ferrocache_gateway_misses", "Searches that found none", ["cache"], registry=self.registry)
        self.embedding_seconds = Histogram(
            "ferrocache_gateway_embedding_duration_seconds", "Time to embed a prompt that was not remembered", ["model"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.embeddings_remembered = Counter(
            "ferrocache_gateway_embeddings_remembered", "Prompts whose vector was still known", ["model"], registry=self.registry
        )
        self.failures = Counter(
            "ferrocache_gateway_dependency_failures", "Calls of a node or an embedder that failed", ["dependency"],
            registry=self.registry,
        )  # fmt: skip
        for dependency in ("node", "embedder"):
            self.failures.labels(dependency)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
