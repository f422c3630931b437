"""What an image is built from is what the build finds: a package missing in Containerfile shows only to those who build one."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/release/CMakeCache.txt"
OF_TESTS = {"GTest", "benchmark"}


def sections():
    """Names of tools/packages.txt: what building needs, and what the tests and tools need besides."""
    building, besides = (ROOT / "tools/packages.txt").read_text().split("# What the tests")
    return [[line for line in part.splitlines()[1:] if line] for part in (building, besides)]


def found_files():
    """What CMake found of other packages: their own CMake files, or a header or library."""
    text = CACHE.read_text()
    for name, folder in re.findall(r"^([\w+-]+)_DIR:PATH=(/.+)$", text, re.M):
        if name not in OF_TESTS and not name.endswith("INCLUDE"):
            yield from (str(path) for path in pathlib.Path(folder).glob("*.cmake"))
    yield from re.findall(r"^\w+_LIBRARY\w*:FILEPATH=(/.+)$", text, re.M)
    for header in re.findall(r"ferro_external_plain\(\w+ (\S+) ", (ROOT / "cmake/packages.cmake").read_text()):
        yield f"/usr/include/{header}"


def packages_of(files):
    answer = subprocess.run(["dpkg", "-S", *files], capture_output=True, text=True).stdout
    return {re.sub(r":\w+$", "", line.rsplit(": ", 1)[0]) for line in answer.splitlines() if ", " not in line}


def with_dependencies(names):
    """Those packages and everything that they pull in."""
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f=${Package}\t${Pre-Depends}, ${Depends}\n"], capture_output=True, text=True, check=True
    ).stdout
    needs = dict(line.split("\t", 1) for line in listed.splitlines())
    reached, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += re.findall(r"(?:^|[,|] *)([a-z0-9][a-z0-9+.-]+)", needs.get(name, ""))
    return reached


@pytest.mark.skipif(not CACHE.is_file(), reason="nothing is built here")
def test_every_package_that_the_build_finds_is_listed_for_building():
    found = packages_of(list(found_files()))
    assert len(found) > 10, found
    building, _ = sections()
    assert found <= with_dependencies(building), found - with_dependencies(building)


def test_no_package_is_listed_twice_and_containerfile_reads_the_list():
    building, besides = sections()
    names = building + besides
    assert len(names) == len(set(names)) and building == sorted(building) and besides == sorted(besides)
    taken = subprocess.run(
        ["sed", "/^# What the tests/,$d; /^#/d", ROOT / "tools/packages.txt"], capture_output=True, text=True, check=True
    ).stdout
    assert "sed '/^# What the tests/,$d; /^#/d'" in (ROOT / "Containerfile").read_text()
    assert taken.split() == building
