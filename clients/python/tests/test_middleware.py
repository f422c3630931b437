"""The wrappers with real SDKs, real embeddings and a real node: hits, and the mistakes that a cache must not make."""

from __future__ import annotations

import inspect

import anthropic
import openai
import pytest

from support.chat import KINDS, TOOLS
from support.upstream import Reply

QUESTION = "How do I reset my password?"
PARAPHRASE = "How can I reset my password?"
OTHER = "Where is my parcel right now?"


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def chat(chats, kind):
    return chats(kind)


# --- hits ---


def test_same_and_paraphrased_questions_hit_other_questions_miss(chat, upstream):
    first = chat.ask(QUESTION)
    assert (first.text, first.hit) == ("answer 1", False)
    same = chat.ask(QUESTION)
    assert (same.text, same.hit, same.similarity) == ("answer 1", True, 1.0)
    near = chat.ask(PARAPHRASE)
    assert (near.text, near.hit) == ("answer 1", True)
    assert 0.92 <= near.similarity < 1.0
    assert chat.ask(OTHER).hit is False
    assert len(upstream.calls) == 2


def test_a_hit_is_the_sdk_s_own_answer(chat):
    before, after = chat.ask(QUESTION).raw, chat.ask(QUESTION).raw
    expected = openai.types.chat.ChatCompletion if chat.sdk == "openai" else anthropic.types.Message
    assert type(after) is type(before) is expected
    assert after.model_dump() == before.model_dump()
    assert after.to_json() == before.to_json()
    assert type(after.usage) is type(before.usage)
    assert "_ferrocache" not in after.to_json()


def test_a_hit_on_a_stream_is_the_sdk_s_own_stream(chat):
    chat.ask(QUESTION, stream=True)
    said = chat.ask(QUESTION, stream=True)
    module = openai if chat.sdk == "openai" else anthropic
    assert type(said.stream) is (module.AsyncStream if chat.is_async else module.Stream)
    assert said.hit is True
    assert said.similarity == 1.0
    if chat.sdk == "openai":
        assert {type(event) for event in said.raw} == {openai.types.chat.ChatCompletionChunk}
        assert said.raw[0].choices[0].delta.role == "assistant"
        assert [event.choices[0].finish_reason for event in said.raw][-1] == "stop"
    else:
        kinds = [event.type for event in said.raw]
        assert kinds[0] == "message_start"
        assert kinds[-2:] == ["message_delta", "message_stop"]
        assert said.raw[-2].delta.stop_reason == "end_turn"
        assert said.raw[-2].usage.output_tokens == 8


def test_long_answers_come_in_pieces_and_whole(chat, upstream):
    text = "  Ein langer Text, mit Umlauten: äöü. \n\n" * 30 + "x" * 100
    upstream.answers(text=text)
    assert chat.ask(QUESTION).text == text
    streamed = chat.ask(QUESTION, stream=True)
    assert streamed.hit is True
    assert streamed.text == text
    assert len(streamed.raw) > 20


def test_a_stream_s_answer_reaches_the_caller_while_it_is_made(chat, upstream):
    import threading

    upstream.hold = threading.Event()
    stream = chat.run(chat.create, **chat.arguments(QUESTION, stream=True))
    first = chat.next(stream)  # the upstream has sent one half and waits
    upstream.hold.set()
    assert first is not None
    chat.drain(stream)
    assert chat.ask(QUESTION).hit is True


# --- the mistakes that others make ---


def test_another_system_prompt_is_another_question(chat, upstream):
    assert chat.ask(QUESTION, system="Answer in English.").hit is False
    assert chat.ask(QUESTION, system="Answer in German.").hit is False
    assert chat.ask(QUESTION, system=None).hit is False
    assert chat.ask(QUESTION, system="Answer in English.").text == "answer 1"
    assert len(upstream.calls) == 3


