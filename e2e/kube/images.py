"""The stage's images, built in seconds from what this machine has, and their way into every node."""

import os
import pathlib

from kube import archive, node, settings
from kube.shell import Failed, run, say, step

BINARIES = pathlib.Path(os.environ.get("FERRO_E2E_BINARIES") or settings.TREE / "build" / "release" / "bin")
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
# Parts of Python's library that the load program has no use for; they are three quarters of its size.
PYTHON_LEFT_OUT = ("test", "tests", "idlelib", "tkinter", "ensurepip", "distutils", "lib2to3", "pydoc_data", "turtledemo",
                   "__pycache__", "dist-packages", "site-packages", "config-3.11-x86_64-linux-gnu")  # fmt: skip


def pause(path):
    program = path.with_name("pause")
    run(["gcc", "-static", "-Os", "-s", "-o", program, pathlib.Path(__file__).with_name("pause.c")])
    layer = archive.Layer()
    layer.file("/pause", program.read_bytes(), 0o755)
    return archive.write(path, settings.PAUSE_IMAGE, layer, Entrypoint=["/pause"], User=f"{archive.USER}:{archive.USER}")


def busybox(path):
    layer = archive.Layer()
    layer.file("/bin/busybox", pathlib.Path("/bin/busybox").read_bytes(), 0o755)
    for applet in run(["/bin/busybox", "--list"]).split():
        if applet != "busybox":
            layer.link(f"/bin/{applet}", "busybox")
    layer.folder("/tmp", 0o1777)
    layer.users()
    return archive.write(path, settings.BUSYBOX_IMAGE, layer, Cmd=["/bin/sh"], Env=["PATH=/bin"])


def ferrocached(path):
    return product(path, settings.NODE_IMAGE, "ferrocached", data=True, ports=(3000, 4000, 5000),
                   environment=["FERROCACHE_WAL_PATH=/data/ferrocache.wal"])  # fmt: skip


def operator(path):
    return product(path, settings.OPERATOR_IMAGE, "ferrocache-operator", data=False, ports=(8080, 8081))


def product(path, tag, name, data, ports, environment=()):
    """The layout of the targets in the tree's Containerfile, from this machine's files."""
    source = BINARIES / name
    if not source.is_file():
        raise Failed(f"{source} is not built: tools/build.sh release {name}")
    stripped = path.with_suffix(".stripped")
    run(["strip", "-o", stripped, source])
    layer = archive.Layer()
    layer.file(f"/usr/bin/{name}", stripped.read_bytes(), 0o755)
    layer.libraries(source)
    stripped.unlink()
    layer.file("/etc/ssl/certs/ca-certificates.crt", AUTHORITIES.read_bytes())
    layer.users()
    if data:
        layer.folder("/data", 0o755, archive.USER)
    return archive.write(path, tag, layer, User=f"{archive.USER}:{archive.USER}", Entrypoint=[f"/usr/bin/{name}"],
                         Env=["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", *environment],
                         WorkingDir="/data" if data else "/",
                         ExposedPorts={f"{port}/tcp": {} for port in ports})  # fmt: skip


def load(path):
    """This machine's Python and e2e/load: the clients of scenarios."""
    layer = archive.Layer()
    layer.program("/usr/bin/python3", pathlib.Path("/usr/bin/python3").resolve())
    library = pathlib.Path(run(["/usr/bin/python3", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]).strip())
    for file in sorted(library.rglob("*")):
        relative = file.relative_to(library)
        if not file.is_file() or any(part in PYTHON_LEFT_OUT for part in relative.parts):
            continue
        layer.file(f"{library}/{relative}", file.read_bytes())
        if file.suffix == ".so":
            layer.libraries(file)
    for file in sorted((settings.TREE / "e2e" / "load").glob("*.py")):
        layer.file(f"/load/{file.name}", file.read_bytes())
    layer.folder("/tmp", 0o1777)
    layer.users()
    return archive.write(path, settings.LOAD_IMAGE, layer, User=f"{archive.USER}:{archive.USER}",
                         Entrypoint=["/usr/bin/python3", "-u", "/load/main.py"], WorkingDir="/tmp",
                         Env=["PYTHONDONTWRITEBYTECODE=1"])  # fmt: skip


BASE = {"pause": pause, "busybox": busybox}
PRODUCT = {"ferrocached": ferrocached, "ferrocache-operator": operator, "load": load}


def deliver(state, makers):
    """Builds each image and imports it on every node that does not have it as it now is."""
    for name, make in makers.items():
        path = state.folder / "images" / f"{name}.tar"
        path.parent.mkdir(exist_ok=True)
        with step(f"image {name}"):
            digest = make(path)
            for each in node.all_nodes(state):
                key = f"{each.name}/{name}"
                if state.data["images"].get(key) != digest:
                    each.ctr("images", "import", path, timeout=300)
                    state.data["images"][key] = digest
                    state.save()
        path.unlink(missing_ok=True)


def deliver_product(state):
    """The product's images, those that are built. Says which are not."""
    ready = {}
    for name, make in PRODUCT.items():
        if name == "load" or (BINARIES / name).is_file():
            ready[name] = make
        else:
            say(f"  image {name}: left out, {BINARIES / name} is not built")
    deliver(state, ready)
