"""One face for the SDKs of the providers, each as its maker made it, pointed at a door."""

from __future__ import annotations

import inspect

from support.chat import shared_client
from support.door import PATIENCE_SECONDS
from support.proxy import token

KINDS = ["openai", "openai-async", "responses", "responses-async", "anthropic", "anthropic-async"]


class Sdk:
    """One SDK of one kind, which sends a tenant's token where a provider's key belongs or beside it."""

    def __init__(self, kind, url, tenant):
        self.name, _, flavour = kind.partition("-")
        base = "anthropic" if self.name == "anthropic" else "openai"
        self.loop, shared = shared_client(f"{base}-{flavour}" if flavour else base)
        self.client = shared.with_options(
            base_url=url if self.name == "anthropic" else url + "/v1",
            api_key="provider-key",
            default_headers={"X-Cachecore-Token": token(tenant)},
            max_retries=0,
            timeout=PATIENCE_SECONDS,
        )

    def run(self, result):
        return self.loop.run_until_complete(result) if self.loop else result

    def raw(self, question, **more):
        """(headers, the SDK's answer or the list of a stream's events)"""
        messages = [{"role": "user", "content": question}]
        if self.name == "openai":
            owner, arguments = self.client.chat.completions, {"model": "m", "messages": messages}
        elif self.name == "responses":
            owner, arguments = self.client.responses, {"model": "m", "input": question}
        else:
            owner, arguments = self.client.messages, {"model": "m", "messages": messages, "max_tokens": 100}
        answer = self.run(owner.with_raw_response.create(**arguments, **more))
        parsed = answer.parse()
        if inspect.isawaitable(parsed):
            parsed = self.run(parsed)
        return answer.headers, self.drained(parsed) if more.get("stream") else parsed

    def drained(self, stream):
        if self.loop is None:
            return list(stream)

        async def drain():
            return [event async for event in stream]

        return self.run(drain())

    def text(self, answer):
        if self.name == "responses":
            if not isinstance(answer, list):
                return answer.output_text
            return "".join(event.delta for event in answer if event.type == "response.output_text.delta")
        if isinstance(answer, list):
            if self.name == "openai":
                return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
            return "".join(event.delta.text for event in answer if event.type == "content_block_delta")
        return answer.choices[0].message.content if self.name == "openai" else answer.content[0].text

    def ask(self, question, **more):
        headers, answer = self.raw(question, **more)
        return headers["X-Cache"], self.text(answer).strip()
