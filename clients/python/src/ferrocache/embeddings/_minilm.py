"""The forward pass of a six-layer BERT encoder (Devlin et al. 2018) in numpy, with the mean over the tokens, of length 1."""

from __future__ import annotations

import math
import pathlib
from typing import Any, Dict

import numpy as np

HEADS, LAYERS, EPSILON = 12, 6, 1e-12
# What the model was trained with; a longer text is cut.
TOKENS_MAX = 256


def _erf(x: Any) -> Any:
    """Abramowitz and Stegun 7.1.26: within 1.5e-7, about a float32's own rounding."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1.0 - poly * np.exp(-x * x))


class MiniLm:
    """Weights and tokenizer of a model folder. Immutable after construction: any thread may call ``embed``."""

    def __init__(self, folder: pathlib.Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._weights: Dict[str, Any] = {
            name: value.astype(np.float32)
            for name, value in load_file(str(folder / "model.safetensors")).items()
            if value.dtype.kind == "f"
        }
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)

    def embed(self, text: str) -> Any:
        """float32, shape (384,), length 1."""
        ids = self._tokenizer.encode(text).ids
        w = self._weights
        x = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][: len(ids)]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm("embeddings.LayerNorm", x)
        for layer in range(LAYERS):
            prefix = f"encoder.layer.{layer}"
            x = self._norm(prefix + ".attention.output.LayerNorm", x + self._attention(prefix, x))
            inner = self._linear(prefix + ".intermediate.dense", x)
            inner = inner * np.float32(0.5) * (1.0 + _erf(inner / np.float32(math.sqrt(2.0))))
            x = self._norm(prefix + ".output.LayerNorm", x + self._linear(prefix + ".output.dense", inner))
        mean = x.mean(0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)

    def _linear(self, name: str, x: Any) -> Any:
        return x @ self._weights[name + ".weight"].T + self._weights[name + ".bias"]

    def _norm(self, name: str, x: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(EPSILON))
        return centred / scale * self._weights[name + ".weight"] + self._weights[name + ".bias"]

    def _attention(self, prefix: str, x: Any) -> Any:
        tokens, width = x.shape
        q, k, v = (
            self._linear(f"{prefix}.attention.self.{part}", x).reshape(tokens, HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / np.float32(math.sqrt(width // HEADS))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self._linear(prefix + ".attention.output.dense", mixed.transpose(1, 0, 2).reshape(tokens, width))