def test_other_earlier_turns_are_another_question(chat, upstream):
    of_cats = [("user", "Let us talk about cats."), ("assistant", "Gladly.")]
    of_dogs = [("user", "Let us talk about dogs."), ("assistant", "Gladly.")]
    follow_up, paraphrase = "How long do they live?", "How long do they usually live?"
    assert chat.ask(follow_up, history=of_cats).hit is False
    assert chat.ask(follow_up, history=of_dogs).hit is False
    assert chat.ask(follow_up).hit is False
    assert chat.ask(follow_up, history=[of_cats[0], ("assistant", "No.")]).hit is False
    assert (chat.ask(paraphrase, history=of_cats).hit, chat.ask(follow_up, history=of_cats).text) == (True, "answer 1")
    assert len(upstream.calls) == 4


def test_other_tools_and_settings_are_another_question(chat, upstream):
    """Each of these asks the model for something else; each alone must miss, and hit when it is asked again."""
    tools = TOOLS[chat.sdk]
    others = [{**tools[0]}]
    if chat.sdk == "openai":
        others[0]["function"] = {**tools[0]["function"], "description": "of people"}
        variants = [
            {}, {"tools": tools}, {"tools": others}, {"tools": tools, "tool_choice": "none"},
            {"response_format": {"type": "json_object"}}, {"temperature": 0.7}, {"temperature": 0}, {"top_p": 0.5},
            {"seed": 7}, {"stop": ["x"]}, {"max_tokens": 5}, {"model": "m2"}, {"frequency_penalty": 1},
            {"reasoning_effort": "low"}, {"extra_body": {"guided_choice": ["a"]}},
        ]  # fmt: skip
    else:
        others[0]["description"] = "of people"
        variants = [
            {}, {"tools": tools}, {"tools": others}, {"tools": tools, "tool_choice": {"type": "none"}},
            {"extra_body": {"temperature": 0.7}}, {"extra_body": {"temperature": 0}}, {"stop_sequences": ["x"]},
            {"max_tokens": 5}, {"model": "m2"}, {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"extra_headers": {"anthropic-beta": "x"}},
        ]  # fmt: skip
    for variant in variants:
        assert chat.ask(QUESTION, **variant).hit is False, variant
    assert len(upstream.calls) == len(variants)
    for number, variant in enumerate(variants, 1):
        said = chat.ask(PARAPHRASE, **variant)
        assert (said.hit, said.text) == (True, f"answer {number}"), variant


def test_what_changes_no_answer_is_no_other_question(chat):
    chat.ask(QUESTION)
    none = openai.NOT_GIVEN if chat.sdk == "openai" else anthropic.NOT_GIVEN
    if chat.sdk == "openai":
        variants = [{"user": "u1"}, {"metadata": {"a": "b"}}, {"timeout": 7}, {"temperature": none}, {"stream": False}]
    else:
        variants = [{"metadata": {"user_id": "u1"}}, {"timeout": 7}, {"thinking": none}, {"stream": False}]
    for variant in variants:
        assert chat.ask(QUESTION, **variant).hit is True, variant


@pytest.mark.parametrize("first", [True, False])
def test_a_stream_is_never_served_as_a_whole_nor_a_whole_as_a_stream(chat, first):
    before = chat.ask(QUESTION, stream=first)
    after = chat.ask(QUESTION, stream=not first)
    assert after.hit is True
    assert after.text.strip() == before.text.strip() == "answer 1"
    if first:
        assert after.stream is None
        whole = openai.types.chat.ChatCompletion if chat.sdk == "openai" else anthropic.types.Message
        assert type(after.raw) is whole
    else:
        assert len(after.raw) >= 3


