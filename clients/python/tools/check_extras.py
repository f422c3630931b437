#!/usr/bin/python3
"""Installs the wheel and the source distribution with each extra into clean virtual environments and imports what they are for.

    clients/python/tools/check_extras.py --folder /some/scratch [--python python3.9 --python python3.13] [--extra openai ...]

Downloads everything that the extras need (`embeddings` and `all` need gigabytes: name them to have them checked). Prints one
line an environment and exits 1 if any of them failed.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

CLIENT = pathlib.Path(__file__).resolve().parent.parent
CORE = "import ferrocache; ferrocache.FerrocacheClient('http://localhost:3000')"
WRAP = (
    "from ferrocache.middleware import {0}; import {1}; embed = lambda text: [1.0]; "
    "{0}({1}.{2}(api_key='k'), embed_fn=embed, model_id='m'); {0}({1}.Async{2}(api_key='k'), embed_fn=embed, model_id='m')"
)
# What must work with an extra, and the oldest Python on which all that it needs works (None: the package's own).
CHECKS = {
    "": (CORE, None),
    "async": ("from ferrocache import AsyncFerrocacheClient; AsyncFerrocacheClient('http://localhost:3000')", None),
    "openai": (WRAP.format("wrap_openai", "openai", "OpenAI"), None),
    "anthropic": (WRAP.format("wrap_anthropic", "anthropic", "Anthropic"), None),
    "langchain": ("from ferrocache.langchain import FerrocacheCache; FerrocacheCache(lambda text: [1.0], model_id='m')", None),
    "llamaindex": ("from ferrocache.llamaindex import FerrocacheLLM", (3, 10)),  # what it needs itself fails on 3.9
    "mcp": ("from ferrocache.mcp_server import build_server; build_server()", (3, 10)),
    "local": ("from ferrocache.embeddings import _minilm", None),
    "embeddings": ("from ferrocache.embeddings import SentenceTransformer, embedder; assert SentenceTransformer.installed()", None),
    "all": (CORE, None),
}
LARGE = ("embeddings", "all")


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def check(python, version, extra, package, folder):
    """None, or what went wrong."""
    code, oldest = CHECKS[extra]
    if oldest is not None and version < oldest:
        code = CORE
    shutil.rmtree(folder, ignore_errors=True)
    wanted = f"{package}[{extra}]" if extra else str(package)
    for command in (
        (python, "-m", "venv", folder),
        (folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "-q", "--prefer-binary", wanted),
        (folder / "bin/python", "-W", "error::SyntaxWarning", "-c", code),
    ):
        done = run(*command)
        if done.returncode != 0:
            return done.stderr.strip()[-2000:]
    shutil.rmtree(folder, ignore_errors=True)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="where to build and to make the environments")
    parser.add_argument("--python", action="append", help="interpreters to check with (default: this one)")
    parser.add_argument("--extra", action="append", choices=list(CHECKS), help="extras to check (default: all but the large)")
    options = parser.parse_args()
    folder = options.folder.resolve()
    tool = folder / "build-tool"
    shutil.rmtree(folder / "dist", ignore_errors=True)
    for command in (
        (sys.executable, "-m", "venv", tool),
        (tool / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "-q", "build"),
        (tool / "bin/python", "-m", "build", "--outdir", folder / "dist", CLIENT),
    ):
        done = run(*command)
        if done.returncode != 0:
            sys.exit(done.stderr)
    (wheel,), (source,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    failed = False
    for python in options.python or [sys.executable]:
        asked = run(python, "-c", "import sys; print(*sys.version_info[:2])")
        version = tuple(int(part) for part in asked.stdout.split())
        for extra in options.extra or [name for name in CHECKS if name not in LARGE]:
            for package in (wheel, source) if not extra else (wheel,):
                fault = check(python, version, extra, package, folder / "environment")
                failed = failed or fault is not None
                name = f"{'.'.join(map(str, version))} {package.name}{f'[{extra}]' if extra else ''}"
                print(f"{'ok    ' if fault is None else 'FAILED'} {name}{'' if fault is None else chr(10) + fault}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
