"""Vectors in plain Python, rounded to float32 so that JSON and base64 carry the same."""
import base64
import math
import os
import random
import sys
from array import array
from operator import mul

Vector = list[float]


def make_rng() -> random.Random:
    """A generator whose seed is printed (and shown by pytest on failure); FERRO_TEST_SEED repeats a run."""
    seed = int(os.environ.get("FERRO_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"FERRO_TEST_SEED={seed}")
    return random.Random(seed)


def as_f32(values) -> Vector:
    return list(array("f", values))


def dot(a: Vector, b: Vector) -> float:
    return sum(map(mul, a, b))


def cosine(a: Vector, b: Vector) -> float:
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def normalised(values) -> Vector:
    length = math.sqrt(dot(values, values))
    return as_f32(value / length for value in values)


def random_unit(rng: random.Random, dimension: int) -> Vector:
    return normalised([rng.gauss(0.0, 1.0) for _ in range(dimension)])


def at_cosine(rng: random.Random, vector: Vector, wanted: float) -> Vector:
    """A unit vector whose cosine with the unit vector `vector` is `wanted`, to float32 rounding."""
    noise = [rng.gauss(0.0, 1.0) for _ in vector]
    along = dot(noise, vector) / dot(vector, vector)
    across = [n - along * v for n, v in zip(noise, vector)]
    length = math.sqrt(dot(across, across))
    share = math.sqrt(max(0.0, 1.0 - wanted * wanted))
    return as_f32(wanted * v + share * a / length for v, a in zip(vector, across))


def axis(dimension: int, index: int) -> Vector:
    """Unit vectors at right angles to each other."""
    return [1.0 if i == index else 0.0 for i in range(dimension)]


def as_base64(vector: Vector) -> str:
    data = array("f", vector)
    assert data.itemsize == 4 and sys.byteorder == "little"
    return base64.b64encode(data.tobytes()).decode()
