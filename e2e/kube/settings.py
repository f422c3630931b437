"""What is fixed about the stage: versions, addresses, names, folders. Nothing here touches the machine."""

import os
import pathlib
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]

KUBERNETES_VERSION = "v1.34.4"
HELM_VERSION = "v3.19.5"

NODES = (1, 2, 3)

# The host's side. Everything that the control plane listens on has an address of the stage's own, so that it meets nobody's port:
# the bridge for what pods and nodes must reach, one of loopback's 16 million for the rest.
BRIDGE = "br-kube"
BRIDGE_ADDRESS = "10.250.0.1"
BRIDGE_NETWORK = "10.250.0.0/24"
PRIVATE_ADDRESS = "127.250.0.1"
API_PORT = 6443
API_URL = f"https://{BRIDGE_ADDRESS}:{API_PORT}"
SERVICE_NETWORK = "10.96.0.0/16"
KUBERNETES_SERVICE_ADDRESS = "10.96.0.1"
POD_NETWORK = "10.244.0.0/16"
CLUSTER_DOMAIN = "cluster.local"

LOCK_FILE = "/run/lock/ferrocache-e2e.lock"

PAUSE_IMAGE = "localhost/pause:1"
BUSYBOX_IMAGE = "localhost/busybox:1"
NODE_IMAGE = "localhost/ferrocache/ferrocached:dev"
OPERATOR_IMAGE = "localhost/ferrocache/ferrocache-operator:dev"
LOAD_IMAGE = "localhost/ferrocache/load:dev"


def node_name(number):
    return f"node-{number}"


def node_address(number):
    return f"10.250.0.{10 + number}"


def pod_network(number):
    return f"10.244.{number}.0/24"


def cache_folder():
    """Binaries that take long to build, kept outside the tree."""
    return pathlib.Path(os.environ.get("FERRO_E2E_CACHE") or pathlib.Path.home() / ".cache" / "ferrocache-e2e")


def stage_folder():
    """State, logs, volumes. One stage a machine, so that any checkout finds and stops it; short, for the sake of socket paths."""
    return pathlib.Path(os.environ.get("FERRO_E2E_FOLDER") or pathlib.Path(tempfile.gettempdir()) / "ferrocache-e2e")