BAD = {
    "truncated": {"openai": {"finish": "length"}, "anthropic": {"finish": "max_tokens"}},
    "filtered": {"openai": {"finish": "content_filter"}, "anthropic": {"finish": "refusal"}},
    "tool call": {"openai": {"tool_call": True}, "anthropic": {"tool_call": True}},
    "words and a tool call": {"openai": {"finish": "tool_calls"}, "anthropic": {"finish": "tool_use"}},
    "refusal": {"openai": {"refusal": "I may not."}, "anthropic": {"finish": "refusal"}},
    "empty": {"openai": {"text": ""}, "anthropic": {"text": ""}},
    "blank": {"openai": {"text": " \n"}, "anthropic": {"text": " \n"}},
    "paused": {"openai": {"finish": "length"}, "anthropic": {"finish": "pause_turn"}},
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("what", BAD)
def test_an_answer_that_is_none_is_not_stored(chat, upstream, what, stream):
    upstream.answers(**BAD[what][chat.sdk])
    assert chat.ask_raw(QUESTION, stream=stream) is False
    assert chat.ask_raw(QUESTION, stream=stream) is False
    assert len(upstream.calls) == 2
    upstream.answers(text="good")
    assert chat.ask(QUESTION).text == "good"
    assert chat.ask(QUESTION).hit is True


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_a_failed_answer_is_raised_as_ever_and_not_stored(chat, upstream, status):
    module = openai if chat.sdk == "openai" else anthropic
    upstream.answers(status=status)
    with pytest.raises(module.APIStatusError) as raised:
        chat.ask(QUESTION)
    assert raised.value.status_code == status
    upstream.answers(text="good")
    assert chat.ask(QUESTION).hit is False
    assert chat.ask(QUESTION).hit is True


@pytest.mark.parametrize("how", ["cut_stream", "stream_error", "end_without_finish"])
def test_a_stream_that_fails_midway_is_not_stored(chat, upstream, how):
    module = openai if chat.sdk == "openai" else anthropic
    upstream.answers(text="one two three four", **{how: True})
    stream = chat.run(chat.create, **chat.arguments(QUESTION, stream=True))
    if how == "end_without_finish":
        chat.drain(stream)
    else:
        with pytest.raises(Exception) as raised:
            chat.drain(stream)
        if how == "stream_error":
            assert isinstance(raised.value, module.APIError)
        else:
            assert isinstance(raised.value, module.APIError) or type(raised.value).__name__ == "RemoteProtocolError"
    upstream.answers(text="good")
    assert chat.ask(QUESTION).hit is False


@pytest.mark.parametrize("how", ["closed", "left", "dropped"])
def test_a_stream_that_the_caller_leaves_is_not_stored(chat, upstream, how):
    upstream.answers(text="one two three four five six")
    stream = chat.run(chat.create, **chat.arguments(QUESTION, stream=True))
    assert stream._ferrocache_hit is False
    chat.next(stream)
    if how == "closed":
        chat.run(stream.close)
    elif how == "left":

        async def leave():
            async with stream:
                pass

        if chat.is_async:
            chat.run(leave)
        else:
            with stream:
                pass
    else:
        if chat.is_async:
            chat.run(stream.close)
        del stream
    assert chat.ask(QUESTION).hit is False


def test_a_long_shared_context_with_another_question_misses(chat, upstream):
    """Two questions about one document look the same to an embedding; a paraphrase of one of them must still hit."""
    document = " ".join(f"Paragraph {n}: the shop keeps its promise about parcels, refunds and opening hours." for n in range(60))
    ask = f"Answer from this document.\n\n{document}\n\n"
    assert chat.ask(ask + "When does the shop open on Sundays?").hit is False
    assert chat.ask(ask + "How do I get my money back?").hit is False
    assert chat.ask(ask + "At what time does the shop open on Sundays?").text == "answer 1"
    assert chat.ask(ask + "How can I get my money back?").text == "answer 2"
    assert chat.ask(ask.replace("promise", "word") + "When does the shop open on Sundays?").hit is False
    assert len(upstream.calls) == 3


def test_numbers_in_a_question_must_be_equal(chats, kind):
    chat = chats(kind, threshold=0.5)
    chat.ask("What is the status of order 1718?")
    assert chat.ask("What is the status of order 1781?").hit is False
    assert chat.ask("What's the status of order 1718?").hit is True
    loose = chats(kind, cache_scope="loose" + kind, threshold=0.5, numbers_exact=False)
    loose.ask("What is the status of order 1718?")
    assert loose.ask("What is the status of order 1781?").hit is True


# --- whose answers ---


def test_tenants_never_meet(chats, kind):
    acme, other, nobody = (chats(kind, cache_scope=scope) for scope in (f"acme-{kind}", f"other-{kind}", None))
    assert acme.ask(QUESTION).hit is False
    assert other.ask(QUESTION).hit is False
    assert acme.ask(QUESTION).text == "answer 1"
    assert other.ask(QUESTION).text == "answer 2"
    nobody.ask(QUESTION, system=kind)
    assert nobody.ask(QUESTION, system=kind).hit is True
    assert acme.ask(QUESTION, system=kind).hit is False


def test_conversations_see_their_own_answers_first_and_then_the_common_ones(chats, kind):
    common, seven, eight = (chats(kind, cache_scope=f"talk-{kind}", conversation_id=name) for name in (None, "7", "8"))
    common.ask(QUESTION)
    assert seven.ask(QUESTION).hit is True
    seven.ask(OTHER)
    assert seven.ask(OTHER).hit is True
    assert eight.ask(OTHER).hit is False


# --- answers that are more than a text ---


def test_what_belongs_to_an_answer_comes_back_with_it(chat, upstream):
    upstream.answers(text="so it is", thinking="let me see", logprobs=True)
    extra = {"logprobs": True} if chat.sdk == "openai" else {}
    before, after = chat.ask(QUESTION, **extra), chat.ask(QUESTION, **extra)
    assert after.hit is True
    assert after.raw.model_dump() == before.raw.model_dump()
    streamed = chat.ask(QUESTION, stream=True, **extra)
    assert (streamed.hit, streamed.text) == (True, "so it is")
    if chat.sdk == "openai":
        assert after.raw.choices[0].logprobs.content[0].token == "an"
        assert streamed.raw[0].choices[0].delta.reasoning_content == "let me see"
        assert streamed.raw[1].choices[0].logprobs.content[0].token == "an"
    else:
        thought = [e.delta for e in streamed.raw if e.type == "content_block_delta" and e.delta.type != "text_delta"]
        assert (thought[0].thinking, thought[1].signature) == ("let me see", "c2ln")


def test_what_belongs_to_a_stream_is_kept_too(chat, upstream):
    upstream.answers(text="so it is", thinking="let me see", logprobs=True)
    chat.ask(QUESTION, stream=True)
    after = chat.ask(QUESTION)
    assert after.hit is True
    assert after.text.strip() == "so it is"
    if chat.sdk == "openai":
        assert after.raw.choices[0].message.reasoning_content == "let me see"
        assert len(after.raw.choices[0].logprobs.content) == 3
    else:
        assert (after.raw.content[0].thinking, after.raw.content[0].signature) == ("let me see", "c2ln")


@pytest.mark.parametrize("flavour", ["openai", "openai-async"])
def test_several_choices(chats, upstream, flavour):
    chat = chats(flavour)
    upstream.answers(choices=3)
    chat.ask(QUESTION, n=3)
    after = chat.ask(QUESTION, n=3)
    assert after.hit is True
    assert len(after.raw.choices) == 3
    assert chat.ask(QUESTION).hit is False


@pytest.mark.parametrize("flavour", ["openai", "openai-async"])
def test_usage_at_the_end_of_a_stream_comes_when_asked_for(chats, flavour):
    chat = chats(flavour)
    options = {"include_usage": True}
    chat.ask(QUESTION, stream=True, stream_options=options)
    with_usage = chat.ask(QUESTION, stream=True, stream_options=options)
    assert with_usage.raw[-1].usage.total_tokens == 18
    assert with_usage.raw[-1].choices == []
    assert all(event.usage is None for event in chat.ask(QUESTION, stream=True).raw)


def test_pictures_are_compared_exactly(chat):
    def question(picture, text=QUESTION):
        if chat.sdk == "openai":
            image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
        else:
            image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}
        return [{"type": "text", "text": text}, image]

    chat.ask(question("AAAA"))
    assert chat.ask(question("BBBB")).hit is False
    assert chat.ask(question("AAAA", PARAPHRASE)).hit is True
    assert chat.ask(QUESTION).hit is False
    assert chat.ask(question("AAAA")[1:]).hit is False  # no words: nothing to compare, never cached
    assert chat.ask(question("AAAA")[1:]).hit is False


