"""Container images as docker-archive files, written without an engine: one layer of files, one configuration."""

import hashlib
import io
import json
import pathlib
import re
import tarfile

from kube.shell import Failed, run

USER = 65532  # who the product's images run as


class Layer:
    """Files of an image, added one by one; paths are those inside the image."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)
        self.folders, self.files = set(), set()

    def _info(self, path, mode, owner):
        info = tarfile.TarInfo(path.strip("/"))
        info.mode, info.uid, info.gid, info.mtime = mode, owner, owner, 0
        return info

    def folder(self, path, mode=0o755, owner=0):
        path = "/" + path.strip("/")
        if path == "/" or path in self.folders:
            return
        self.folder(str(pathlib.PurePosixPath(path).parent))
        info = self._info(path, mode, owner)
        info.type = tarfile.DIRTYPE
        self.tar.addfile(info)
        self.folders.add(path)

    def file(self, path, content, mode=0o644, owner=0):
        if path in self.files:
            return
        self.folder(str(pathlib.PurePosixPath(path).parent))
        info = self._info(path, mode, owner)
        info.size = len(content)
        self.tar.addfile(info, io.BytesIO(content))
        self.files.add(path)

    def link(self, path, target):
        if path in self.files:
            return
        self.folder(str(pathlib.PurePosixPath(path).parent))
        info = self._info(path, 0o777, 0)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(info)
        self.files.add(path)

    def program(self, path, source):
        """A program and the libraries that it names, each where the loader looks for it."""
        source = pathlib.Path(source)
        if not source.is_file():
            raise Failed(f"{source} is not built")
        self.file(path, source.read_bytes(), 0o755)
        self.libraries(source)

    def libraries(self, source):
        said = run(["ldd", source], check=False)
        if "not found" in said.stdout:
            raise Failed(f"{source} lacks libraries on this machine:\n{said.stdout}")
        for library in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said.stdout, re.M):
            self.file(library, pathlib.Path(library).resolve().read_bytes(), 0o755)

    def users(self):
        self.file("/etc/passwd", f"root:x:0:0::/:/nonexistent\nferrocache:x:{USER}:{USER}::/data:/nonexistent\n".encode())
        self.file("/etc/group", f"root:x:0:\nferrocache:x:{USER}:\n".encode())

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def write(path, tag, layer, **configuration):
    """Writes the image; configuration as in the OCI image format (User, Entrypoint, Env, WorkingDir ...). Its digest."""
    content = layer.bytes()
    digest = hashlib.sha256(content).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": configuration,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "comment": tag}],
    }).encode()  # fmt: skip
    config_digest = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{config_digest}.json", "RepoTags": [tag], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        for name, data in ((f"{config_digest}.json", config), (f"{digest}/layer.tar", content),
                           ("manifest.json", json.dumps(manifest).encode())):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return config_digest
