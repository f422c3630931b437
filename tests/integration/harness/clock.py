"""A wall clock of the test's own for one node: see preload/shifted_clock.cc."""
import os
import struct
from pathlib import Path

import pytest


def shifted_clock_library() -> str:
    """The path, or skips the test."""
    path = os.environ.get("FERRO_SHIFTED_CLOCK", "")
    if not path:
        pytest.skip("needs FERRO_SHIFTED_CLOCK, the library of the build (there is none under sanitizers)")
    return path


class ShiftedClock:
    """Made before the node starts; the shift can change while it runs."""
    def __init__(self, file: Path, seconds: int = 0):
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(struct.pack("q", seconds))
        self.environment = {"LD_PRELOAD": shifted_clock_library(), "FERRO_CLOCK_SHIFT_FILE": str(file)}

    def shift(self, seconds: int) -> None:
        with open(self._file, "r+b") as file:
            file.write(struct.pack("q", seconds))
