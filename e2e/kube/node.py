"""One node: cgroups, containerd, kubelet, kube-proxy, each in the node's own network."""

import contextlib
import json
import os
import pathlib
import signal

from kube import binaries, settings
from kube.shell import Failed, run, wait_until

CGROUPS = pathlib.Path("/sys/fs/cgroup")
# The kubelet writes these for the whole machine; teardown writes back what was there.
SYSCTLS_OF_KUBELET = ("vm.overcommit_memory", "vm.panic_on_oom", "kernel.panic", "kernel.panic_on_oops",
                      "kernel.keys.root_maxkeys", "kernel.keys.root_maxbytes")  # fmt: skip
# Paths that kubelet, containerd and CNI make outside every folder they can be given.
PATHS_OF_KUBELET = ("/var/lib/kubelet", "/var/log/containers", "/var/log/pods", "/var/lib/cni", "/run/containerd",
                    "/opt/containerd", "/etc/cni")  # fmt: skip


class Node:
    """Names and folders of node i. Holds nothing: the state remembers the processes."""

    def __init__(self, state, number):
        self.state, self.number, self.name = state, number, settings.node_name(number)
        self.folder = state.folder / self.name
        self.socket = self.folder / "containerd.sock"
        self.volumes = self.folder / "volumes"
        self.containerd, self.kubelet, self.proxy = (f"{self.name}-{part}" for part in ("containerd", "kubelet", "kube-proxy"))

    def processes(self):
        return (self.kubelet, self.proxy, self.containerd)

    def start_containerd(self):
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o711)
        self.volumes.mkdir(exist_ok=True)
        self.make_cgroups()
        (self.folder / "cni").mkdir(exist_ok=True)
        (self.folder / "cni" / "10-pods.conflist").write_text(json.dumps(self.cni_configuration(), indent=1))
        configuration = self.folder / "containerd.toml"
        configuration.write_text(self.containerd_configuration())
        self.state.start(self.containerd, ["/usr/bin/containerd", "--config", configuration], self.number)

    def wait_containerd(self, seconds=30):
        def answers():
            self.state.must_live(self.containerd)
            return self.ctr("version", check=False, timeout=10).returncode == 0

        wait_until(f"answering: {self.containerd}", answers, seconds)

    def start_kubelet(self, certificates):
        kubeconfig = certificates.write_kubeconfig(self.folder / "kubelet.kubeconfig", self.name)
        configuration = self.folder / "kubelet.json"
        configuration.write_text(json.dumps(self.kubelet_configuration(certificates), indent=1))
        self.state.start(self.kubelet, [
            binaries.path_of("kubelet"), f"--config={configuration}", f"--kubeconfig={kubeconfig}",
            f"--hostname-override={self.name}", f"--node-ip={settings.node_address(self.number)}",
            f"--root-dir={self.folder / 'kubelet'}", f"--cert-dir={self.folder / 'pki'}",
            f"--node-labels=topology.kubernetes.io/zone=zone-{self.number}",
        ], self.number)  # fmt: skip

    def start_proxy(self, certificates):
        kubeconfig = certificates.write_kubeconfig(self.folder / "kube-proxy.kubeconfig", "kube-proxy")
        self.state.start(self.proxy, [
            binaries.path_of("kube-proxy"), f"--kubeconfig={kubeconfig}", f"--hostname-override={self.name}",
            "--proxy-mode=iptables", f"--cluster-cidr={settings.POD_NETWORK}", "--conntrack-max-per-core=0",
        ], self.number)  # fmt: skip

    def kill(self):
        """The machine dies: its programs and everything in its containers. Without a farewell."""
        try:
            pids = self.tasks().values()
        except Failed:
            pids = ()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for name in self.processes():
            self.state.kill(name)

    def start_again(self):
        """After kill(), as an init system would: the kubelet ends at once if containerd does not answer yet."""
        if not self.state.alive(self.containerd):
            self.state.start_again(self.containerd)
        self.wait_containerd()
        for name in (self.kubelet, self.proxy):
            if not self.state.alive(name):
                self.state.start_again(name)

    def ctr(self, *words, **options):
        return run(["/usr/bin/ctr", "--address", self.socket, "-n", "k8s.io", *words], **options)

    # Containers

    def tasks(self):
        """Ids and process ids of what runs in this node's containers."""
        lines = self.ctr("tasks", "ls").splitlines()[1:]
        return {line.split()[0]: int(line.split()[1]) for line in lines if line.split()[1] != "0"}

    # Cgroups

    def make_cgroups(self):
        if not (CGROUPS / "memory").is_dir():
            return  # one hierarchy for all: the kubelet makes its own folder
        for hierarchy in self.hierarchies():
            folder = hierarchy / self.name
            folder.mkdir(exist_ok=True)
            if hierarchy.name == "cpuset":
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (folder / name).write_text((hierarchy / name).read_text())

    @staticmethod
    def hierarchies():
        found = [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").is_file()]
        return [path for path in found if path.name != "unified"]

    def cgroup_folders(self):
        """Every cgroup below this node's, the deepest first."""
        roots = [CGROUPS / self.name, CGROUPS / "unified" / self.name]
        roots += [hierarchy / self.name for hierarchy in self.hierarchies()]
        found = []
        for root in roots:
            if root.is_dir():
                found += sorted((path for path in root.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)) + [root]
        return found

    # Configurations

    def containerd_configuration(self):
        # Without restrict_oom_score_adj every sandbox fails where root lacks CAP_SYS_RESOURCE.
        return f"""version = 2
root = "{self.folder / "containerd"}"
state = "{self.folder / "containerd-state"}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{settings.PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.folder / "cni"}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""

    def cni_configuration(self):
        addresses = {"type": "host-local", "dataDir": str(self.folder / "leases"), "routes": [{"dst": "0.0.0.0/0"}],
                     "ranges": [[{"subnet": settings.pod_network(self.number)}]]}  # fmt: skip
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False, "ipam": addresses}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "0.4.0", "name": f"pods-{self.number}", "plugins": [bridge, ports]}

    def kubelet_configuration(self, certificates):
        return {
            "kind": "KubeletConfiguration",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(certificates.certificate("ca"))},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(certificates.certificate(self.name)),
            "tlsPrivateKeyFile": str(certificates.key(self.name)),
            "clusterDomain": settings.CLUSTER_DOMAIN,
            "clusterDNS": [settings.BRIDGE_ADDRESS],
            "resolvConf": "",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.name}",
            "failSwapOn": False,
            "failCgroupV1": False,
            "enforceNodeAllocatable": [],
            "podLogsDir": str(self.folder / "pod-logs"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "serializeImagePulls": False,
            # A changed Secret is in its pods within this, instead of the default minute.
            "configMapAndSecretChangeDetectionStrategy": "Watch",
            "syncFrequency": "10s",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%",
                             "imagefs.available": "1%"},  # fmt: skip
        }


def all_nodes(state):
    return [Node(state, number) for number in settings.NODES]


def numbered(state, name):
    for node in all_nodes(state):
        if node.name == name:
            return node
    raise Failed(f"there is no node {name}")


def remember_machine(state):
    """Before the first kubelet: what it changes outside its folders."""
    for name in SYSCTLS_OF_KUBELET:
        if name not in state.data["sysctls"]:
            state.data["sysctls"][name] = run(["sysctl", "-n", name]).strip()
    for path in PATHS_OF_KUBELET:
        state.remember_path(path)
    state.save()