def test_what_follows_the_user_s_turn_must_be_equal(chat):
    if chat.sdk == "openai":
        call = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "t", "arguments": "{}"}}]}
        after = [call, {"role": "tool", "tool_call_id": "1", "content": "RESULT"}]
    else:
        after = [{"role": "assistant", "content": "RESULT"}]

    def ask(result):
        arguments = chat.arguments(QUESTION)
        arguments["messages"] += [
            {**message, "content": result} if message.get("content") == "RESULT" else message for message in after
        ]
        return chat.run(chat.create, **arguments)._ferrocache_hit

    assert [ask("sunny"), ask("rainy"), ask("sunny")] == [False, False, True]


def test_an_entry_of_another_client_is_read_as_a_text(chat, client, upstream):
    """What was stored by plain insert calls into the wrapper's namespace, without any attributes."""
    chat.ask(QUESTION)
    (namespace,) = [found for found in client.iter_namespaces() if found.get("cache_scope") == chat.scope]
    client.insert([0.0] * 383 + [1.0], "by hand", "what is by hand", namespace["model_id"], cache_scope=chat.scope)
    said = chat.ask("What is  BY hand")
    assert (said.text, said.hit, said.similarity) == ("by hand", True, 1.0)
    assert chat.ask("what is by hand", stream=True).text == "by hand"


