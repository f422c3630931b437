"""The link between tests and the promises of contract_sentences.txt."""
import ast
import functools
import re
from pathlib import Path

import pytest

SUITE = Path(__file__).resolve().parent.parent
SENTENCES_FILE = SUITE / "contract_sentences.txt"


def contract(*promises: str):
    """Marks a test as proof of promises, each written `name: in short`, name as in contract_sentences.txt."""
    return pytest.mark.contract(*promises)


@functools.cache
def promised() -> dict[str, str]:
    """Name -> sentence, of every promise. A name given twice is an error in the file."""
    sentences: dict[str, str] = {}
    for line in SENTENCES_FILE.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([a-z]+-\d+)\s+(\S.*)", line)
        if not match:
            assert not line.strip() or line.startswith("#"), f"neither a promise nor a comment: {line}"
            continue
        assert match[1] not in sentences, f"{match[1]} stands twice in {SENTENCES_FILE.name}"
        sentences[match[1]] = match[2]
    return sentences


@functools.cache
def claimed() -> dict[str, list[str]]:
    """Name -> tests that claim to prove it, read from the sources so that a skipped test counts too."""
    claims: dict[str, list[str]] = {}
    for path in sorted(SUITE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "contract":
                    for argument in decorator.args:
                        name = ast.literal_eval(argument).split(":")[0]
                        claims.setdefault(name, []).append(f"{path.name}::{node.name}")
    return claims
