"""What bring-up has made on this machine, on disk before it is made, so that teardown works after any half of it."""

import fcntl
import json
import os
import signal
import subprocess
import time

from kube import settings, shell


class State:
    """Owner of the stage's folder and of the processes it started. One program at a time holds it (hold())."""

    lock = None

    def __init__(self):
        self.folder = settings.stage_folder()
        self.logs = self.folder / "logs"
        self.certificates = self.folder / "certificates"
        self.config = self.folder / "config"
        self.kubeconfig = self.folder / "kubeconfig"
        self.path = self.folder / "state.json"
        self.data = {"processes": {}, "sysctls": {}, "images": {}, "paths": [], "tree": str(settings.TREE)}
        if self.path.is_file():
            self.data.update(json.loads(self.path.read_text()))

    def exists(self):
        return self.path.is_file()

    def create(self):
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_uid != os.getuid():
            raise shell.Failed(f"{self.folder} belongs to somebody else")
        self.folder.chmod(0o711)  # processes of pods read their volumes below it
        for folder in (self.logs, self.certificates, self.config):
            folder.mkdir(exist_ok=True)
        self.certificates.chmod(0o700)
        self.save()

    @classmethod
    def hold(cls):
        """Two bring-ups at once would undo each other, whatever their folders: links and addresses are the machine's.

        Held by the process until it ends: what brought the stage up may take it down.
        """
        if cls.lock is not None:
            return
        lock = open(settings.LOCK_FILE, "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise shell.Failed(f"another run brings the stage up or down just now ({settings.LOCK_FILE})") from None
        cls.lock = lock

    def save(self):
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.data, indent=1))
        new.rename(self.path)

    def remember_path(self, path):
        """A path outside the stage's folder that was not there before and goes with the stage."""
        if not os.path.lexists(path) and path not in self.data["paths"]:
            self.data["paths"].append(path)
            self.save()

    # Processes

    def start(self, name, argv, node=None):
        """Starts a daemon (in the node's network, if one is named), its output in logs/NAME.log, and records it."""
        if self.alive(name):
            raise shell.Failed(f"{name} is running already")
        argv = [str(word) for word in argv]
        prefix = ["nsenter", f"--net=/run/netns/{settings.node_name(node)}"] if node else []
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(prefix + argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                       start_new_session=True)  # fmt: skip
        self.data["processes"][name] = {"pid": process.pid, "began": began(process.pid), "argv": argv, "node": node}
        self.save()
        return process.pid

    def start_again(self, name):
        known = self.data["processes"][name]
        return self.start(name, known["argv"], known["node"])

    def pid(self, name):
        """The process's id while it lives, else None. An id that was given to another process since does not count."""
        known = self.data["processes"].get(name)
        if known and began(known["pid"]) == known["began"] is not None:
            return known["pid"]
        return None

    def alive(self, name):
        return self.pid(name) is not None

    def must_live(self, name):
        if not self.alive(name):
            raise shell.Failed(f"{name} ended; its log ends\n{shell.last_lines(self.logs / (name + '.log'))}")
        return True

    def signal(self, name, number):
        pid = self.pid(name)
        if pid:
            os.kill(pid, number)

    def stop(self, name, seconds=10):
        """Asks, then insists. The record stays, for start_again()."""
        for number, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
            self.signal(name, number)
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline:
                reap()
                if not self.alive(name):
                    return
                time.sleep(0.05)
        raise shell.Failed(f"{name} (pid {self.pid(name)}) cannot be killed")

    def kill(self, name):
        self.signal(name, signal.SIGKILL)
        self.stop(name, seconds=5)


def began(pid):
    """When a process began, in clock ticks since boot; None if there is none, or only its remains."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def reap():
    """Takes leave of children of ours that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
