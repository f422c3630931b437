"""Which part of a user's turn is compared by meaning, and which must be equal.

An embedding of a long text hardly changes when the short question in it does, and models cut what is beyond their window: two
questions about one document would look the same. So from a turn that carries material (a document, code, retrieved passages)
the question is taken out, and the rest must be equal. A long turn in which no question can be told apart is only ever found by
its own text. Numbers in a question must be equal, too: "order 17" and "order 71" mean nearly the same to an embedding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional

# Up to here a turn is taken as one question, unless it labels its question itself. Measured with all-MiniLM-L6-v2: behind 160
# characters of common text, two questions that mean different things are 0.78 to 0.98 alike, and the opposite of a question
# 0.98; without it they are 0.15 to 0.74.
SHORT_CHARACTERS_MAX = 100
# A longer turn is one question only if there is no question to be taken out of it, and not beyond this.
WHOLE_CHARACTERS_MAX = 300
# What is longer is material, whatever it calls itself.
QUESTION_CHARACTERS_MAX = 600
# A label does not make a turn of two parts out of a short greeting.
MATERIAL_CHARACTERS_MIN = 24

_LABEL = r"(?:(?:the\s+)?(?:user(?:'s)?|current|final|new|my|here\s+is\s+my)\s+)?(?:question|query)"
_LABELLED = re.compile(rf"^[ \t#*>-]*(?:{_LABEL}|Q)[ \t*]*[:：][ \t*]*", re.I | re.M)
_TAGGED = re.compile(r"<(question|query|user_question|user_query|user_input)>(.*?)</\1>", re.I | re.S)
# A line that begins the next labelled part ("Context:", "Answer:", "Helpful Answer:").
_NEXT_LABEL = re.compile(r"^[ \t#*>-]*[A-Z][\w ]{0,30}[:：]", re.M)
_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENTENCES = re.compile(r"(?<=[.!?。？！])\s+")
_ASKS = re.compile(r"[?？؟]\W*$")
_REQUESTS = re.compile(
    r"""^\W*(?:(?:based|given|using|according|from|in|with|now|so|and|also|then|please|kindly)\b[^.?!]{0,60}?[, ]\s*)?
    (?:what|who|whom|whose|when|where|why|how|which|is|are|was|were|can|could|do|does|did|should|would|will|may|
    please|explain|summari[sz]e|describe|list|give|tell|show|write|translate|compare|find|define|name|identify|extract|
    rewrite|rephrase|generate|create|make|help|review|fix|refactor|classify|answer|analy[sz]e|convert|count|calculate|
    draft|outline|provide|suggest|recommend|proofread|correct|shorten|expand)\b""",
    re.I | re.X,
)
# A question at the end of what has no sentences: what begins with a capital and asks.
_TRAILING = re.compile(
    r"\s((?:What|Who|Whom|Whose|When|Where|Why|How|Which|Is|Are|Was|Were|Can|Could|Do|Does|Did|Should|Would|Will)\b"
    r"[^?？؟]*[?？؟])\W*$"
)
_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True)
class Turn:
    """``question`` is compared by meaning (None: nothing is); ``material`` must be equal."""

    question: Optional[str]
    material: str


def split_turn(text: str) -> Turn:
    text = text.strip()
    labelled = _labelled(text)
    if labelled is not None:
        return labelled
    if len(text) <= SHORT_CHARACTERS_MAX:
        return Turn(text, "")
    for pattern, join in ((_PARAGRAPHS, "\n\n"), (re.compile(r"\n"), "\n"), (_SENTENCES, " ")):
        parts = [part.strip() for part in pattern.split(text) if part.strip()]
        if len(parts) < 2:
            continue
        if _is_question(parts[-1]):
            return Turn(parts[-1], join.join(parts[:-1]) + join + "\0")
        if pattern is not _SENTENCES and _is_question(parts[0]):
            return Turn(parts[0], "\0" + join + join.join(parts[1:]))
    trailing = _TRAILING.search(text, max(0, len(text) - WHOLE_CHARACTERS_MAX))
    if trailing and len(text) > WHOLE_CHARACTERS_MAX:
        return Turn(trailing.group(1), text[: trailing.start()] + "\0" + text[trailing.end(1) :])
    return Turn(text, "") if len(text) <= WHOLE_CHARACTERS_MAX else Turn(None, text)


def numbers_in(question: str) -> List[str]:
    return _NUMBERS.findall(question)


def _is_question(part: str) -> bool:
    return len(part) <= WHOLE_CHARACTERS_MAX and bool(_ASKS.search(part) or _REQUESTS.match(part))


def _labelled(text: str) -> Optional[Turn]:
    """The part that the turn itself calls its question, where there is anything beside it."""
    tagged = list(_TAGGED.finditer(text))
    if tagged:
        begin, end = tagged[-1].span(2)
    else:
        labels = list(_LABELLED.finditer(text))
        if not labels:
            return None
        begin = labels[-1].end()
        ends = [found.start() for found in (_PARAGRAPHS.search(text, begin), _NEXT_LABEL.search(text, begin)) if found]
        end = min([place for place in ends if place > begin], default=len(text))
    question = text[begin:end].strip()
    material = f"{text[:begin]}\0{text[end:]}"
    if not question or len(question) > QUESTION_CHARACTERS_MAX or len(material) < MATERIAL_CHARACTERS_MIN:
        return None
    return Turn(question, material)
