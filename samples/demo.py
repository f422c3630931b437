#!/usr/bin/env python3
"""Streams questions through a cache node as an application would: ask, and on a miss pay for the answer and insert it.

    samples/demo.py --binary build/release/bin/ferrocached [--data FOLDER] [--threshold 0.75] [--seed 7]

Prints a running picture, a few hits with both wordings, then kills the node with -9, starts it again and asks the same
questions of what is on its disk. With --data it does the same on that folder's real questions and compares the totals
with the truth of an exact scan that the folder's README.md states.
"""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from client import Client, Node, Questions, ServerError  # noqa: E402
from data_folder import run_data_folder  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


class Picture:
    """What the stream did so far."""

    def __init__(self, total):
        self.total, self.asked, self.hits, self.wrong = total, 0, 0, 0
        self.query_ms, self.examples = [], []

    def line(self):
        done = int(24 * self.asked / self.total)
        ordered = sorted(self.query_ms)
        p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        return (
            f"[{'#' * done}{'.' * (24 - done)}] {self.asked:5d} asked   hit rate {100 * self.hits / self.asked:5.1f} %"
            f"   wrong answers {100 * self.wrong / max(1, self.hits):4.1f} % of hits   p50 {p50:.2f} ms  p99 {p99:.2f} ms"
        )


def show(text, last=False):
    if sys.stdout.isatty():
        print("\r" + text, end="\n" if last else "", flush=True)
    else:
        print(text, flush=True)


def stream(client, questions, order, model_id, threshold):
    """Asks each question; on a miss inserts it with its answer."""
    picture = Picture(len(order))
    step = max(1, len(order) // (100 if sys.stdout.isatty() else 10))
    for row in order:
        question, vector = questions.rows[row], questions.vectors[row]
        started = time.perf_counter()
        found = client.query(vector, model_id, query_text=question["text"], threshold=threshold)
        picture.query_ms.append((time.perf_counter() - started) * 1000)
        picture.asked += 1
        if found["hit"]:
            picture.hits += 1
            right = found["attributes"]["label"] == question["label"]
            picture.wrong += not right
            picture.examples.append((row, found, right))
        else:
            client.insert(
                vector,
                model_id,
                question["text"],
                question.get("answer", question["label"]),
                attributes={"label": question["label"]},
            )
        if picture.asked % step == 0 or picture.asked == picture.total:
            show(picture.line(), last=picture.asked == picture.total)
    return picture


def show_examples(questions, picture, count):
    right = [example for example in picture.examples if example[2] and not example[1]["exact_match"]]
    wrong = [example for example in picture.examples if not example[2]]
    print(f"\nSome of the {picture.hits} hits:")
    for row, found, good in right[:: max(1, len(right) // count)][:count] + wrong[:1]:
        print(f"  asked   {questions.rows[row]['text']}")
        print(f"  cached  {found['query_text']}")
        print(
            f"          similarity {found['similarity']:.3f}  ->  {found['response']}"
            f"{'' if good else '   (WRONG: only looks alike)'}\n"
        )


def check_memory(client, questions, picture, model_id, threshold):
    """Every hit from before must answer the same now: same entry, same words, at least as near."""
    different = 0
    for row, before, _ in picture.examples:
        now = client.query(questions.vectors[row], model_id, threshold=threshold)
        if not now["hit"] or now["similarity"] + 1e-5 < before["similarity"]:
            different += 1
    print(
        f"asked the {len(picture.examples)} hits again: {len(picture.examples) - different} answered from disk"
        f"{'' if different == 0 else f', {different} LOST'}"
    )
    return different == 0


def kill_and_ask_again(node, questions, picture, model_id, threshold):
    client = Client(node.port)
    before = client.call("GET", "/health")["entry_count"]
    client.close()
    print("kill -9 ... ", end="", flush=True)
    node.kill()
    started = time.perf_counter()
    node.start()
    client = Client(node.port)
    after = client.call("GET", "/health")["entry_count"]
    print(f"started again in {(time.perf_counter() - started) * 1000:.0f} ms: {after} of {before} entries are there")
    return check_memory(client, questions, picture, model_id, threshold) and after == before


def run_samples(node, options):
    questions = Questions(HERE, "questions")
    order = list(range(len(questions)))
    random.Random(options.seed).shuffle(order)
    topics = len({row["label"] for row in questions.rows})
    print(f"{len(questions)} questions on {topics} topics, threshold {options.threshold}, order by seed {options.seed}")
    client = Client(node.port)
    model_id = "all-MiniLM-L6-v2::384"
    picture = stream(client, questions, order, model_id, options.threshold)
    client.close()
    show_examples(questions, picture, 4)
    return kill_and_ask_again(node, questions, picture, model_id, options.threshold)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the ferrocached to try")
    parser.add_argument(
        "--data", help="a folder of real questions (banking77_train5k, paws_public) instead of our samples"
    )
    parser.add_argument("--threshold", type=float, default=0.75, help="cosine from which two questions mean the same")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if not pathlib.Path(options.binary).is_file():
        sys.exit(f"{options.binary} is not there: make build")
    if options.data and not pathlib.Path(options.data, "banking77_train5k.jsonl").is_file():
        sys.exit(f"{options.data} holds no banking77_train5k.jsonl")
    node = Node(options.binary)
    try:
        node.start()
        print(f"a node answers on port {node.port}, its data in {node.folder}")
        if options.data:
            good = run_data_folder(node, options.data, stream, kill_and_ask_again)
        else:
            good = run_samples(node, options)
    except (ServerError, OSError) as error:
        sys.exit(f"the demo stopped: {error}")
    finally:
        node.remove()
    sys.exit(0 if good else "the demo did not see what it should")


if __name__ == "__main__":
    main()
