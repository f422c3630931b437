#!/usr/bin/env python3
"""The house rules that a machine can check: walls between modules, file lengths, banned words and calls.

    tools/tidy.py [--root DIR] [--figures]

A module may include its own headers, those of the modules its ferro_module() call lists under DEPS, and those of the
packages it lists under EXTERNAL; nothing else. Prints one line a fault (`file:line: what to do`) and exits 1 if any.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys

FILE_LINES_MAX = 700
LINE_CHARACTERS_MAX = {".h": 120, ".cc": 120, ".py": 132}  # shell and make wrap badly: no limit

# First part of an angle include -> name in cmake/packages.cmake. Anything else in angle brackets is the standard library
# or the operating system.
PACKAGES = {
    "boost/": "boost",
    "nlohmann/": "json",
    "yaml-cpp/": "yaml",
    "prometheus/": "prometheus",
    "spdlog/": "spdlog",
    "fmt/": "spdlog",
    "openssl/": "openssl",
    "simdjson": "simdjson",
    "zlib": "zlib",
    "toml++/": "toml",
    "hnswlib/": "hnswlib",
    "isa-l": "isal",
    "utf8proc": "utf8proc",
    "xxhash": "xxhash",
    "cpprest/": "cpprest",
    "pplx/": "cpprest",
    "CLI/": "cli11",
}

# Lower first. A module may depend only on what stands before it (the same area, or common).
LAYERS = {
    "common": ["base", "time", "sync", "io", "crypto", "obs"],
    "node": [
        "config",
        "model",
        "wal",
        "snapshot",
        "index",
        "store",
        "engine",
        "cache",
        "security",
        "cluster/runtime",
        "cluster/placement",
        "cluster/wire",
        "cluster/membership",
        "cluster/peers",
        "cluster/tcp",
        "cluster/ring",
        "cluster/sync",
        "cluster/core",
        "http",
        "metrics",
        "api",
        "app",
    ],
    "operator": [
        "k8s",
        "runtime",
        "api",
        "objects",
        "plan",
        "pki",
        "nodeclient",
        "exec",
        "controllers",
        "app",
    ],
}

# (pattern, where it is allowed, what to do instead); product code only.
BANNED_CALLS = [
    (
        re.compile(
            r"\b(?:system_clock|steady_clock|high_resolution_clock)::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\("
        ),
        ("common/time/",),
        "take a Clock& (common/time/clock.h)",
    ),
    (
        re.compile(r"\bsleep_for\b|\bsleep_until\b|\busleep\s*\(|\bnanosleep\s*\("),
        (),
        "wait on a condition with a bound",
    ),
    (
        re.compile(r"\bstd::(?:thread|jthread)\b(?!::)"),
        (
            "node/engine/",
            "node/http/",
            "node/app/",
            "node/cluster/tcp/",
            "operator/runtime/",
            "operator/nodeclient/",
            "operator/app/",
        ),
        "threads belong to engine, http, cluster/tcp and app, the operator's to runtime, nodeclient and app",
    ),
    (
        re.compile(r"\brand\s*\(\)|\bstd::random_device\b"),
        ("common/crypto/",),
        "use common/crypto or a seeded generator",
    ),
    (
        re.compile(r"\bstd::cout\b|\bprintf\s*\("),
        ("node/app/", "operator/app/", "clients/ferroctl/", "common/base/assert"),
        "log through common/obs",
    ),
    (re.compile(r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}"), (), "do not swallow exceptions silently"),
]
BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home/[a-z]+|root|Users/[A-Za-z]+)/")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
MODULE_CALL = re.compile(r"ferro_module\(\s*(\w+)\s+(\w+(?:/\w+)?)(.*?)\)", re.S)


class Module:
    def __init__(self, area, name, arguments, folder):
        self.area, self.name, self.folder = area, name, folder
        self.deps, self.external = set(), set()
        section = None
        for word in re.sub(r"#.*", "", arguments).split():
            if word in ("SOURCES", "DEPS", "EXTERNAL"):
                section = word
            elif section == "DEPS":
                self.deps.add(word)
            elif section == "EXTERNAL":
                self.external.add(word)

    @property
    def path(self):
        return f"{self.area}/{self.name}"


def modules_of(root):
    found = {}
    for lists in sorted([*root.glob("*/*/CMakeLists.txt"), *root.glob("*/*/*/CMakeLists.txt")]):
        for area, name, arguments in MODULE_CALL.findall(lists.read_text()):
            found[f"{area}/{name}"] = Module(area, name, arguments, lists.parent)
    return found


def module_of(path, modules):
    """The module that a file (its path from the root) belongs to: the nearest folder above it that is one."""
    parts = path.split("/")
    return modules.get("/".join(parts[:3])) or modules.get("/".join(parts[:2]))


def check_layers(modules):
    for module in modules.values():
        layers = LAYERS.get(module.area)
        if layers is None:
            continue
        where = f"{module.path}/CMakeLists.txt:1"
        if module.name not in layers:
            yield f"{where}: module {module.path} has no place in LAYERS of tools/tidy.py"
            continue
        for dep in sorted(module.deps):
            area, _, name = dep.partition("/")
            if area == module.area:
                if name not in layers or layers.index(name) >= layers.index(module.name):
                    yield f"{where}: {module.path} may not depend on {dep}: it is not a lower layer"
            elif area != "common":
                yield f"{where}: {module.path} may not depend on {dep}: areas meet only in common"


def check_includes(relative, lines, module, modules, areas):
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(2)
        if match.group(1) == '"':
            parts = target.split("/")
            if parts[0] not in areas or len(parts) < 3:
                yield f'{relative}:{number}: include "{target}" by its path from the root, area/module/file.h'
                continue
            owning = module_of(target, modules)
            owner = owning.path if owning else "/".join(parts[:2])
            if owner != module.path and owner not in module.deps:
                yield f"{relative}:{number}: {module.path} includes {target} but does not list {owner} under DEPS"
        else:
            for prefix, package in PACKAGES.items():
                if target.startswith(prefix) and package not in module.external:
                    yield f"{relative}:{number}: {module.path} includes <{target}> but does not list {package} under EXTERNAL"


def check_text(relative, lines, product):
    if len(lines) > FILE_LINES_MAX and not any("long file:" in line for line in lines[:10]):
        yield f"{relative}:1: {len(lines)} lines; split it (over {FILE_LINES_MAX} needs a `long file:` reason in its head)"
    if relative.endswith(".h") and not any(line.strip() == "#pragma once" for line in lines):
        yield f"{relative}:1: a header starts with #pragma once"
    for number, line in enumerate(lines, 1):
        longest = LINE_CHARACTERS_MAX.get(pathlib.PurePath(relative).suffix, len(line))
        if len(line) > longest:
            yield f"{relative}:{number}: {len(line)} characters in a line, at most {longest}"
        if line != line.rstrip():
            yield f"{relative}:{number}: white space at the end of the line"
        if BANNED_WORDS.search(line) and relative != "tools/tidy.py":
            yield f"{relative}:{number}: finish it or leave it out"
        if MACHINE_PATHS.search(line) and relative != "tools/tidy.py":
            yield f"{relative}:{number}: a path of one machine"
        if product:
            code = line.split("//")[0]
            for pattern, allowed, instead in BANNED_CALLS:
                if pattern.search(code) and not relative.startswith(allowed):
                    yield f"{relative}:{number}: {instead}"


def tracked_files(root):
    answer = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True
    )
    if answer.returncode == 0 and answer.stdout:
        return [root / name for name in answer.stdout.splitlines() if (root / name).is_file()]
    return [path for path in root.rglob("*") if path.is_file()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--figures", action="store_true", help="also print file length figures")
    options = parser.parse_args()
    root = options.root.resolve()
    modules = modules_of(root)
    areas = {module.area for module in modules.values()}
    faults, lengths = list(check_layers(modules)), []
    for path in tracked_files(root):
        if path.suffix not in (".h", ".cc", ".py", ".sh", ".cmake") and path.name not in ("CMakeLists.txt", "Makefile"):
            continue
        relative = path.relative_to(root).as_posix()
        lines = path.read_text(errors="replace").split("\n")
        if lines and lines[-1] == "":
            lines.pop()
        product = relative.startswith(("common/", "node/", "operator/")) and path.suffix in (".h", ".cc")
        faults += check_text(relative, lines, product)
        if path.suffix in (".h", ".cc"):
            module = module_of(relative, modules)
            if module is not None:
                faults += check_includes(relative, lines, module, modules, areas)
            elif product:
                faults.append(f"{relative}:1: belongs to no module: its folder has no ferro_module()")
            if product:
                lengths.append(len(lines))
    for fault in faults:
        print(fault)
    if options.figures and lengths:
        lengths.sort()
        print(
            f"{len(lengths)} product files: median {statistics.median(lengths):.0f} lines, "
            f"90 % under {lengths[int(len(lengths) * 0.9)]}, longest {lengths[-1]}"
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
