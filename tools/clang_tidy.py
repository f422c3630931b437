#!/usr/bin/env python3
"""clang-tidy over the given files, two or more at a time, remembering which were clean.

    tools/clang_tidy.py [--jobs N] FILE ...

A file that was clean is not looked at again while it, all that it includes and .clang-tidy stay the same. What is remembered
lies outside the tree (XDG_CACHE_HOME, or ~/.cache) and may be deleted at any time.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATABASE = ROOT / "build/release/compile_commands.json"
TIDY = ["clang-tidy-14", "-p", str(DATABASE.parent), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
        "--extra-arg=-Wno-unused-command-line-argument"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ferrocache-lint"
NOISE = ("warnings generated", "warning generated", "Suppressed", "Use -header-filter")


def preprocessing(entry):
    """The entry's command, changed to print the preprocessed text without positions: comments and NOLINT stay."""
    words = shlex.split(entry["command"]) if "command" in entry else list(entry["arguments"])
    while words and "ccache" in words[0]:
        words.pop(0)
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word == "-o":
            skip = True
        elif word != "-c":
            kept.append(word)
    return [*kept, "-E", "-C", "-P"]


def fingerprint(entry, base):
    done = subprocess.run(preprocessing(entry), cwd=entry["directory"], capture_output=True, check=False)
    if done.returncode != 0:
        return None
    return hashlib.sha256(base + done.stdout).hexdigest()


def check(path, entry, base):
    """(path, what clang-tidy said); empty = clean."""
    mark = None
    if entry is not None:
        key = fingerprint(entry, base)
        mark = CACHE / key[:2] / key if key else None
        if mark and mark.exists():
            mark.touch()
            return path, ""
    done = subprocess.run([*TIDY, path], cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + "".join(line + "\n" for line in done.stderr.splitlines() if not any(n in line for n in NOISE))
    if done.returncode == 0 and not said.strip():
        if mark:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        return path, ""
    return path, said or f"clang-tidy ended with {done.returncode}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    entries = {os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT): entry
               for entry in json.loads(DATABASE.read_text())}
    version = subprocess.run([TIDY[0], "--version"], capture_output=True, check=True).stdout
    base = version + (ROOT / ".clang-tidy").read_bytes()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for path, said in pool.map(lambda path: check(path, entries.get(path), base), options.files):
            if said.strip():
                failed += 1
                print(f"{path}:\n{said}", flush=True)
    print(f"{len(options.files)} files, {failed} with faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
