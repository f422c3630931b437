"""Texts to vectors, by the name of a model.

    embedder()                                    what FERROCACHE_EMBED_MODEL names, else all-MiniLM-L6-v2
    embedder("BAAI/bge-small-en-v1.5")            sentence-transformers
    embedder("openai:text-embedding-3-small")     also voyage:, cohere:, ollama:, local:, sentence-transformers:
    embedder("openai:bge-m3@http://host:8000/v1") any endpoint that speaks OpenAI's API; its key is in EMBEDDINGS_API_KEY

A model of OpenAI, Voyage or Cohere is also known without its provider's name in front.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Dict, Optional, Tuple

from ._base import CustomEmbedder, Embedder, EmbedFunction
from ._local import LocalMiniLm, SentenceTransformer
from ._remote import CohereEmbeddings, OllamaEmbeddings, OpenAIEmbeddings, RemoteEmbedder, VoyageEmbeddings

__all__ = [
    "CohereEmbeddings",
    "CustomEmbedder",
    "EmbedFunction",
    "Embedder",
    "LocalMiniLm",
    "OllamaEmbeddings",
    "OpenAIEmbeddings",
    "SentenceTransformer",
    "VoyageEmbeddings",
    "embedder",
]

DEFAULT_MODEL = "all-MiniLM-L6-v2"

_REMOTE: Dict[str, Callable[..., RemoteEmbedder]] = {
    "openai": OpenAIEmbeddings,
    "voyage": VoyageEmbeddings,
    "cohere": CohereEmbeddings,
    "ollama": OllamaEmbeddings,
}
_PROVIDERS = ("sentence-transformers", "local", *_REMOTE)
_KNOWN_NAMES: Tuple[Tuple[str, str], ...] = (
    (r"text-embedding-(3-|ada-)", "openai"),
    (r"voyage-", "voyage"),
    (r"embed-(english|multilingual|v\d)", "cohere"),
)


def embedder(name: Optional[str] = None) -> Embedder:
    """The embedder of that name; see above. ImportError says what to install, ValueError what to change."""
    if name is None:
        name = os.environ.get("FERROCACHE_EMBED_MODEL", "").strip() or DEFAULT_MODEL
    provider, model, url = _parse(name)
    if provider == "local":
        if model and model != LocalMiniLm.MODEL:
            raise ValueError(f"the local model is {LocalMiniLm.MODEL}, not {model!r}")
        return LocalMiniLm()
    if provider == "sentence-transformers":
        model = model or DEFAULT_MODEL
        # The same model without a deep learning framework, where only that is installed.
        is_mini = model.rpartition("/")[2] == LocalMiniLm.MODEL
        if is_mini and not SentenceTransformer.installed() and LocalMiniLm.installed():
            return LocalMiniLm()
        return SentenceTransformer(model)
    return _REMOTE[provider](model or None, base_url=url)


def _parse(name: str) -> Tuple[str, str, Optional[str]]:
    """(provider, model, base URL) of a name."""
    rest, at, address = name.partition("@http")
    url = f"http{address}" if at else None
    provider, colon, model = rest.partition(":")
    if provider in _PROVIDERS:
        pass
    elif colon:
        raise ValueError(f"{provider!r} is no provider of embeddings; known are {', '.join(_PROVIDERS)}")
    else:
        known = (found for pattern, found in _KNOWN_NAMES if re.match(pattern, rest))
        provider, model = next(known, "openai" if url else "sentence-transformers"), rest
    if url and provider not in _REMOTE:
        raise ValueError(f"{provider} has no address; leave out @{url}")
    return provider, model, url
