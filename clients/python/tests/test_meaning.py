"""Which part of a turn is compared by meaning. Real embeddings decide whether the rules are good."""

from __future__ import annotations

import json
import struct

import pytest

from ferrocache._key import Key, NotCacheable, digest_of, key_of, model_id_with, plain
from ferrocache._meaning import Turn, split_turn
from ferrocache.embeddings import LocalMiniLm
from support.node import TREE

DOCUMENT = "\n\n".join(
    f"Section {n}. The shop opens at nine, closes at five, and sends parcels by bicycle. Returns are free." for n in range(20)
)


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "I sent the item back. When do I get my money?",
        "Summarize War and Peace",
        "hello",
        "I would like to know, if that is at all possible on a public holiday, whether the shop in the city centre opens at nine",
    ],
)
def test_a_question_alone_is_compared_by_meaning_as_a_whole(text):
    assert split_turn(text) == Turn(text, "")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (f"{DOCUMENT}\n\nWhen does the shop open?", "When does the shop open?"),
        (f"When does the shop open?\n\n{DOCUMENT}", "When does the shop open?"),
        (f"{DOCUMENT}\n\nSummarize the text above.", "Summarize the text above."),
        (f"Summarize this text:\n\n{DOCUMENT}", "Summarize this text:"),
        (f"Context:\n{DOCUMENT}\n\nQuestion: When does it open?\nAnswer:", "When does it open?"),
        (f"Context: {DOCUMENT}\n\n## User question:\nWhen does it open?\n\nHelpful Answer:", "When does it open?"),
        (f"<context>{DOCUMENT}</context>\n<question>\nWhen does it open?\n</question>", "When does it open?"),
        (f"Q: a?\nA: b\n\n{DOCUMENT}\n\nQ: When does it open?\nA:", "When does it open?"),
        ("Context: it opens at nine and closes at five.\nQuestion: when does it open?", "when does it open?"),
        (DOCUMENT.replace("\n\n", " ") + " When does it open?", "When does it open?"),
        ("it opens at nine " * 50 + "When does it open?", "When does it open?"),
        ("The shop opens at nine and closes at five on every day of the week but Sunday. When does the shop open?",
         "When does the shop open?"),
        (DOCUMENT.replace("\n\n", "\n") + "\nBased on the context above, when does it open?",
         "Based on the context above, when does it open?"),
        ("def f():\n    return 1\n\n" * 20 + "Why does this not compile?", "Why does this not compile?"),
    ],
)  # fmt: skip
def test_the_question_is_taken_out_of_what_it_is_about(text, question):
    turn = split_turn(text)
    assert turn.question == question
    assert question not in turn.material
    other = split_turn(text.replace("nine", "ten").replace("return 1", "return 2"))
    assert other.question == question
    assert other.material != turn.material


@pytest.mark.parametrize("text", [DOCUMENT, DOCUMENT.replace("\n\n", " "), "x" * 301, f"{DOCUMENT}\n\n{'really ' * 100}?"])
def test_a_long_text_without_a_question_is_found_by_itself_alone(text):
    assert split_turn(text) == Turn(None, text)


def test_where_the_question_stands_is_part_of_the_material():
    assert split_turn(f"{DOCUMENT}\n\nWhen?").material != split_turn(f"When?\n\n{DOCUMENT}").material


def cosine(a, b) -> float:
    return sum(x * y for x, y in zip(a, b))


def test_the_local_model_gives_the_vectors_of_the_sample():
    """samples/questions.f32 was made by the same model in double precision."""
    rows = [json.loads(line) for line in (TREE / "samples/questions.jsonl").read_text(encoding="utf-8").splitlines()]
    raw = (TREE / "samples/questions.f32").read_bytes()
    embed = LocalMiniLm()
    for row in range(0, len(rows), 33):
        expected = struct.unpack_from("<384f", raw, row * 384 * 4)
        assert cosine(embed(rows[row]["text"]), expected) > 0.999999


def test_shared_material_would_be_confused_as_a_whole_and_is_not_in_parts():
    """The reason of the rules, measured: as one text two questions look the same, apart they do not, paraphrases still do."""
    embed = LocalMiniLm()
    pairs = [
        ("When does the shop open?", "Are returns free of charge?", "At what time does the shop open?"),
        ("How are parcels sent?", "What is the closing time?", "How do you send parcels?"),
        ("Can I return an item?", "Who delivers the parcels?", "Can I send an item back?"),
    ]
    for question, other, paraphrase in pairs:
        texts = [f"{DOCUMENT}\n\n{tail}" for tail in (question, other, paraphrase)]
        assert cosine(embed(texts[0]), embed(texts[1])) > 0.92
        turns = [split_turn(text) for text in texts]
        assert len({turn.material for turn in turns}) == 1
        asked, other_asked, paraphrased = (embed(turn.question) for turn in turns)
        assert cosine(asked, other_asked) < 0.7
        assert cosine(asked, paraphrased) > 0.7


# --- keys ---


def test_equal_requests_have_equal_keys_whatever_their_form():
    from dataclasses import dataclass

    import openai
    from pydantic import BaseModel

    class Shape(BaseModel):
        name: str

    assert plain({"b": 1.0, "a": None, "c": openai.NOT_GIVEN, "d": (1, 2)}) == {"b": 1, "d": [1, 2]}
    assert digest_of({"a": {"x": 1, "y": 2}}) == digest_of({"a": {"y": 2.0, "x": 1}})
    assert plain({"format": Shape})["format"]["type"].endswith("Shape")
    assert plain(Shape(name="n")) == {"name": "n"}
    assert plain(b"x") == {"sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}

    @dataclass
    class Other:
        x: int = 1

    for strange in (object(), Other(), float("nan"), float("inf"), lambda: 1, {"a": {1, 2}}):
        with pytest.raises(NotCacheable):
            plain(strange)


def test_keys_differ_where_answers_do():
    def key(text, **exact) -> Key:
        made = key_of(exact, text)
        assert made is not None
        return made

    assert key("q", a=1) == key(" q ", a=1)
    assert key("q", a=1).digest != key("q", a=2).digest
    assert key("q").digest == key("other").digest
    assert key("order 17").digest != key("order 71").digest
    assert key("2+2?").digest == key("What is 2 + 2?").digest
    assert key(DOCUMENT).digest != key(DOCUMENT + ".").digest
    assert key(DOCUMENT).question is None
    assert key("\ud800 half a surrogate").digest
    assert key_of({}, "  ") is None


def test_model_ids():
    digest = "d" * 32
    assert model_id_with("name::384", digest, 384) == f"name#{digest}::384"
    assert model_id_with("name", digest, 384) == f"name#{digest}::384"
    assert model_id_with("a::b::384", digest, 384) == f"a::b#{digest}::384"
    assert model_id_with("name::384", digest, None) == f"name#{digest}"
    assert len(model_id_with("ä" * 200, digest, 384).encode()) <= 256
    assert model_id_with("ä" * 200, digest, 384) != model_id_with("ö" * 200, digest, 384)
