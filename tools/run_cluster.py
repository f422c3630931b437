#!/usr/bin/python3
"""Runs a cluster on this machine in one terminal: make cluster.

    tools/run_cluster.py --binary build/release/bin/ferrocached [--nodes 3] [--port 3000] [--folder run/cluster] [--tls]

Node N answers on port + N - 1 and keeps its data in FOLDER/N. With --tls the nodes speak mutual TLS among themselves, with
certificates made by the openssl program in FOLDER/tls. Ctrl-C stops all of them, each finishing what it does; again: at once.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

COLOURS = ["36", "33", "35", "32", "34", "31"]
READY_SECONDS = 60
CERTIFICATE_DAYS = 30


class Terminal:
    """Lines of all nodes, each behind its node's name."""

    def __init__(self):
        self.lock, self.coloured = threading.Lock(), sys.stdout.isatty()

    def say(self, text, name="", colour=""):
        label = f"{name:>3} | " if name else ""
        if self.coloured and colour:
            label = f"\033[{colour}m{label}\033[0m"
        with self.lock:
            print(label + text, flush=True)


class Certificates:
    """One authority and a certificate for each node, signed by it; made again when they end within a day."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.authority, self.authority_key = folder / "ca.pem", folder / "ca.key"
        if not self.lasts(self.authority):
            self.new_key(self.authority_key)
            self.openssl("req", "-x509", "-new", "-key", self.authority_key, "-out", self.authority,
                         "-days", CERTIFICATE_DAYS, "-subj", "/CN=local cluster")  # fmt: skip
            for old in folder.glob("n*.pem"):
                old.unlink()

    def settings_of(self, name):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if not self.lasts(certificate):
            request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
            extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
            self.new_key(key)
            self.openssl("req", "-new", "-key", key, "-out", request, "-subj", f"/CN={name}")
            self.openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.authority_key,
                         "-CAcreateserial", "-out", certificate, "-days", CERTIFICATE_DAYS - 1,
                         "-extfile", extensions)  # fmt: skip
            request.unlink()
            extensions.unlink()
        return {
            "cluster.tls.enabled": "true",
            "cluster.tls.ca_cert_path": self.authority,
            "cluster.tls.node_cert_path": certificate,
            "cluster.tls.node_key_path": key,
        }

    def new_key(self, path):
        path.touch(mode=0o600)
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def lasts(self, path):
        asked = ["openssl", "x509", "-in", str(path), "-noout", "-checkend", "86400"]
        return path.is_file() and subprocess.run(asked, capture_output=True).returncode == 0

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"openssl {arguments[0]} failed:\n{done.stderr}")


class Member:
    def __init__(self, number, options, seeds, certificates, terminal):
        self.name, self.port = f"n{number}", options.port + number - 1
        self.terminal, self.colour = terminal, COLOURS[(number - 1) % len(COLOURS)]
        data = options.folder / str(number)
        data.mkdir(parents=True, exist_ok=True)
        settings = {
            "port": self.port,
            "http.bind": "127.0.0.1",
            "node_id": self.name,
            "wal_path": data / "ferrocache.wal",
            "log.format": "text",
            "cluster.enabled": "true",
            "cluster.id": "local",
            "cluster.seed_nodes": ",".join(seeds),
            **(certificates.settings_of(self.name) if certificates else {}),
        }
        command = [str(options.binary), *(f"--{key}={value}" for key, value in settings.items())]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FERROCACHE_")}
        # A session of its own: Ctrl-C is for us, who then ask the nodes to stop.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=data,
                                        env=environment, start_new_session=True)  # fmt: skip
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.terminal.say(line.decode(errors="replace").rstrip("\n"), self.name, self.colour)
        code = self.process.wait()
        self.terminal.say(f"ended with {code}" if code >= 0 else f"ended by signal {-code}", self.name, self.colour)

    def is_running(self):
        return self.process.poll() is None

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def tell(self, number):
        if self.is_running():
            self.process.send_signal(number)


def wait_ready(members, terminal, certificates):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if not all(member.is_running() for member in members):
            return False
        if all(member.is_ready() for member in members):
            ports = ", ".join(f"http://127.0.0.1:{member.port}" for member in members)
            terminal.say(f"\n{len(members)} nodes answer as one: {ports}")
            terminal.say(f"  who is in it   curl -s 127.0.0.1:{members[0].port}/cluster/status")
            if certificates:
                terminal.say(
                    f"  under TLS      https://127.0.0.1:{members[0].port + 1000}, certificates in {certificates.folder}"
                )
            terminal.say("  stop them      Ctrl-C\n")
            return True
        time.sleep(0.1)
    terminal.say(f"not all nodes are ready after {READY_SECONDS} s; their reasons are at /readyz")
    return True


def stop(members, terminal):
    """Asks all at once; each further Ctrl-C is more urgent."""
    urgency = [signal.SIGTERM, signal.SIGTERM, signal.SIGKILL]
    terminal.say("\nstopping")
    for number in urgency:
        for member in members:
            member.tell(number)
        try:
            for member in members:
                member.process.wait()
                member.reader.join()
            return
        except KeyboardInterrupt:
            terminal.say("\nstopping at once")
    for member in members:
        member.process.wait()


def interrupt(*_):
    """As Ctrl-C does, also where that is ignored: a script's `make cluster &`."""
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("run/cluster"))
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    options.binary, options.folder = options.binary.resolve(), options.folder.resolve()
    if not options.binary.is_file():
        sys.exit(f"{options.binary} is not there: make build")
    if not 1 <= options.nodes <= 100:
        sys.exit("--nodes must be from 1 to 100")

    terminal = Terminal()
    certificates = Certificates(options.folder / "tls") if options.tls else None
    seeds = [f"127.0.0.1:{options.port + 2000 + i}" for i in range(min(options.nodes, 3))]
    members = []
    signal.signal(signal.SIGTERM, interrupt)
    try:
        for number in range(1, options.nodes + 1):
            members.append(Member(number, options, seeds, certificates, terminal))
        good = wait_ready(members, terminal, certificates)
        while good and any(member.is_running() for member in members):
            time.sleep(0.2)
        terminal.say("a node did not start" if not good else "all nodes have ended")
        failed = True
    except KeyboardInterrupt:
        failed = False
    stop(members, terminal)
    codes = [member.process.returncode for member in members]
    sys.exit(1 if failed or any(codes) else 0)


if __name__ == "__main__":
    main()
