"""Embedders behind an HTTP API, on the package's own transport: no SDK of theirs is needed."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._attempts import Attempts, NotAnswered, NotSent
from .._calls import Call, failure, is_success, understood
from .._endpoints import Endpoints, parse_endpoints
from .._settings import tls_of
from .._transport import Transport
from ..errors import FerrocacheError
from ._base import Embedder

TIMEOUT_SECONDS = 10.0
RETRIES = 2
# The key for an endpoint that was named by its address. The key of a provider is sent to that provider alone.
ENDPOINT_KEY_VARIABLE = "EMBEDDINGS_API_KEY"


class RemoteEmbedder(Embedder):
    """Asks for one text at a time; repeats what may be repeated within the time limit."""

    DEFAULT_MODEL = ""
    DEFAULT_URL = ""
    URL_VARIABLE = ""
    KEY_VARIABLES: Sequence[str] = ()
    PATH = "/embeddings"

    def __init__(self, model: Optional[str] = None, base_url: Optional[str] = None, api_key: Optional[str] = None) -> None:
        self.model = model or self.DEFAULT_MODEL
        self.name = self.model
        key_variables: Sequence[str] = self.KEY_VARIABLES
        if base_url is not None:
            key_variables = (ENDPOINT_KEY_VARIABLE,)
        elif api_key is None and key_variables and not any(os.environ.get(name) for name in key_variables):
            raise ValueError(f"{type(self).__name__} needs an API key: set {key_variables[0]}")
        url = base_url or (os.environ.get(self.URL_VARIABLE, "").strip() if self.URL_VARIABLE else "") or self.DEFAULT_URL
        if "://" not in url:
            url = f"http://{url}"
        self._endpoints = Endpoints(parse_endpoints(url), time.monotonic)
        self._transport = Transport(tls_of(url.startswith("https")))
        self._api_key = api_key if api_key is not None else _first_of(key_variables)

    def close(self) -> None:
        """Ends the idle connections. A later call opens new ones."""
        self._transport.close()

    def embed(self, text: str, timeout: Optional[float] = None) -> List[float]:
        call = Call("POST", self.PATH, self._body(text), safe=True)
        vector = self._vector(self._ask(call, TIMEOUT_SECONDS if timeout is None else timeout))
        if not isinstance(vector, list) or not vector:
            raise FerrocacheError(f"{self._endpoints.all[0].url} answered without an embedding", 200)
        return vector

    def _ask(self, call: Call, timeout: float) -> Dict[str, Any]:
        headers = {"Content-Type": b"application/json", "Accept": b"application/json"}
        if self._api_key:
            headers["Authorization"] = b"Bearer " + self._api_key.strip().encode("utf-8")
        attempts = Attempts(self._endpoints, True, RETRIES, timeout, time.monotonic)
        while True:
            attempt = attempts.next()
            fault: Exception
            try:
                status, answered, body = self._transport.exchange(
                    attempt.endpoint, call.method, call.path, headers, call.encoded(), attempt.connect_deadline, attempt.deadline
                )
                if is_success(status):
                    attempts.answered(attempt)
                    return understood(call, status, body)
                fault = _failure(call, status, answered, body)
            except (NotSent, NotAnswered) as error:
                fault = FerrocacheError(f"{call.method} {attempt.endpoint.url}{call.path}: {error}")
            wait = attempts.wait_before_next(attempt, fault)
            if wait is None:
                raise fault
            time.sleep(wait)

    def _body(self, text: str) -> Dict[str, Any]:
        return {"model": self.model, "input": [text]}

    def _vector(self, answer: Mapping[str, Any]) -> Any:
        return answer["data"][0]["embedding"] if answer.get("data") else None


class OpenAIEmbeddings(RemoteEmbedder):
    """OpenAI, or whatever speaks its API at ``base_url``."""

    DEFAULT_MODEL, DEFAULT_URL = "text-embedding-3-small", "https://api.openai.com/v1"
    URL_VARIABLE, KEY_VARIABLES = "OPENAI_BASE_URL", ("OPENAI_API_KEY",)

    def _body(self, text: str) -> Dict[str, Any]:
        return {"model": self.model, "input": text, "encoding_format": "float"}


class VoyageEmbeddings(RemoteEmbedder):
    DEFAULT_MODEL, DEFAULT_URL = "voyage-3.5", "https://api.voyageai.com/v1"
    KEY_VARIABLES = ("VOYAGE_API_KEY",)


class CohereEmbeddings(RemoteEmbedder):
    DEFAULT_MODEL, DEFAULT_URL = "embed-english-v3.0", "https://api.cohere.com/v2"
    KEY_VARIABLES, PATH = ("CO_API_KEY", "COHERE_API_KEY"), "/embed"

    def _body(self, text: str) -> Dict[str, Any]:
        # Questions are compared with questions: both sides are of one type.
        return {"model": self.model, "texts": [text], "input_type": "search_query", "embedding_types": ["float"]}

    def _vector(self, answer: Mapping[str, Any]) -> Any:
        vectors = (answer.get("embeddings") or {}).get("float")
        return vectors[0] if vectors else None


class OllamaEmbeddings(RemoteEmbedder):
    DEFAULT_MODEL, DEFAULT_URL = "nomic-embed-text", "http://localhost:11434"
    URL_VARIABLE, PATH = "OLLAMA_HOST", "/api/embed"

    def _vector(self, answer: Mapping[str, Any]) -> Any:
        vectors = answer.get("embeddings")
        return vectors[0] if vectors else None


def _first_of(variables: Sequence[str]) -> str:
    return next((os.environ[name] for name in variables if os.environ.get(name)), "")


def _failure(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> FerrocacheError:
    """Providers put their sentence in error.message or message."""
    fault = failure(call, status, headers, body)
    try:
        answer = json.loads(body)
    except ValueError:
        return fault
    if isinstance(answer, dict):
        error = answer.get("error")
        said = error.get("message") if isinstance(error, dict) else answer.get("message")
        if said:
            return FerrocacheError(f"{call.method} {call.path}: HTTP {status}: {said}", status, fault.retry_after)
    return fault
