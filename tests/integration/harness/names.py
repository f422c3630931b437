"""The printed name of a namespace, written down a second time from the rules of the API."""
import re
from urllib.parse import quote


def printed_name(model: str, scope: str = "", conversation: str = "") -> str:
    suffix = re.search(r"::[0-9]+$", model)
    head, tail = (model[:suffix.start()], suffix[0]) if suffix else (model, "")
    # A % that would read as a code of this encoding is encoded, or two models could print alike; others stay.
    encoded = "".join(f"%{ord(char):02X}" if _must_encode(model, i) else char for i, char in enumerate(head))
    name = encoded + tail
    if scope:
        first = scope[0]
        part = _encode_part(scope)
        if scope.isascii() and scope.isdigit() or scope.startswith("conv_"):
            part = f"%{ord(first):02X}" + part[1:]
        name += "::" + part
    if conversation:
        name += "::conv_" + _encode_part(conversation)
    return name


def _must_encode(model: str, index: int) -> bool:
    if model[index] != ":":
        return model[index:index + 3] in ("%3A", "%25")
    at_end = index in (0, len(model) - 1)
    return at_end or model[index - 1] == ":" or model[index + 1] == ":"


def _encode_part(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


def path_segment(name: str) -> str:
    """`name` percent-encoded as one segment of a path."""
    return quote(name, safe="")
