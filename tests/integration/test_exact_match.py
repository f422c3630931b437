"""Exact matches: which texts are equal, which of several entries answers."""
import sys

import pytest

from harness.contract import contract
from harness.mortal import TimedEntry, while_it_lived
from harness.timing import wait_until
from harness.vectors import axis

# The property White_Space of Unicode. Zero-width space, word joiner and the byte order mark do not have it.
WHITE_SPACE = [
    *range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F,
    0x3000
]
NO_WHITE_SPACE = [0x1C, 0x1F, 0x200B, 0x2060, 0xFEFF, 0x180E]


def exact(api, model, text, **fields):
    """The exact match of `text`, or None; the vector sent is at right angles to all that is stored."""
    answer = api.query(axis(8, 7), model, query_text=text, **fields)
    if answer["hit"]:
        assert answer["exact_match"] is True and answer["similarity"] == 1.0, answer
    return answer if answer["hit"] else None


@contract("exact-1: equal text hits whatever the vector")
def test_hits_whatever_the_vector(api, model):
    entry_id = api.insert(axis(8, 0), model, "r", "What is a cache?")
    near = api.insert(axis(8, 7), model, "near", "other")
    for vector in (axis(8, 7), axis(8, 3), [-1.0] + [0.0] * 7, [5.0] * 8):
        answer = api.hit(vector, model, query_text="  what IS\ta cache? ", threshold=1.0)
        assert (answer["id"], answer["exact_match"], answer["similarity"]) == (entry_id, True, 1.0)
    assert api.hit(axis(8, 7), model, query_text="What is a cache ?")["id"] == near


@contract("exact-2: every kind of white space folds and is trimmed")
def test_white_space(api, model):
    api.insert(axis(8, 0), model, "r", "one two")
    for code in WHITE_SPACE:
        space = chr(code)
        for text in (f"one{space}two", f"{space}one two", f"one two{space}",
                     f"{space} one {space}\n{space}two\t{space}"):
            assert exact(api, model, text), f"U+{code:04X}"
    assert exact(api, model, "onetwo") is None
    stored = "".join(chr(code) for code in WHITE_SPACE)
    api.insert(axis(8, 0), model, "stored", f"{stored}three{stored}four{stored}")
    assert exact(api, model, "three four")["response"] == "stored"


@contract("exact-2: nothing else is white space")
@pytest.mark.parametrize("code", NO_WHITE_SPACE, ids=hex)
def test_no_white_space(api, model, code):
    api.insert(axis(8, 0), model, "r", "one two")
    assert exact(api, model, f"one{chr(code)}two") is None
    assert exact(api, model, f"one two{chr(code)}") is None


@contract("exact-3: full case folding")
@pytest.mark.parametrize("stored, asked", [
    ("STRASSE", "straße"), ("Straße", "STRASSE"), ("\u1e9e", "ss"), ("\ufb01n", "FIN"), ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("\u0130", "i\u0307"), ("\u0149", "\u02bcN"), ("\u1fb3", "\u1fbc"), ("\u1fb3", "\u03b1\u03b9"),
    ("\u0390", "\u1fd3"), ("\u212a", "k"), ("\u212b", "\u00e5"), ("\u2126", "\u03c9"), ("\u017f", "S"),
    ("\u13a0", "\uab70"), ("ДА", "да"), ("\u01c4", "\u01c6"), ("\u01c5", "\u01c6"),
    ("\U00010400", "\U00010428"), ("\u0587", "\u0535\u0582")], ids=ascii)
def test_folding_examples(api, model, stored, asked):
    entry_id = api.insert(axis(8, 0), model, "r", stored)
    assert exact(api, model, asked)["id"] == entry_id


@contract("exact-3: case folding does not mix up different letters")
@pytest.mark.parametrize("stored, asked", [("ı", "i"), ("I", "ı"), ("ö", "o"), ("ß", "s"), ("²", "2"),
                                           ("ｋ", "k"), ("a.", "a"), ("é", "e")])
def test_different_letters_stay_different(api, model, stored, asked):
    api.insert(axis(8, 0), model, "r", stored)
    assert exact(api, model, asked) is None


