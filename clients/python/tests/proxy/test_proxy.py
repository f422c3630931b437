"""The caching proxy: an application changes its base URL, and nothing else. Real SDKs, a real node, a provider made for tests."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import anthropic
import openai
import pytest

from support.door import PATIENCE_SECONDS, plain_http, until
from support.proxy import BYPASS, HIT, MISS, NEAR, PARAPHRASE, QUESTION, Tenant, metrics, settings, started
from support.sdk import KINDS, Sdk
from support.upstream import Reply

pytestmark = pytest.mark.usefixtures("_shared_clients")
OTHER = "what will there be for dinner"


@pytest.fixture(scope="module")
def door(node, provider, embedder, tmp_path_factory):
    made = started(tmp_path_factory.mktemp("proxy"), settings(node, provider, embedder))
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


@pytest.fixture
def tenant(door, request, upstream):
    made = Tenant(door.url, request.node.name)
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def sdk(request, door, upstream):
    return Sdk(request.param, door.url, request.node.name)


# --- what every SDK sees ---


@pytest.mark.parametrize("first", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("then", [False, True], ids=["whole", "stream"])
def test_an_answer_is_served_again_in_either_form(sdk, upstream, first, then):
    assert sdk.ask(QUESTION, stream=first) == (MISS, "answer 1")
    assert sdk.ask(QUESTION, stream=then) == (HIT, "answer 1")
    assert sdk.ask(QUESTION.capitalize().replace(" way", "  WAY "), stream=then) == (HIT, "answer 1")
    assert sdk.ask(PARAPHRASE, stream=then) == (NEAR, "answer 1")
    assert sdk.ask(OTHER, stream=then) == (MISS, "answer 2")
    assert len(upstream.calls) == 2
    assert sdk.client.user_agent == upstream.headers[0]["user-agent"]  # the SDK's own, as it came


def test_a_stream_is_replayed_as_the_api_would_send_it(sdk, upstream):
    upstream.answers(text="Take the first street on the left and then go straight on until you see it.")
    _, live = sdk.raw(QUESTION, stream=True)
    _, again = sdk.raw(QUESTION, stream=True)
    assert sdk.text(live).strip() == sdk.text(again).strip()
    if sdk.name == "openai":
        assert again[0].choices[0].delta.role == "assistant"
        assert [chunk.choices[0].finish_reason for chunk in again][-1] == "stop"
        assert {chunk.object for chunk in again} == {"chat.completion.chunk"}
        _, told = sdk.raw(OTHER, stream=True, stream_options={"include_usage": True})
        _, kept = sdk.raw(OTHER, stream=True, stream_options={"include_usage": True})
        assert kept[-1].usage == told[-1].usage
        assert kept[-1].usage.total_tokens == 18
    elif sdk.name == "responses":
        assert [event.sequence_number for event in again] == list(range(len(again)))
        kinds = [event.type.removeprefix("response.") for event in again]
        assert kinds[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
        assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
        assert again[-1].response.output_text == live[-1].response.output_text
    else:
        kinds = [event.type for event in again]
        assert kinds[0] == "message_start"
        assert kinds[-2:] == ["message_delta", "message_stop"]


ANY_FORM = [{"tool_call": True}, {"finish": "length"}, {"finish": "content_filter"}, {"finish": "refusal"}, {"text": " "}]
OF_STREAMS = [{"cut_stream": True}, {"end_without_finish": True}, {"stream_error": True}]


@pytest.mark.parametrize(
    ("odd", "stream"),
    [(odd, stream) for odd in ANY_FORM for stream in (False, True)] + [(odd, True) for odd in OF_STREAMS],
    ids=lambda given: "-".join(map(str, next(iter(given.items())))) if isinstance(given, dict) else "stream" if given else "whole",
)
def test_what_is_no_good_answer_is_not_stored(door, upstream, request, odd, stream):
    upstream.answers(**odd)
    for kind in ("openai", "responses", "anthropic"):
        sdk = Sdk(kind, door.url, request.node.name[-80:])
        before = len(upstream.calls)
        for _ in range(2):
            try:
                headers, answer = sdk.raw(QUESTION, stream=stream)
                assert headers["X-Cache"] == MISS
                if odd.get("tool_call") and not stream:
                    assert "tool" in str(answer.model_dump_json())
            except Exception as error:  # of the SDK, or of the HTTP library that it brings
                assert odd in OF_STREAMS, error
                assert isinstance(error, (openai.APIError, anthropic.APIError)) or "RemoteProtocol" in type(error).__name__
        assert len(upstream.calls) == before + 2


def test_errors_of_the_provider_are_the_caller_s(sdk, upstream):
    upstream.reply = lambda body, number: Reply(status=429 if number == 1 else 200, text="better")
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError), match="told to fail") as raised:
        sdk.ask(QUESTION)
    assert raised.value.response.headers["X-Cache"] == MISS
    assert sdk.ask(QUESTION) == (MISS, "better")
    assert sdk.ask(QUESTION) == (HIT, "better")


def test_responses_that_need_what_the_provider_keeps_are_not_cached(door, upstream, request):
    sdk = Sdk("responses", door.url, request.node.name)
    for more in ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"background": True}):
        headers, _ = sdk.raw(QUESTION, **more)
        assert headers["X-Cache"] == BYPASS
    assert sdk.ask(QUESTION, instructions="Be brief.") == (MISS, "answer 4")
    assert sdk.ask(QUESTION, instructions="Be long.") == (MISS, "answer 5")
    items = [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]
    arguments = {"model": "m", "instructions": "Be brief."}
    first = sdk.client.responses.with_raw_response.create(input=[{"role": "user", "content": QUESTION}], **arguments)
    assert first.headers["X-Cache"] == HIT  # the same as the text alone
    seen = [sdk.client.responses.with_raw_response.create(input=items, **arguments).headers["X-Cache"] for _ in range(2)]
    assert seen == [MISS, HIT]
    upstream.answers(thinking="thought")
    assert sdk.ask(OTHER, stream=True)[0] == MISS
    headers, events = sdk.raw(OTHER, stream=True)
    assert headers["X-Cache"] == HIT
    assert "".join(event.delta for event in events if event.type == "response.reasoning_summary_text.delta") == "thought"


# --- the key ---


def test_everything_but_the_last_question_must_be_equal(tenant, upstream):
    history = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    assert tenant.said(QUESTION, temperature=0.5, history=history)[0] == MISS
    assert tenant.said(PARAPHRASE, temperature=0.5, history=history)[0] == NEAR
    for other in (
        {"temperature": 0.6, "history": history},
        {"temperature": 0.5},
        {"temperature": 0.5, "history": history, "model": "n"},
        {"temperature": 0.5, "history": history, "system": "You are rude."},
        {"temperature": 0.5, "history": history, "response_format": {"type": "json_object"}},
        {"temperature": 0.5, "history": history, "tools": [{"type": "function", "function": {"name": "f"}}]},
        {"temperature": 0.5, "history": history, "tool_choice": "none"},
        {"temperature": 0.5, "history": history, "made_up_parameter": 1},
    ):
        assert tenant.said(QUESTION, **other)[0] == MISS, other
        assert tenant.said(QUESTION, **other)[0] == HIT, other


def test_order_and_white_space_of_the_json_do_not_matter(tenant, door, upstream):
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"a": 1, "b": 2}}}
    assert tenant.said(QUESTION, response_format=schema, temperature=1)[0] == MISS
    body = json.loads(upstream.headers and json.dumps(upstream.calls[0]))
    turned = json.dumps(dict(reversed(list(body.items()))), indent=3).replace('"a": 1,', "").replace('"b": 2', '"b": 2, "a": 1.0')
    answer = tenant.http.post(door.url + "/v1/chat/completions", content=turned, headers={"Content-Type": "application/json"})
    assert answer.headers["X-Cache"] == HIT


def test_a_long_context_with_another_question_misses(tenant, upstream):
    context = "The contract was made in spring. " * 40
    asked = "When does the contract that we made in spring with the new owner of our old house end?"
    assert tenant.said(f"{context}\n\n{asked}")[0] == MISS
    assert tenant.said(f"{context}\n\n{asked.replace('old', 'former')}")[0] == NEAR
    assert tenant.said(f"{context}\n\nWho has signed it?")[0] == MISS
    assert tenant.said(f"{context}But not this year.\n\n{asked}")[0] == MISS


def test_tenants_policies_and_permissions_are_apart(door, upstream):
    others = [
        {"tenant": "apart-1"},
        {"tenant": "apart-2"},
        {"tenant": "apart-1 "},
        {"tenant": "apart-1", "policy_version": "2"},
        {"tenant": "apart-1", "permissions": ["read", "write"]},
        {"tenant": "apart-1", "permissions": None, "roles": ["admin"]},
        {"tenant": "x" * 500},
    ]
    for number, who in enumerate(others, 1):
        asking = Tenant(door.url, **who)
        assert asking.said(QUESTION) == (MISS, f"answer {number}")
        assert asking.said(QUESTION) == (HIT, f"answer {number}")
        asking.close()
    same = Tenant(door.url, "apart-1", permissions=None, scope="write read")
    assert same.said(QUESTION) == (HIT, "answer 5")
    same.close()


# --- what travels on ---


def test_the_request_reaches_the_provider_as_it_was(tenant, door, upstream):
    body = b'{ "model" : "m", "messages":[{"role":"user","content":"\\u00e9 and more"}], "unknown": {"x": [1e3]} }'
    sent = {"Content-Type": "application/json", "X-Custom": "kept", "Cache-Control": "no-store"}
    answer = tenant.http.post(door.url + "/v1/chat/completions?a=b", content=body, headers=sent)
    assert answer.status_code == 200
    assert upstream.calls[0] == json.loads(body)
    heard = upstream.headers[0]
    assert heard["authorization"] == "Bearer provider-key"
    assert heard["x-custom"] == "kept"
    assert heard["content-length"] == str(len(body))
    assert not {"x-cachecore-token", "x-cachecore-deps", "cache-control"} & set(heard)


def test_embeddings_models_and_token_counts_pass_through(door, upstream, request):
    sdk = Sdk("openai", door.url, request.node.name)
    for number in (1, 2):
        answer = sdk.client.embeddings.with_raw_response.create(model="e", input="four", encoding_format="float")
        assert answer.parse().data[0].embedding == [1.0, 4.0, 0.5]
        assert answer.headers["X-Cache"] == BYPASS
        assert len(upstream.calls) == number
    assert [model.id for model in sdk.client.models.list().data] == ["m"]
    assert upstream.paths[-1] == "/v1/models"


def test_dots_in_a_path_lead_nowhere_else(tenant, door, upstream):
    """Below /v1/models any path was handed on, and `..` followed, with the gateway's own key where it has one."""
    with contextlib.closing(http.client.HTTPConnection(urlsplit(door.url).netloc, timeout=PATIENCE_SECONDS)) as plain:
        for path in ("/v1/models/../files", "/v1/models/%2e%2e/files", "/v1/models/a/%2E%2E/%2e./files", "/v1/models/./a",
                     "/openai/v1/models/../files", "/openai/models/..%2F..%2Ffiles"):  # fmt: skip
            plain.request("GET", path, headers={"X-Cachecore-Token": tenant.token})
            answer = plain.getresponse()
            assert (answer.status, json.loads(answer.read())["error"]["code"]) == (404, "not_found"), path
        assert upstream.paths == []
        plain.request("GET", "/v1/models/ft:m%3Fx%23y%20..z", headers={"X-Cachecore-Token": tenant.token})
        assert plain.getresponse().read()
    assert upstream.paths == ["/v1/models/ft:m%3Fx%23y%20..z"]


