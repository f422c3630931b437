"""The demo on a folder of real questions, held against the exact scan that the folder's README.md states."""

import pathlib
import re

from client import Client, Questions

AGREEMENT_POINTS = 0.1  # both sides are rounded to one decimal


def stated_figures(readme):
    """{threshold: (hit %, right %)} of the leave-one-out sentence, and (hit %, right %) of PAWS at 0.95."""
    sentence = re.search(r"leave-one-out[^:]*:(.*)", readme).group(1)
    figures = {
        float(threshold): (float(hit), float(right))
        for threshold, hit, right in re.findall(r"(0\.\d+)\s*→\s*(\d+\.\d+)(?: % hit, | / )(\d+\.\d+)", sentence)
    }
    paws = re.search(r"PAWS at 0\.95: ([\d.]+) %.*only ([\d.]+) %", readme)
    return figures, tuple(map(float, paws.groups()))


def compare(name, measured, stated, points=AGREEMENT_POINTS):
    good = all(abs(round(m, 1) - s) <= points + 1e-9 for m, s in zip(measured, stated))
    print(
        f"  {name:34s} hit {measured[0]:5.1f} %  right {measured[1]:5.1f} %   stated {stated[0]:5.1f} / {stated[1]:5.1f}"
        f"   {'agrees' if good else 'DIFFERS'}"
    )
    return good


def leave_one_out(client, questions, model_id, lowest):
    """For each row its nearest other row at or above `lowest`: (similarity, same label) or None."""
    items = [
        {
            "embedding_b64": vector,
            "model_id": model_id,
            "query_text": row["text"],
            "response": row["label"],
            "id": row["id"],
            "attributes": {"label": row["label"]},
        }
        for row, vector in zip(questions.rows, questions.vectors)
    ]
    for start in range(0, len(items), 500):
        results = client.call("POST", "/insert/batch", {"items": items[start : start + 500]})["results"]
        assert all("id" in result for result in results), results
    nearest = []
    for row, vector in zip(questions.rows, questions.vectors):
        found = client.query(vector, model_id, threshold=lowest, top_k=2)["matches"]
        others = [match for match in found if match["id"] != row["id"]]
        nearest.append((others[0]["similarity"], others[0]["attributes"]["label"] == row["label"]) if others else None)
    return nearest


def paws_pairs(client, folder):
    """Each pair in a conversation of its own, so that the two sentences meet each other alone."""
    import json

    questions = Questions(folder, "paws_public")
    with open(pathlib.Path(folder) / "paws_public_pairs.jsonl", encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    hits = right = 0
    for number, pair in enumerate(pairs):
        model_id = f"paws-{number}::384"
        client.insert(questions.vectors[pair["a"]], model_id, "", "a")
        if client.query(questions.vectors[pair["b"]], model_id, threshold=0.95)["hit"]:
            hits += 1
            right += pair["duplicate"]
    return 100 * hits / len(pairs), 100 * right / hits


def run_data_folder(node, folder, stream, kill_and_ask_again):
    stated, paws_stated = stated_figures((pathlib.Path(folder) / "README.md").read_text(encoding="utf-8"))
    questions = Questions(folder, "banking77_train5k")
    client = Client(node.port)
    print(f"\nEach of {len(questions)} real questions against all others (leave one out), beside the exact scan:")
    nearest = leave_one_out(client, questions, "banking-all::384", min(stated))
    good = True
    for threshold in sorted(stated):
        hits = [same for found in nearest if found and found[0] >= threshold - 1e-6 for same in [found[1]]]
        measured = 100 * len(hits) / len(nearest), 100 * sum(hits) / max(1, len(hits))
        good &= compare(f"threshold {threshold:.2f}", measured, stated[threshold])
    good &= compare("PAWS pairs at 0.95", paws_pairs(client, folder), paws_stated, points=0.5)

    print(f"\nThe same questions as a stream, in the order of the file (a miss inserts):")
    pictures = {}
    for threshold in sorted(stated):
        print(f"threshold {threshold:.2f}")
        pictures[threshold] = stream(client, questions, range(len(questions)), f"banking-{threshold}::384", threshold)
    client.close()
    lowest = min(pictures)
    return kill_and_ask_again(node, questions, pictures[lowest], f"banking-{lowest}::384", lowest) and good
