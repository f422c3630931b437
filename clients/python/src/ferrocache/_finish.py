"""Why a model stopped, as the frameworks pass it on from many providers."""

from __future__ import annotations

from typing import Any, Mapping, Optional

# The model said all that it had to say. Whatever else a provider may call it (length, tool_calls, content_filter, SAFETY,
# refusal, ...) is no answer to serve again, unknown words included.
_COMPLETE = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "finished"})
_NAMES = ("finish_reason", "stop_reason", "done_reason", "finishReason", "completionReason")


def is_complete(reason: str) -> bool:
    return reason.lower() in _COMPLETE


def reason_of(metadata: Any) -> Optional[str]:
    """The reason in a mapping or an SDK's answer; None where there is none."""
    if metadata is None:
        return None
    for name in _NAMES:
        value = metadata.get(name) if isinstance(metadata, Mapping) else getattr(metadata, name, None)
        if value is not None:
            return str(getattr(value, "value", value))
    choices = metadata.get("choices") if isinstance(metadata, Mapping) else getattr(metadata, "choices", None)
    if isinstance(choices, (list, tuple)) and choices:
        return reason_of(choices[0])
    return None
