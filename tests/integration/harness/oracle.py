"""The exact oracle: every live entry in a dictionary, every question answered by looking at all of them."""
from .vectors import Vector, dot

# Cosines closer than this to a threshold are nobody's fault: float32 rounding plus the contract's tolerance.
GREY_ZONE = 2e-5


class ExactOracle:
    def __init__(self):
        self.entries: dict[str, Vector] = {}

    def put(self, entry_id: str, vector: Vector) -> None:
        self.entries[entry_id] = vector

    def remove(self, entry_id: str) -> None:
        del self.entries[entry_id]

    def scores(self, vector: Vector) -> list[tuple[float, str]]:
        """Cosines of all live entries (unit vectors), best first."""
        return sorted(((dot(vector, other), entry_id) for entry_id, other in self.entries.items()),
                      reverse=True)

    def best(self, vector: Vector) -> float:
        """The highest cosine."""
        return max(dot(vector, other) for other in self.entries.values())

    def certain(self, vector: Vector, threshold: float) -> tuple[set[str], set[str]]:
        """Ids that certainly reach the threshold, and those that may (grey zone included)."""
        scores = self.scores(vector)
        sure = {entry_id for score, entry_id in scores if score >= threshold + GREY_ZONE}
        possible = {entry_id for score, entry_id in scores if score >= threshold - GREY_ZONE}
        return sure, possible