def test_a_broken_entry_is_a_miss(chat, client):
    chat.ask(QUESTION)
    (namespace,) = [found for found in client.iter_namespaces() if found.get("cache_scope") == chat.scope]
    kind_of_entry = "openai.chat.completion" if chat.sdk == "openai" else "anthropic.message"
    for number, broken in enumerate(("{not json", "[]", "{}", "3")):
        client.insert(
            [0.0] * 383 + [1.0], broken, f"broken {'x' * number}", namespace["model_id"], cache_scope=chat.scope,
            attributes={"ferrocache.format": kind_of_entry},
        )  # fmt: skip
        assert chat.ask(f"broken {'x' * number}").hit is False


def test_entries_carry_cost_tags_and_life(chats, kind, client):
    chat = chats(kind, ttl_seconds=50, tags=["faq", "v2"])
    chat.ask(QUESTION)
    told = client.invalidate_matching(tags=["faq"], cache_scope=chat.scope, dry_run=True)
    entry = client.get_entry(told["uuids"][0])
    assert entry["cost"] == (18 if chat.sdk == "openai" else 20)
    assert entry["tags"] == ["faq", "v2"]
    assert entry["expires_at"] - entry["inserted_at"] == 50
    assert entry["query_text"] == QUESTION
    assert entry["response"] == "answer 1"


# --- the rest of the client ---


def test_everything_else_is_the_client_s_own(chat, upstream):
    kind_of_client = type(chat.inner)
    assert isinstance(chat.client, kind_of_client)
    assert chat.client.api_key == "key"
    chat.client.timeout = 33
    assert chat.inner.timeout == 33
    chat.inner.timeout = 10
    assert inspect.signature(chat.create) == inspect.signature(chat.create._ferrocache_flow.create)
    assert inspect.iscoroutinefunction(chat.create) is chat.is_async
    assert "chat" in dir(chat.client) or "messages" in dir(chat.client)
    copy = chat.client.with_options(timeout=5)
    assert copy.timeout == 5
    owner = copy.chat.completions if chat.sdk == "openai" else copy.messages
    chat.ask(QUESTION)
    answer = chat.run(owner.create, **chat.arguments(QUESTION))
    assert answer._ferrocache_hit is True
    raw = chat.client.chat.completions if chat.sdk == "openai" else chat.client.messages
    response = chat.run(raw.with_raw_response.create, **chat.arguments(QUESTION))
    assert response.status_code == 200
    assert len(upstream.calls) == 2
    if chat.sdk == "openai":
        assert chat.client.chat is not None
        assert len(chat.run(chat.client.embeddings.create, model="e", input="x").data) == 1


