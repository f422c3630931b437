"""The programs a Kubernetes is made of, built from the Go modules that e2e/go pins by checksum, once a version.

Kept in a cache outside the tree, one folder for each content of e2e/go/MODULE: a change of a version builds that module anew.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import time

from kube import settings, shell
from kube.shell import Failed, say

SOURCES = settings.TREE / "e2e" / "go"
GO_MINOR_LEAST = 24
# Debian 12's own Go is too old to fetch a newer one by itself, but it can download this module, which is one.
GO_MODULE = "golang.org/toolchain@v0.0.1-go1.24.4.linux-amd64"

_component = "k8s.io/component-base/version."
_version_flags = " ".join(
    f"-X {_component}{key}={value}"
    for key, value in {"gitVersion": settings.KUBERNETES_VERSION, "gitMajor": "1", "gitMinor": "34"}.items()
)
_kubernetes = {
    name: (f"k8s.io/kubernetes/cmd/{name}", _version_flags)
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
}
# Without these helm takes the cluster for Kubernetes 1.20, and charts that need more cannot be rendered or linted.
_helm_flags = " ".join([
    f"-X helm.sh/helm/v3/internal/version.version={settings.HELM_VERSION}",
    *(f"-X helm.sh/helm/v3/pkg/{package}.k8sVersion{part}" for package in ("chartutil", "lint/rules")
      for part in ("Major=1", "Minor=34")),
])  # fmt: skip
MODULES = {
    "kubernetes": _kubernetes,
    "addons": {
        "helm": ("helm.sh/helm/v3/cmd/helm", _helm_flags),
        "coredns": ("./coredns", ""),
        "local-path-provisioner": ("github.com/rancher/local-path-provisioner", ""),
        "metrics-server": ("sigs.k8s.io/metrics-server/cmd/metrics-server", ""),
    },
}
MINUTES = {"kube-apiserver": 7, "kube-controller-manager": 2.5, "kubectl": 1, "helm": 3, "coredns": 1, "local-path-provisioner": 1,
           "metrics-server": 1}  # fmt: skip


def module_folder(module):
    """Where the module's programs are kept: named by everything that decides what they are."""
    digest = hashlib.sha256(repr(sorted(MODULES[module].items())).encode())
    for path in sorted(path for path in (SOURCES / module).rglob("*") if path.is_file()):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0" + path.read_bytes())
    return settings.cache_folder() / f"{module}-{digest.hexdigest()[:16]}"


def names():
    return [name for programs in MODULES.values() for name in programs]


def path_of(name):
    for module, programs in MODULES.items():
        if name in programs:
            return module_folder(module) / name
    raise KeyError(name)


def missing():
    return [name for name in names() if not path_of(name).is_file()]


def minutes_to_build():
    """About how long build() would take on two idle cores: the first program of a module compiles what the others share."""
    return sum(MINUTES.get(name, 0.7) for name in missing())


def build():
    """Builds what is missing; says which, how many are left, and how long each took."""
    cache = settings.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build of the same programs")
            fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = missing()
        if not wanted:
            return
        say(f"building {len(wanted)} programs once, about {minutes_to_build():.0f} minutes on two idle cores, kept in {cache}")
        go = find_go(cache)
        for number, name in enumerate(wanted, 1):
            _build_one(go, name, f"[{number}/{len(wanted)}] {name}")


def _build_one(go, name, label):
    module = next(module for module, programs in MODULES.items() if name in programs)
    package, flags = MODULES[module][name]
    target = path_of(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly", "GOTOOLCHAIN": "local"}
    command = [go, "build", "-trimpath", "-ldflags", f"-s -w {flags}".strip(), "-o", new, package]
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], cwd=SOURCES / module, env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    while True:
        try:
            said, _ = process.communicate(timeout=60)
            break
        except subprocess.TimeoutExpired:
            say(f"{label}: building for {time.monotonic() - began:.0f} s")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode != 0:
        raise Failed(f"building {name} failed:\n{said[-3000:]}")
    new.rename(target)
    say(f"{label}: built in {time.monotonic() - began:.0f} s")


def find_go(cache):
    """A Go new enough: the one on the path, or the module of one."""
    found = shutil.which("go")
    if found and _minor_of(found) >= GO_MINOR_LEAST:
        return found
    fetched = cache / "go" / "bin" / "go"
    if fetched.is_file():
        return str(fetched)
    old = found or next(map(str, sorted(pathlib.Path("/usr/lib").glob("go-1.*/bin/go"))), None)
    if old is None:
        raise Failed("no Go: tools/install_packages.sh tools/packages_e2e.txt installs one")
    say(f"fetching a Go of 1.{GO_MINOR_LEAST} or later: {GO_MODULE}")
    work = cache / "go-module"
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw", "GOMODCACHE": str(work)}
    empty = cache / "go-empty"
    empty.mkdir(exist_ok=True)
    shell.run([old, "mod", "download", GO_MODULE], env=env, timeout=600, cwd=empty)
    folder = work / GO_MODULE
    for path in [*(folder / "bin").iterdir(), *(folder / "pkg" / "tool").rglob("*")]:
        if path.is_file():
            path.chmod(0o755)
    folder.rename(cache / "go")
    shutil.rmtree(work)
    empty.rmdir()
    return str(fetched)


def _minor_of(go):
    done = shell.run([go, "version"], check=False)
    match = re.search(r"go1\.(\d+)", done.stdout)
    return int(match.group(1)) if match else 0
