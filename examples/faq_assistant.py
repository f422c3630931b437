"""A help desk that answers known questions from the cache and asks a model for the rest.

    python examples/faq_assistant.py                     # asks a few questions by itself
    python examples/faq_assistant.py "Can I send it back?" ...

It loads a FAQ (one entry for each known wording, tagged with its topic), answers by meaning, asks the model on a miss and keeps
its answer for a day. Then it changes one topic's answer: the old entries go by their tag, the new ones come, nothing else is
touched.
"""

import os
import sys

from openai import OpenAI
from stub_upstream import client_options, read_topics, upstream

from ferrocache import FerrocacheClient, FerrocacheError
from ferrocache.embeddings import embedder

SCOPE = "faq-example"
THRESHOLD = 0.75  # what the measured table in docs/clients/python.md suggests for short questions and this model
A_DAY = 86400


class HelpDesk:
    def __init__(self, cache, model):
        self.cache, self.model = cache, model
        self.embed = embedder()
        self.model_id = f"{self.embed.name}::{len(self.embed('a'))}"

    def load(self, topic, answer, questions):
        """One entry for each wording; the topic is a tag, so that all of it can be forgotten at once."""
        items = [
            {
                "embedding": self.embed(question), "response": answer, "query_text": question, "model_id": self.model_id,
                "cache_scope": SCOPE, "tags": [f"topic:{topic}"], "id": f"{topic}-{number}",
            }
            for number, question in enumerate(questions)
        ]  # fmt: skip
        return len(self.cache.insert_batch(items))

    def forget(self, topic):
        return self.cache.invalidate_matching(tags=[f"topic:{topic}"], cache_scope=SCOPE)["deleted_count"]

    def ask(self, question):
        vector = self.embed(question)
        found = self.cache.query(vector, THRESHOLD, self.model_id, question, SCOPE)
        if found["hit"]:
            return found["response"], f"cache, {found['similarity']:.2f} like: {found['query_text']}"
        completion = self.model.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": question}])
        answer = completion.choices[0].message.content
        self.cache.insert(vector, answer, question, self.model_id, ttl_seconds=A_DAY, cache_scope=SCOPE)
        return answer, "model"


def main():
    questions = sys.argv[1:] or [
        "What is the return window for my order?",
        "How do I become an astronaut?",
        "how do i become an astronaut",
    ]
    with (
        upstream() as stub,
        FerrocacheClient(os.environ.get("FERROCACHE_URL", "http://localhost:3000")) as cache,
        OpenAI(**client_options(stub)) as model,
    ):
        desk = HelpDesk(cache, model)
        topics = read_topics()[:12]
        print(f"loaded {sum(desk.load(*topic) for topic in topics)} questions on {len(topics)} topics")
        for question in questions:
            answer, source = desk.ask(question)
            print(f"\n? {question}\n! {answer}\n  ({source})")
        topic, _, wordings = topics[0]
        print(f"\nthe answer on {topic} changes: {desk.forget(topic)} entries forgotten", end=", ")
        print(f"{desk.load(topic, 'You can return anything within 60 days.', wordings)} loaded")
        print(f"? {wordings[1]}\n! {desk.ask(wordings[1])[0]}")
        cache.invalidate_matching(cache_scope=SCOPE)  # an example leaves nothing behind


if __name__ == "__main__":
    try:
        main()
    except FerrocacheError as error:
        sys.exit(f"{error}\n`make run` starts a node on port 3000; FERROCACHE_URL names another, FERROCACHE_AUTH_TOKEN its token.")
