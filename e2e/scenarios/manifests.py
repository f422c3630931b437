"""Objects written by hand, all fit for a namespace that enforces the restricted standard."""

from kube import settings

USER = 65532
POD_SECURITY = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
CONTAINER_SECURITY = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def container(name, image, **fields):
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "securityContext": CONTAINER_SECURITY, **fields}


def pod(name, labels, containers, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"securityContext": POD_SECURITY, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1,
                 "containers": containers, **spec},
    }  # fmt: skip


def idle_pod(name, **spec):
    """A Python that waits: something to look around from. (Debian's static busybox crashes when it looks up a name.)"""
    wait = ["/usr/bin/python3", "-c", "import signal; signal.pause()"]
    return pod(name, {"app": name}, [container("main", settings.LOAD_IMAGE, command=wait)], **spec)


def service(name, labels, port, headless=False):
    spec = {"selector": labels, "ports": [{"name": "http", "port": port, "targetPort": port}]}
    if headless:
        spec.update(clusterIP="None", publishNotReadyAddresses=True)
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def secret(name, **values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def stateful_set(name, replicas, main, volumes=(), size="1Gi", grace=30):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "serviceName": f"{name}-nodes",
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "securityContext": POD_SECURITY,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": grace,
                    "containers": [main],
                    "volumes": list(volumes),
                    "topologySpreadConstraints": [{
                        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": labels},
                    }],
                },
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
            }],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        },
    }  # fmt: skip
