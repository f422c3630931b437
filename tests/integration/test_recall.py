"""The vector index against the exhaustive scan, while entries come, change and go."""
import pytest

from harness.contract import contract
from harness.oracle import ExactOracle
from harness.vectors import at_cosine, make_rng, random_unit

DIMENSION, CLUSTERS, ENTRIES, ROUNDS, QUESTIONS = 32, 60, 2000, 4, 120
THRESHOLD, RECALL = 0.9, 0.998


class Churn:
    """A node and the oracle beside it, doing the same."""
    def __init__(self, api, rng):
        self.api, self.rng, self.oracle = api, rng, ExactOracle()
        self.centres = [random_unit(rng, DIMENSION) for _ in range(CLUSTERS)]
        self.made = 0

    def fresh_vector(self):
        return at_cosine(self.rng, self.rng.choice(self.centres), self.rng.uniform(0.75, 0.99))

    def insert(self, count: int, replace_share: float) -> None:
        items = []
        for _ in range(count):
            if self.oracle.entries and self.rng.random() < replace_share:
                entry_id = self.rng.choice(list(self.oracle.entries))
            else:
                self.made += 1
                entry_id = f"e{self.made}"
            vector = self.fresh_vector()
            items.append({
                "embedding": vector, "model_id": "m", "response": entry_id, "query_text": "", "id": entry_id
            })
            self.oracle.put(entry_id, vector)
        self.api.insert_many(items)

    def delete(self, count: int) -> None:
        for entry_id in self.rng.sample(sorted(self.oracle.entries), count):
            self.api.delete(entry_id)
            self.oracle.remove(entry_id)

    def ask(self) -> tuple[int, int]:
        """Returns questions that have an answer for certain, and how many of them got the best one."""
        vectors = list(self.oracle.entries.values())
        due = found = 0
        questions = [
            at_cosine(self.rng, self.rng.choice(vectors), self.rng.uniform(0.8, 0.999))
            for _ in range(QUESTIONS)
        ]
        items = [{"embedding": question, "model_id": "m", "threshold": THRESHOLD} for question in questions]
        answers = self.api.call("POST", "/query/batch", {"items": items}).json()["results"]
        for question, answer in zip(questions, answers):
            best = self.oracle.best(question)
            if answer["hit"]:
                true = sum(a * b for a, b in zip(question, self.oracle.entries[answer["id"]]))
                assert answer["similarity"] == pytest.approx(true, abs=2e-5), "a hit is scored exactly"
                assert true >= THRESHOLD - 2e-5, "no hit below the threshold"
            if best >= THRESHOLD + 2e-5:
                due += 1
                found += answer["hit"] and answer["similarity"] >= best - 2e-5
        return due, found


@contract("query-14: the best live entry is found while entries come and go")
@pytest.mark.parametrize("kind", ["flat", "hnsw", "auto"])
def test_recall_under_churn(nodes, kind):
    node = nodes.start({"index.kind": kind, "compact_interval_inserts": 1500})
    churn = Churn(node.api, make_rng())
    churn.insert(ENTRIES, replace_share=0.0)
    due = found = 0
    for round_number in range(ROUNDS):
        churn.delete(ENTRIES // 8)
        churn.insert(ENTRIES // 4, replace_share=0.5)
        if round_number == ROUNDS // 2:
            node.restart(kill=True)
            churn.api = node.api
        asked = churn.ask()
        due, found = due + asked[0], found + asked[1]
    print(f"{kind}: {found} of {due} questions with an answer got the best one")
    assert node.api.health()["entry_count"] == len(churn.oracle.entries)
    assert due > QUESTIONS and found >= RECALL * due


@contract("query-14: a dead neighbour never hides a live one")
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_dead_neighbours_hide_nothing(nodes, rng, kind):
    """A thousand near neighbours die around one live entry, by each kind of death."""
    node = nodes.start({"index.kind": kind})
    centre = random_unit(rng, DIMENSION)
    live = node.api.insert(at_cosine(rng, centre, 0.93), "m", "alive")
    for death in ("delete", "invalidate", "replace"):
        items = [{
            "embedding": at_cosine(rng, centre, rng.uniform(0.97, 0.9999)), "model_id": "m",
            "response": death, "query_text": "", "id": f"{death}{number}", "tags": [death]
        } for number in range(1000)]
        node.api.insert_many(items)
        assert node.api.hit(centre, "m")["response"] == death
        if death == "delete":
            for item in items:
                node.api.delete(item["id"])
        elif death == "invalidate":
            node.api.invalidate(tags=[death])
        else:
            node.api.insert_many([{**item, "embedding": [-value
                                                         for value in item["embedding"]]}
                                  for item in items])
        answer = node.api.hit(centre, "m", top_k=5)
        assert answer["id"] == live and len(answer["matches"]) == 1, death
