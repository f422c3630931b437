"""The API's routes as calls that fail the test when the answer is not the one expected."""
from urllib.parse import quote, urlencode

from .http import Client, Response
from .vectors import Vector


class Api:
    def __init__(self, client: Client):
        self.client = client

    def call(self, method: str, target: str, body=None, expect: int | tuple = 200, **options) -> Response:
        response = self.client.request(method, target, body, **options)
        wanted = expect if isinstance(expect, tuple) else (expect,)
        assert response.status in wanted, f"{method} {target}: expected {expect}, got {response}"
        if response.status >= 400:
            error = response.json()["error"]
            assert isinstance(error, str) and error.strip(), response
        return response

    def with_token(self, token: str | None) -> "Api":
        return Api(self.client.with_token(token))

    # --- entries ---

    def insert(self, embedding: Vector, model_id: str, response: str = "an answer", query_text: str = "",
               **fields) -> str:
        body = {
            "embedding": embedding, "model_id": model_id, "response": response, "query_text": query_text,
            **fields
        }
        answer = self.call("POST", "/insert", body).json()
        assert answer["status"] == "ok" and answer["id"], answer
        return answer["id"]

    def insert_many(self, items: list[dict]) -> list[str]:
        """Through /insert/batch, a thousand at a time; all must be accepted."""
        ids: list[str] = []
        for begin in range(0, len(items), 1000):
            results = self.call("POST", "/insert/batch",
                                {"items": items[begin:begin + 1000]}).json()["results"]
            bad = [result for result in results if result.get("status") != "ok"]
            assert not bad, bad[:3]
            ids += [result["id"] for result in results]
        assert len(ids) == len(items)
        return ids

    def query(self, embedding: Vector, model_id: str, **fields) -> dict:
        return self.call("POST", "/query", {"embedding": embedding, "model_id": model_id, **fields}).json()

    def hit(self, embedding: Vector, model_id: str, **fields) -> dict:
        answer = self.query(embedding, model_id, **fields)
        assert answer["hit"] is True, answer
        return answer

    def miss(self, embedding: Vector, model_id: str, **fields) -> dict:
        answer = self.query(embedding, model_id, **fields)
        assert answer["hit"] is False, answer
        return answer

    def entry(self, entry_id: str, **parameters) -> dict:
        return self.call("GET", entry_path(entry_id, **parameters)).json()

    def has_entry(self, entry_id: str, **parameters) -> bool:
        return self.call("GET", entry_path(entry_id, **parameters), expect=(200, 404)).status == 200

    def delete(self, entry_id: str, **parameters) -> dict:
        return self.call("DELETE", entry_path(entry_id, **parameters)).json()

    # --- administration ---

    def invalidate(self, **body) -> dict:
        answer = self.call("POST", "/admin/invalidate", body).json()
        assert answer["deleted_count"] == answer["invalidated_count"] == len(set(answer["uuids"])), answer
        assert len(answer["uuids"]) == answer["deleted_count"], answer
        return answer

    def compact(self) -> dict:
        return self.call("POST", "/admin/compact").json()

    def stats(self) -> dict:
        return self.call("GET", "/stats").json()

    def health(self) -> dict:
        return self.call("GET", "/health").json()

    def namespaces(self, **parameters) -> dict:
        query = "?" + urlencode(parameters) if parameters else ""
        return self.call("GET", f"/namespaces{query}").json()

    def metrics(self) -> "Metrics":
        return Metrics(self.call("GET", "/metrics").text())


class Metrics:
    """A scrape, parsed: samples by name and labels."""
    def __init__(self, text: str):
        self.text = text
        self.samples: dict[str, float] = {}
        self.types: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.samples[name] = float(value)

    def names(self) -> set[str]:
        return {name.split("{")[0] for name in self.samples}

    def value(self, name: str, **labels: str) -> float:
        if not labels and name in self.samples:
            return self.samples[name]
        for sample, value in self.samples.items():
            if sample.split("{")[0] == name and all(f'{k}="{v}"' in sample for k, v in labels.items()):
                return value
        raise AssertionError(f"no sample {name}{labels or ''}")

    def label_values(self, name: str, label: str) -> set[str]:
        marker = f'{label}="'
        return {
            sample.split(marker)[1].split('"')[0]
            for sample in self.samples
            if sample.startswith(name + "{") and marker in sample
        }


def entry_path(entry_id: str, **parameters) -> str:
    query = "?" + urlencode(parameters) if parameters else ""
    return f"/entry/{quote(entry_id, safe='')}{query}"
