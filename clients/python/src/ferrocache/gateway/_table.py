"""Reading a TOML table: every value is checked, and a key that nobody reads is an error."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Sequence


class ConfigError(ValueError):
    """What is wrong with the configuration; the message says where and what to change."""


class Table:
    """One table, and which of its keys were read. ``done`` is called when all were asked for."""

    def __init__(self, values: Mapping[str, Any], place: str) -> None:
        self._values, self._place = values, place
        self._known: List[str] = []

    def where(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def fault(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self.where(key)} {what}")

    @property
    def is_empty(self) -> bool:
        return not self._values

    def has(self, key: str) -> bool:
        return key in self._values

    def _take(self, key: str) -> Any:
        self._known.append(key)
        return self._values.get(key)

    def text(self, key: str, default: Optional[str] = None) -> Optional[str]:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.fault(key, "must be a text that is not empty, without control characters")
        return value.strip()

    def choice(self, key: str, allowed: Sequence[str], default: str) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise self.fault(key, f"must be one of {', '.join(allowed)}")
        return str(value)

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.fault(key, f"must be a whole number from {least} to {most}")
        return value

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not least <= value <= most:
            raise self.fault(key, f"must be a number from {least:g} to {most:g}")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return default if value is None else value

    def texts(self, key: str) -> List[str]:
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.fault(key, "must be a list of texts")
        return [item.strip() for item in value]

    def table(self, key: str) -> Table:
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            raise self.fault(key, "must be a table")
        return Table(value or {}, self.where(key))

    def tables(self, key: str) -> List[Table]:
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.fault(key, "must be a list of tables")
        return [Table(item, f"{self.where(key)}[{index}]") for index, item in enumerate(value)]

    def done(self) -> None:
        unknown = [key for key in self._values if key not in self._known]
        if unknown:
            raise self.fault(unknown[0], f"is no key; known here are {', '.join(self._known)}")


def only_one(table: Table, **given: Optional[str]) -> Dict[str, str]:
    """The options that were given, of which there may be one."""
    named = {key: value for key, value in given.items() if value is not None}
    if len(named) > 1:
        raise table.fault(next(iter(named)), f"and {list(named)[1]} exclude each other")
    return named
