"""A program for OpenAI's SDK, and the one line that caches it.

    python examples/openai_drop_in.py

Plain calls and streams work as before; what must not be confused (the system prompt, earlier turns, tools, settings) is not.
"""

from openai import OpenAI
from stub_upstream import client_options, upstream

from ferrocache.middleware import wrap_openai

SYSTEM = {"role": "system", "content": "You answer for the help desk of a shop."}


def main():
    with upstream() as stub:
        client = OpenAI(**client_options(stub))
        client = wrap_openai(client, cache_scope="drop-in-example", ttl_seconds=600)  # the one line

        def ask(question, system=SYSTEM, **more):
            answer = client.chat.completions.create(
                model="gpt-4o-mini", messages=[system, {"role": "user", "content": question}], **more
            )
            if more.get("stream"):
                text = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
            else:
                text = answer.choices[0].message.content
            outcome = {True: "hit ", False: "miss", None: "no cache"}[answer._ferrocache_hit]  # None: the log says why
            print(f"{outcome}  {question}  ->  {text.strip()}")

        ask("How do I reset my password?")
        ask("How can I reset my password?")
        ask("How can I reset my password?", stream=True)
        ask("How do I reset my password?", system={"role": "system", "content": "Answer in verse."})
        ask("How do I reset my password?", temperature=0.9)
        if stub.calls is not None:
            print(f"5 questions, {stub.calls} calls to the model")
        client.close()


if __name__ == "__main__":
    main()
