"""A Kubernetes API server of a test's own (kube-apiserver on etcd, nothing else), for what only the real one can say: whether
it takes a schema, what it refuses, what it fills in. Its programs come from the cache of e2e/ or from the PATH.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time


def find_program(name):
    """Path of a program of the stage, or None."""
    cache = pathlib.Path(os.environ.get("FERRO_E2E_CACHE") or pathlib.Path.home() / ".cache" / "ferrocache-e2e")
    newest = sorted(cache.glob(f"*/{name}"), key=lambda path: path.stat().st_mtime)
    return str(newest[-1]) if newest else shutil.which(name)


def missing():
    """Names of programs that an ApiServer needs and that are not here."""
    return [name for name in ("etcd", "kube-apiserver", "kubectl", "openssl") if not find_program(name)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ApiServer:
    """Starts on entry, ends with everything that it wrote on exit. Authorises by RBAC; the caller is an administrator."""

    READY_SECONDS = 120  # a slow machine that builds beside it
    ATTEMPTS = 3  # a port that was free may be taken by the time that it is listened on

    def __enter__(self):
        for left in reversed(range(self.ATTEMPTS)):
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferro_api_"))
            self.processes = []
            try:
                self._start()
                return self
            except BaseException as failed:
                self.__exit__(None, None, None)
                if left == 0 or not isinstance(failed, RuntimeError):
                    raise

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, name, *words):
        with open(self.folder / f"{name}.log", "w") as log:
            self.processes.append(
                subprocess.Popen([find_program(name), *words], stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
            )

    def _start(self):
        key = self.folder / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text("for-tests-only,admin,1,system:masters\n")
        client, peer, port = free_port(), free_port(), free_port()
        url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        self._spawn(
            "etcd", f"--data-dir={self.folder}/etcd", f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}", "--unsafe-no-fsync",
        )  # fmt: skip
        self._spawn(
            "kube-apiserver", f"--etcd-servers={url}", "--bind-address=127.0.0.1", f"--secure-port={port}",
            f"--cert-dir={self.folder}/certs", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            f"--token-auth-file={self.folder}/tokens.csv", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.97.0.0/16",
        )  # fmt: skip
        (self.folder / "kubeconfig").write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
            f'clusters: [{{name: test, cluster: {{server: "https://127.0.0.1:{port}", insecure-skip-tls-verify: true}}}}]\n'
            "users: [{name: admin, user: {token: for-tests-only}}]\n"
            "contexts: [{name: test, context: {cluster: test, user: admin}}]\n"
        )
        give_up = time.monotonic() + self.READY_SECONDS
        while self.kubectl("get", "--raw", "/readyz", check=False).returncode != 0:
            if time.monotonic() > give_up or any(process.poll() is not None for process in self.processes):
                said = "".join((self.folder / f"{name}.log").read_text()[-2000:] for name in ("etcd", "kube-apiserver"))
                raise RuntimeError(f"the API server does not get ready:\n{said}")
            time.sleep(0.5)

    def kubectl(self, *words, text=None, check=True):
        answer = subprocess.run(
            [find_program("kubectl"), f"--kubeconfig={self.folder}/kubeconfig", f"--cache-dir={self.folder}/cache", *words],
            input=text, capture_output=True, text=True,
        )  # fmt: skip
        if check and answer.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(map(str, words))}: {answer.stderr}")
        return answer

    def apply_crds(self, path):
        self.kubectl("apply", "--server-side", "-f", str(path))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