@contract("exact-3: every character that Python's full case folding knows")
def test_folding_of_every_character(api, model):
    folding = [
        chr(code)
        for code in range(0x80, sys.maxunicode + 1)
        if not 0xD800 <= code < 0xE000 and chr(code).casefold() != chr(code)
    ]
    assert len(folding) > 1300
    api.insert_many(
        [{"embedding": axis(8, 0), "model_id": model, "response": char, "query_text": f"x{char}y{index}"}
         for index, char in enumerate(folding)])
    wrong = []
    for begin in range(0, len(folding), 1000):
        items = [{
            "embedding": axis(8, 7), "model_id": model, "query_text": f"X{char.casefold()}Y{begin + offset}"
        } for offset, char in enumerate(folding[begin:begin + 1000])]
        results = api.call("POST", "/query/batch", {"items": items}).json()["results"]
        wrong += [
            f"U+{ord(char):04X}" for char, result in zip(folding[begin:], results)
            if result.get("response") != char
        ]
    assert not wrong, wrong[:20]


@contract("exact-4: a blank text never matches exactly")
@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u3000\u00a0", "\u2028"], ids=ascii)
def test_blank_text(api, model, blank):
    api.insert(axis(8, 0), model, "r", blank)
    for asked in ("", blank, "   "):
        assert api.query(axis(8, 7), model, query_text=asked) == {"hit": False}
        assert api.hit(axis(8, 0), model, query_text=asked)["exact_match"] is False


@contract("exact-5: the newest wins", "exact-6: deleting uncovers the next newest")
def test_newest_wins_and_deleting_uncovers(api, model):
    ids = [
        api.insert(axis(8, number), model, f"r{number}", f"Same  text{' ' * number}") for number in range(5)
    ]
    while ids:
        answer = exact(api, model, "same TEXT")
        assert answer["id"] == ids[-1] and answer["response"] == f"r{len(ids) - 1}"
        api.delete(ids.pop())
    assert exact(api, model, "same text") is None


@contract("exact-5: replacing makes an entry the newest", "exact-6: and its old text uncovers")
def test_replacing_moves_the_text(api, model):
    api.insert(axis(8, 0), model, "a1", "text", id="a")
    api.insert(axis(8, 1), model, "b1", "text", id="b")
    assert exact(api, model, "text")["response"] == "b1"
    api.insert(axis(8, 0), model, "a2", "text", id="a")
    assert exact(api, model, "text")["response"] == "a2"
    api.insert(axis(8, 0), model, "a3", "moved", id="a")
    assert exact(api, model, "text")["response"] == "b1"
    assert exact(api, model, "moved")["response"] == "a3"
    api.insert(axis(8, 1), model, "b2", "", id="b")
    assert exact(api, model, "text") is None


@contract("exact-6: expiry and invalidation uncover too", "ttl-3: expired entries leave the exact match")
def test_expiry_and_invalidation_uncover(api, model):
    api.insert(axis(8, 0), model, "oldest", "text")
    api.insert(axis(8, 1), model, "middle", "text", tags=["uncover-middle"])
    _, found = while_it_lived(lambda: TimedEntry(api, model, vector=axis(8, 2), response="newest"),
                              lambda _: exact(api, model, "text"))
    assert found["response"] == "newest"
    wait_until(lambda: exact(api, model, "text")["response"] == "middle", 5,
               "the expired entry uncovers the next")
    api.invalidate(tags=["uncover-middle"])
    assert exact(api, model, "text")["response"] == "oldest"


@contract("exact-7: an exact match must satisfy attributes; the newest that does")
def test_attributes(api, model):
    for number, lang in enumerate(("en", "de", "en", "fr", None)):
        api.insert(axis(8, number), model, f"r{number}", "text", attributes={"lang": lang} if lang else {})
    assert exact(api, model, "text")["response"] == "r4"
    assert exact(api, model, "text", attributes={"lang": "en"})["response"] == "r2"
    assert exact(api, model, "text", attributes={"lang": "de"})["response"] == "r1"
    assert exact(api, model, "text", attributes={"lang": "it"}) is None
    api.hit(axis(8, 0), model, query_text="text", attributes={"lang": "en"})


@contract("exact-8: within the namespace only")
def test_only_in_the_namespace(api, model):
    api.insert(axis(8, 0), model, "tenant", "text", cache_scope="tenant")
    assert exact(api, model, "text") is None
    assert exact(api, model, "text", cache_scope="other") is None
    assert exact(api, model + "0", "text", cache_scope="tenant") is None
    assert exact(api, model, "text", cache_scope="tenant")["response"] == "tenant"


@contract("exact-1: a long text and texts that share a beginning")
def test_long_texts(api, model):
    text = "word " * 5000
    api.insert(axis(8, 0), model, "long", text + "end")
    assert exact(api, model, text.upper() + "END")["response"] == "long"
    assert exact(api, model, text + "en") is None
    assert exact(api, model, text + "end\u0000") is None