def test_other_routes_say_that_they_are_not_there(tenant, door):
    answer = tenant.http.post(door.url + "/v1/audio/speech", json={})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


# --- controls ---


def test_cache_control(tenant, upstream):
    def with_header(value, **more):
        return tenant.ask(QUESTION, headers={"Cache-Control": value}, **more)

    refused = with_header("only-if-cached")
    assert (refused.status_code, refused.json()["error"]["code"]) == (504, "not_cached")
    assert upstream.calls == []
    assert with_header("no-store").headers["X-Cache"] == MISS
    assert tenant.said(QUESTION) == (MISS, "answer 2")  # nothing was stored
    assert with_header("only-if-cached").headers["X-Cache"] == HIT
    assert with_header("no-store").headers["X-Cache"] == HIT
    answer = with_header("No-Cache")
    assert (answer.headers["X-Cache"], answer.headers["Cache-Status"]) == (MISS, "FerroCache; fwd=request; stored")
    assert tenant.said(QUESTION) == (HIT, "answer 3")  # the new one
    assert with_header("max-age=3000").headers["X-Cache"] == HIT
    assert with_header("no-cache, no-store").headers["X-Cache"] == BYPASS
    assert tenant.said(QUESTION) == (HIT, "answer 3")


def test_the_field_cache_of_the_body(tenant, upstream):
    assert tenant.said(QUESTION, cache={"no-store": True})[0] == MISS
    assert tenant.said(QUESTION, cache={"namespace": "a", "ttl": 10_000})[0] == MISS
    assert all("cache" not in call for call in upstream.calls)
    assert tenant.said(QUESTION, cache={"namespace": "a"}) == (HIT, "answer 2")
    told = tenant.ask(QUESTION, cache={"namespace": "a"}).headers["Cache-Status"]
    assert int(told.partition("ttl=")[2]) <= 10_000
    assert tenant.said(QUESTION, cache={"namespace": "b"})[0] == MISS
    assert tenant.said(QUESTION)[0] == MISS
    assert tenant.said(QUESTION, cache={"no-cache": True})[0] == MISS
    for wrong in ({"ttl": 0}, {"ttl": "1"}, {"no-cache": 1}, {"namespace": 5}, {"s-maxage": 5}):
        answer = tenant.ask(QUESTION, cache=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_cache_control")
    calls = len(upstream.calls)
    assert tenant.said(QUESTION, cache="theirs")[0] == MISS  # some provider's own field
    assert upstream.calls[calls]["cache"] == "theirs"


def test_headers_tell_where_an_answer_came_from(tenant, upstream):
    answer = tenant.ask(QUESTION, headers={"X-Request-Id": "abc"})
    assert [answer.headers[name] for name in ("X-Cache", "X-Cache-Similarity", "X-Cache-Age")] == [MISS, "0.00", "0"]
    assert answer.headers["Cache-Status"] == "FerroCache; fwd=miss; stored"
    assert "Age" not in answer.headers
    assert answer.headers["X-Request-Id"] == "abc"
    answer = tenant.ask(QUESTION)
    assert [answer.headers[name] for name in ("X-Cache", "X-Cache-Similarity")] == [HIT, "1.00"]
    assert answer.headers["Age"] == answer.headers["X-Cache-Age"]
    assert answer.headers["Cache-Status"].startswith("FerroCache; hit; ttl=")
    answer = tenant.ask(PARAPHRASE)
    assert [answer.headers[name] for name in ("X-Cache", "X-Cache-Similarity")] == [NEAR, "0.94"]
    assert answer.headers["Cache-Status"].endswith('; detail="similarity 0.94"')


# --- many at once ---


def test_one_call_answers_all_who_ask_the_same_meanwhile(tenant, door, upstream, request):
    gate = threading.Event()

    def slow(body, number):
        gate.wait(PATIENCE_SECONDS)
        return Reply(f"answer {number}")

    upstream.reply = slow
    asked = [QUESTION, QUESTION, PARAPHRASE, QUESTION, PARAPHRASE]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [pool.submit(tenant.said, question) for question in asked[:1]]
        until(lambda: upstream.calls)
        answers += [pool.submit(tenant.said, question) for question in asked[1:]]
        until(lambda: f"ferrocache_gateway_proxy_waiting {len(asked)}.0" in metrics(door))
        gate.set()
        assert {answer.result(PATIENCE_SECONDS)[1] for answer in answers} == {"answer 1"}
    assert len(upstream.calls) == 1


def test_a_stream_comes_as_it_is_made(door, upstream, request):
    """The provider holds the second half back until the first has arrived here."""
    upstream.hold = threading.Event()
    upstream.answers(text="one two three four five six")
    sdk = Sdk("openai", door.url, request.node.name)
    stream = sdk.client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}], stream=True)
    said = ""
    for chunk in stream:
        said += chunk.choices[0].delta.content or ""
        if "one" in said:
            upstream.hold.set()
    assert said.split() == ["one", "two", "three", "four", "five", "six"]


