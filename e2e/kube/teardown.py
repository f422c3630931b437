"""Leaves the machine as it was. Works after a half-finished bring-up, and again after itself."""

import os
import pathlib
import shutil
import signal
import time

from kube import binaries, network, node, settings
from kube.shell import Failed, run, say, step
from kube.state import State

KILL_SECONDS = 15


def down():
    """Takes everything away and forgets it. Failed, with a list, if something would not go."""
    state = State()
    if not state.exists():
        faults = network.down()
        if faults:
            raise Failed("\n".join(faults))
        say("no stage is up")
        return
    faults = []
    with step("processes"):
        stop_processes(state)
    with step("containers"):
        faults += stop_containers(state)
    with step("mounts"):
        faults += unmount(state)
    with step("network"):
        faults += network.down()
    with step("cgroups"):
        faults += remove_cgroups(state)
    with step("files"):
        restore_sysctls(state)
        remove_files(state)
        if not faults:
            shutil.rmtree(state.folder)
    if faults:
        raise Failed(f"some things would not go (call it again, or see {state.folder}):\n  " + "\n  ".join(faults))


def stop_processes(state):
    """Kubelets first, so that nothing is started again; etcd last. All data goes too: no reason to wait for anybody."""
    first = [each.kubelet for each in node.all_nodes(state)]
    last = ["kube-apiserver", "etcd"]
    middle = [name for name in state.data["processes"] if name not in first + last]
    for name in first + middle + last:
        if state.alive(name):
            state.signal(name, signal.SIGCONT)
            state.kill(name)


def ours(state):
    """Processes of the stage that no record names: containers, the shims that hold them, and what was just started."""
    found, programs = {}, {"containerd-shim-runc-v2", "containerd", "etcd", *binaries.names()}
    cgroups = tuple(f"/{settings.node_name(number)}/" for number in settings.NODES)
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = [line.split(":", 2)[2] + "/" for line in (folder / "cgroup").read_text().splitlines()]
        except (OSError, IndexError):
            continue
        # A program that was started and could not be recorded any more names the stage's folder, as every one of them does.
        is_program = os.path.basename(command.split(" ")[0]) in programs and f"{state.folder}/" in command
        if is_program or any(group.startswith(cgroups) for group in groups):
            found[int(folder.name)] = command.strip() or folder.name
    return found


def stop_containers(state):
    deadline = time.monotonic() + KILL_SECONDS
    while True:
        found = ours(state)
        if not found:
            return []
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            return [f"process {pid}: {command[:100]}" for pid, command in found.items()]
        time.sleep(0.2)


def unmount(state):
    inside = f"{state.folder}/"
    for _ in range(3):
        lines = pathlib.Path("/proc/mounts").read_text().splitlines()
        mounted = [path for path in (line.split()[1] for line in lines) if path.startswith(inside)]
        if not mounted:
            return []
        for path in sorted(mounted, key=len, reverse=True):
            if run(["umount", path], check=False).returncode != 0:
                run(["umount", "-l", path], check=False)
    return [f"mount {path}" for path in mounted]


def remove_cgroups(state):
    faults = []
    for each in node.all_nodes(state):
        for folder in each.cgroup_folders():
            for attempt in range(20):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError as fault:
                    if attempt == 19:
                        faults.append(f"cgroup {folder}: {fault.strerror}")
                    time.sleep(0.05)
    return faults


def restore_sysctls(state):
    for name, value in state.data["sysctls"].items():
        run(["sysctl", "-q", "-w", f"{name}={value}"], check=False)


def remove_files(state):
    for path in map(pathlib.Path, state.data["paths"]):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    # Where such a folder was there before, only what points into the stage goes.
    logs = pathlib.Path("/var/log/containers")
    for link in logs.iterdir() if logs.is_dir() else ():
        if link.is_symlink() and os.readlink(link).startswith(f"{state.folder}/"):
            link.unlink()
    results = pathlib.Path("/var/lib/cni/results")
    for number in settings.NODES:
        for file in results.glob(f"pods-{number}-*"):
            file.unlink()
