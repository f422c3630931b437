"""The operator on the stage, as a user installs it: by Helm."""

from kube import settings
from kube.shell import Failed, say, step

NAMESPACE = "ferrocache-system"
RELEASE = "ferrocache"
CHART = settings.TREE / "charts" / "ferrocache-operator"
SAMPLE = settings.TREE / "crds" / "samples" / "demo.yaml"
LABELS = "app.kubernetes.io/name=ferrocache-operator"


def values(image=settings.OPERATOR_IMAGE, node_image=settings.NODE_IMAGE):
    """What differs here from a plain installation: images that are on the nodes already."""
    repository, tag = image.rsplit(":", 1)
    return {"image.repository": repository, "image.tag": tag, "image.pullPolicy": "IfNotPresent", "nodeImage": node_image}


def install(stage, **changes):
    """Installs or upgrades; returns when the operator's pods are Ready."""
    if not CHART.is_dir():
        raise Failed(f"{CHART} is not there: the operator cannot be installed")
    words = ["upgrade", "--install", RELEASE, CHART, "-n", NAMESPACE, "--create-namespace", "--wait", "--timeout", "120s"]
    for key, value in values(**changes).items():
        words += ["--set-string", f"{key}={value}"]
    stage.helm(*words)


def ensure(stage):
    if not pods(stage):
        with step("the operator, by Helm"):
            install(stage)


def pods(stage):
    return [found for found in stage.api.list("Pod", NAMESPACE, LABELS) if not found["metadata"].get("deletionTimestamp")]


def leader(stage):
    """Name of the pod that holds the lease, or None."""
    lease = stage.api.find("Lease", NAMESPACE, "ferrocache-operator")
    holder = (lease or {}).get("spec", {}).get("holderIdentity") or ""
    return next((found["metadata"]["name"] for found in pods(stage) if holder.startswith(found["metadata"]["name"])), None)


def restart_counts(stage):
    return {found["metadata"]["name"]: sum(one["restartCount"] for one in found["status"].get("containerStatuses", []))
            for found in pods(stage)}  # fmt: skip


def tell(stage):
    for found in pods(stage):
        say(f"  operator {found['metadata']['name']} on {found['spec'].get('nodeName')}")