def test_the_arguments_reach_the_upstream_unchanged(chat, upstream):
    arguments = chat.arguments(QUESTION, history=[("user", "a"), ("assistant", "b")], max_tokens=9)
    chat.run(chat.create, **{**arguments, "messages": iter(arguments["messages"])})
    assert upstream.calls[0] == arguments


def test_a_request_without_words_goes_straight_to_the_model(chat, upstream):
    for _ in range(2):
        answer = chat.run(chat.create, **{**chat.arguments("x"), "messages": [{"role": "assistant", "content": "x"}]})
        assert answer._ferrocache_hit is False
    assert len(upstream.calls) == 2


def test_an_argument_that_cannot_be_hashed_goes_straight_to_the_model(chat, upstream):
    for _ in range(2):
        assert chat.ask(QUESTION, extra_query={"x": float("inf")}).hit is False
    assert len(upstream.calls) == 2


def test_pydantic_messages(chats, upstream):
    chat = chats("openai")
    earlier = chat.ask(QUESTION).raw.choices[0].message
    messages = [{"role": "user", "content": QUESTION}, earlier, {"role": "user", "content": "And then?"}]
    as_dict = {"role": "assistant", "content": earlier.content}
    for given, hit in ((messages, False), ([messages[0], as_dict, messages[2]], True)):
        assert chat.create(model="m", messages=given)._ferrocache_hit is hit


def test_threads_share_a_wrapped_client(chats, upstream):
    from concurrent.futures import ThreadPoolExecutor

    for kind in ("openai", "anthropic"):
        chat = chats(kind, cache_scope=f"threads-{kind}")
        upstream.reply = lambda body, number: Reply(f"to {body['messages'][-1]['content']}")
        words = ["cat", "airport", "sonata", "tax return", "glacier", "bakery"]
        questions = [f"What is a {word}?" for word in words] * 8
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(chat.ask, questions))
        assert [answer.text for answer in answers] == [f"to {question}" for question in questions]
        assert all(chat.ask(question).hit for question in questions)


async def test_tasks_share_a_wrapped_client(node, upstream):
    import asyncio

    from ferrocache.middleware import wrap_openai

    upstream.reply = lambda body, number: Reply(f"to {body['messages'][-1]['content']}")
    inner = openai.AsyncOpenAI(base_url=upstream.url + "/v1", api_key="k")
    async with wrap_openai(inner, cache_url=node.url, cache_scope="tasks", timeout=60.0) as client:

        async def ask(text):
            answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
            return answer.choices[0].message.content

        questions = [f"What is a {word}?" for word in ("cat", "airport", "sonata", "glacier")] * 10
        assert await asyncio.gather(*map(ask, questions)) == [f"to {question}" for question in questions]


def test_what_can_never_work_is_refused_at_once():
    """Not at the first question, where a cache that fails open would hide it."""
    from ferrocache.middleware import wrap_openai

    class Embeddings:  # of LangChain
        def embed_query(self, text):
            return [1.0]

    client = openai.OpenAI(api_key="k")
    with pytest.raises(TypeError, match="give its embed_query"):
        wrap_openai(client, embed_fn=Embeddings(), model_id="m")
    with pytest.raises(TypeError, match="a function of a text"):
        wrap_openai(client, embed_fn=[1.0], model_id="m")
    with pytest.raises(TypeError, match=r"OpenAI\(\)"):
        wrap_openai(openai.OpenAI, embed_fn=lambda text: [1.0], model_id="m")
    client.close()
