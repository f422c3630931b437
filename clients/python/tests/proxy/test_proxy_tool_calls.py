"""Answers that ask the caller to run tools, where the proxy is told to keep them: the same calls again, for the same text alone."""

from __future__ import annotations

import json

import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from support.chat import TOOLS
from support.proxy import HIT, MISS, NEAR, PARAPHRASE, QUESTION, ThreadDoor, settings
from support.sdk import KINDS, Sdk
from support.upstream import Reply

pytestmark = pytest.mark.usefixtures("_shared_clients")


@pytest.fixture(scope="module")
def door(node, provider, embedder, tmp_path_factory):
    made = ThreadDoor(tmp_path_factory.mktemp("calls"), settings(node, provider, embedder, "tool_calls = true"))
    yield made
    made.stop()


@pytest.fixture(params=KINDS)
def sdk(request, door, upstream):
    return Sdk(request.param, door.url, request.node.name)


def tools_of(sdk):
    if sdk.name == "responses":
        return [{"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}, "strict": False}]
    return TOOLS[sdk.name]


def told(sdk, answer):
    """What the SDK makes of an answer or of the events of a stream, as plain values."""
    if not isinstance(answer, list):
        return answer.model_dump(exclude_none=True)
    if sdk.name == "openai":
        state = ChatCompletionStreamState()
        for chunk in answer:
            state.handle_chunk(chunk)
        return state.get_final_completion().model_dump(exclude_none=True)
    if sdk.name == "responses":
        made = [event.item for event in answer if event.type == "response.output_item.done"]
        for index, item in enumerate(made):
            deltas = [event.delta for event in answer if event.type.endswith("arguments.delta") and event.output_index == index]
            assert "".join(deltas) == getattr(item, "arguments", "")
        assert answer[-1].response.output == made
        return answer[-1].response.model_dump(exclude_none=True)
    blocks, ending = {}, None
    for event in answer:
        if event.type == "content_block_start":
            blocks[event.index] = event.content_block.model_dump(exclude_none=True)
            assert blocks[event.index].get("input", {}) == {}
        elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            blocks[event.index]["written"] = blocks[event.index].get("written", "") + event.delta.partial_json
        elif event.type == "content_block_delta":
            blocks[event.index]["text"] += event.delta.text
        elif event.type == "message_delta":
            ending = event.delta.stop_reason
    for block in blocks.values():
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["written"])
    return {"content": [blocks[index] for index in sorted(blocks)], "stop_reason": ending}


def calls(sdk, answer):
    """(id, tool, arguments) of each call, and what was said beside."""
    body = told(sdk, answer)
    if sdk.name == "openai":
        message = body["choices"][0]["message"]
        assert body["choices"][0]["finish_reason"] == "tool_calls"
        made = [(one["id"], one["function"]["name"], one["function"]["arguments"]) for one in message["tool_calls"]]
        return made, message.get("content")
    if sdk.name == "responses":
        return [(one["call_id"], one["name"], one["arguments"]) for one in body["output"]], None
    assert body["stop_reason"] == "tool_use"
    made = [(one["id"], one["name"], one["input"]) for one in body["content"] if one["type"] == "tool_use"]
    return made, [one["text"].strip() for one in body["content"] if one["type"] == "text"]


@pytest.mark.parametrize("first", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("then", [False, True], ids=["whole", "stream"])
def test_calls_are_replayed_exactly_in_either_form(sdk, upstream, first, then):
    upstream.answers(tool_call=True, calls=2)
    tools = tools_of(sdk)
    headers, live = sdk.raw(QUESTION, stream=first, tools=tools)
    assert headers["X-Cache"] == MISS
    headers, again = sdk.raw(f" {QUESTION} ", stream=then, tools=tools)
    assert headers["X-Cache"] == HIT
    assert calls(sdk, again) == calls(sdk, live)
    assert len(calls(sdk, live)[0]) == 2
    assert len(upstream.calls) == 1


def test_calls_are_for_the_same_text_alone(sdk, upstream):
    """The arguments of a call are made from the very words; an answer in words serves those who mean the same, tools or not."""
    tools = tools_of(sdk)
    upstream.answers(tool_call=True)
    assert sdk.raw(QUESTION, tools=tools)[0]["X-Cache"] == MISS
    assert sdk.raw(PARAPHRASE, tools=tools)[0]["X-Cache"] == MISS
    assert sdk.raw(PARAPHRASE, tools=tools)[0]["X-Cache"] == HIT
    assert len(upstream.calls) == 2
    upstream.answers()
    said = QUESTION.replace("station", "church")
    assert sdk.ask(said, tools=tools) == (MISS, "answer 3")
    assert sdk.ask(said.replace("shortest", "quickest"), tools=tools) == (NEAR, "answer 3")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("odd", [{"finish": "length"}, {"finish": "max_tokens"}, {"arguments": '{"a":'}])
def test_calls_that_are_not_whole_are_not_stored(door, upstream, request, odd, stream):
    for kind in ("openai", "responses", "anthropic"):
        if kind == "anthropic" and "arguments" in odd:
            continue  # its arguments are no text
        sdk = Sdk(kind, door.url, request.node.name[-80:])
        upstream.answers(tool_call=True, **({"finish": "length"} if kind == "responses" and "finish" in odd else odd))
        before = len(upstream.calls)
        for _ in range(2):
            assert sdk.raw(QUESTION, stream=stream, tools=tools_of(sdk))[0]["X-Cache"] == MISS
        assert len(upstream.calls) == before + 2


def test_the_turn_after_a_call_is_cached_as_any_other(door, upstream, request):
    """What the tool gave is an earlier turn: it must be equal."""
    sdk = Sdk("openai", door.url, request.node.name)
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    upstream.reply = lambda body, number: Reply(f"answer {number}")

    def asked(result):
        messages = [
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": result},
        ]
        create = sdk.client.chat.completions.with_raw_response.create
        return create(model="m", messages=messages, tools=tools_of(sdk)).headers["X-Cache"]

    assert [asked("sunny"), asked("sunny"), asked("rainy")] == [MISS, HIT, MISS]