def test_if_the_first_call_fails_another_is_made(tenant, door, upstream, request):
    gate = threading.Event()

    def reply(body, number):
        gate.wait(PATIENCE_SECONDS)
        return Reply(status=500) if number == 1 else Reply(f"answer {number}")

    upstream.reply = reply
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(tenant.ask, QUESTION)
        until(lambda: upstream.calls)
        second = pool.submit(tenant.ask, QUESTION)
        until(lambda: "ferrocache_gateway_proxy_waiting 2.0" in metrics(door))
        gate.set()
        assert first.result(PATIENCE_SECONDS).status_code == 500
        assert second.result(PATIENCE_SECONDS).status_code == 200
    assert len(upstream.calls) == 2
    assert f'takeovers_total{{model="m",tenant="{request.node.name}"}} 1.0' in metrics(door)


def test_an_answer_that_nobody_waits_for_is_neither_made_nor_stored(tenant, door, upstream):
    upstream.hold = threading.Event()
    body = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with (
        plain_http(headers=dict(tenant.http.headers)) as http,
        http.stream("POST", door.url + "/v1/chat/completions", json=body) as answer,
    ):
        next(answer.iter_bytes())
    until(lambda: "ferrocache_gateway_requests_in_flight 0.0" in metrics(door))
    upstream.hold.set()
    assert tenant.said(QUESTION) == (MISS, "answer 2")
