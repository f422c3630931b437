"""Logs as JSON lines on standard error. No prompts, answers, attributes or keys are in them: callers log
names and codes."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any, Dict

# Fields that callers give as extra={"fields": {...}}.
FIELDS = "fields"


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: Dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            # Where it happened and of what kind; the message of an exception may quote what somebody sent.
            line["exception"] = record.exc_info[0].__name__
            line["stack"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(record.exc_info[2])]
        return json.dumps(line, ensure_ascii=False, default=str)


def start(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of libraries only what matters: some log whole URLs and bodies
    logging.getLogger("ferrocache").setLevel(level.upper())
