"""Looking at a data folder from outside: which bytes of which file an operation wrote, and damaging them.

Knows nothing of the formats: what was written is found by comparing the folder before and after.
"""
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Written:
    """The bytes [begin, end) of a file that an operation changed."""
    file: Path  # relative to the data folder
    begin: int
    end: int


class DataFolder:
    def __init__(self, path: Path):
        self.path = path

    def files(self) -> dict[Path, bytes]:
        return {
            path.relative_to(self.path): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }

    def copy_to(self, target: Path) -> "DataFolder":
        shutil.copytree(self.path, target)
        return DataFolder(target)

    def written_by(self, operation) -> Written:
        """Where the log took what `operation()` made it write: the change that reaches furthest in bytes."""
        before = self.files()
        operation()
        changes = [
            change for file, after in self.files().items()
            if (change := _changed(file, before.get(file, b""), after))
        ]
        assert changes, "nothing was written"
        return max(changes, key=lambda change: change.end - change.begin)

    def flip(self, file: Path, offset: int, mask: int = 0x01) -> None:
        data = bytearray((self.path / file).read_bytes())
        data[offset] ^= mask
        (self.path / file).write_bytes(data)

    def cut(self, file: Path, offset: int, zero_fill: bool) -> None:
        """Ends the file at `offset`; with zero_fill it keeps its length, as a preallocated one does."""
        data = (self.path / file).read_bytes()
        (self.path / file).write_bytes(data[:offset] + (b"\0" * (len(data) - offset) if zero_fill else b""))


def _changed(file: Path, before: bytes, after: bytes) -> Written | None:
    if before == after:
        return None
    if len(before) < len(after):
        before += b"\0" * (len(after) - len(before))
    begin = _first_difference(before, after)
    end = len(after) - _first_difference(before[:len(after)][::-1], after[::-1])
    return Written(file, begin, end) if begin < end else None


def _first_difference(a: bytes, b: bytes) -> int:
    """Index of the first byte that differs, the shorter length if none does; by halving, as slices compare fast."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
