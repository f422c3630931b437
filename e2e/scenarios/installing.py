"""The operator on the stage, as a user installs it: by Helm."""

from kube import settings
from kube.shell import Failed, say, step

NAMESPACE = "ferrocache-system"
RELEASE = "ferrocache"
HELM_SECONDS = 120
CHART = settings.TREE / "charts" / "ferrocache-operator"
SAMPLE = settings.TREE / "crds" / "samples" / "demo.yaml"
LABELS = "app.kubernetes.io/name=ferrocache-operator"


def values(image=settings.OPERATOR_IMAGE, node_image=settings.NODE_IMAGE, watch_namespaces=()):
    """What differs here from a plain installation: images that are on the nodes already."""
    repository, tag = image.rsplit(":", 1)
    watched = {f"watchNamespaces[{number}]": name for number, name in enumerate(watch_namespaces)}
    images = {"image.repository": repository, "image.tag": tag, "image.pullPolicy": "IfNotPresent", "nodeImage": node_image}
    return {**images, **watched}


def install(stage, patience=1, **changes):
    """Installs or upgrades; returns when the operator's pods are Ready."""
    if not CHART.is_dir():
        raise Failed(f"{CHART} is not there: the operator cannot be installed")
    words = ["upgrade", "--install", RELEASE, CHART, "-n", NAMESPACE, "--create-namespace", "--wait",
             "--timeout", f"{HELM_SECONDS * patience}s"]  # fmt: skip
    for key, value in values(**changes).items():
        words += ["--set-string", f"{key}={value}"]
    stage.helm(*words, timeout=HELM_SECONDS * patience + 60)


def ensure(stage, patience=1):
    if not pods(stage):
        with step("the operator, by Helm"):
            install(stage, patience)


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


def logs(stage):
    return "".join(stage.kubectl("logs", "-n", NAMESPACE, found["metadata"]["name"]) for found in pods(stage))


def tell(stage):
    for found in pods(stage):
        say(f"  operator {found['metadata']['name']} on {found['spec'].get('nodeName')}")
