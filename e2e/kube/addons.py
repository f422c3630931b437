"""What a cluster needs besides its own programs: DNS, volumes, their growth, resource metrics. Processes of this machine."""

import json
import sys

from kube import binaries, node, settings

NAMESPACE = "kube-system"
STORAGE_CLASS = "standard"
METRICS_PORT = 4443


def start(state, certificates, api):
    kubeconfig = certificates.write_kubeconfig(state.config / "addons.kubeconfig", "addons")
    start_dns(state, kubeconfig)
    start_volumes(state, api, kubeconfig)
    start_metrics(state, certificates, api, kubeconfig)


def start_dns(state, kubeconfig):
    configuration = state.config / "Corefile"
    configuration.write_text(f""".:53 {{
    bind {settings.BRIDGE_ADDRESS}
    errors
    ready {settings.BRIDGE_ADDRESS}:8181
    kubernetes {settings.CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
}}
""")
    state.start("coredns", [binaries.path_of("coredns"), "-conf", configuration])


def start_volumes(state, api, kubeconfig):
    """rancher/local-path-provisioner, and beside it what lets a claim grow (it cannot itself)."""
    paths = [{"node": each.name, "paths": [str(each.volumes)]} for each in node.all_nodes(state)]
    configuration = state.config / "volumes.json"
    configuration.write_text(json.dumps({"nodePathMap": paths}))
    # 0777: a pod that is not root writes into its volume's root folder.
    scripts = {"setup": '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n', "teardown": '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n'}
    helper = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {"containers": [{"name": "helper-pod", "image": settings.BUSYBOX_IMAGE, "imagePullPolicy": "Never"}],
                 "tolerations": [{"operator": "Exists"}]},
    }  # fmt: skip
    helper_file = state.config / "helper-pod.yaml"
    helper_file.write_text(json.dumps(helper))
    # The provisioner mounts this ConfigMap into its helper pods.
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "local-path-config", "namespace": NAMESPACE},
               "data": scripts})  # fmt: skip
    api.apply({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
    })  # fmt: skip
    state.start("local-path-provisioner", [
        binaries.path_of("local-path-provisioner"), "start", "--config", configuration, "--kubeconfig", kubeconfig,
        "--namespace", NAMESPACE, "--helper-image", settings.BUSYBOX_IMAGE, "--helper-pod-file", helper_file,
        "--configmap-name", "local-path-config", "--service-account-name", "default",
    ])  # fmt: skip
    state.start("volume-growth", [sys.executable, "-u", settings.TREE / "e2e" / "kube" / "volume_growth.py"])


def start_metrics(state, certificates, api, kubeconfig):
    """Resource metrics for HPAs: an aggregated API that runs on this machine."""
    labels = {"app": "metrics-server"}
    port = {"name": "https", "port": 443, "targetPort": METRICS_PORT, "protocol": "TCP"}
    api.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics-server", "namespace": NAMESPACE,
               "labels": labels}, "spec": {"ports": [port]}})  # fmt: skip
    api.apply({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "metrics-server-1", "namespace": NAMESPACE,
                     "labels": {"kubernetes.io/service-name": "metrics-server"}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": METRICS_PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [settings.BRIDGE_ADDRESS], "conditions": {"ready": True}}],
    })  # fmt: skip
    api.apply({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {"service": {"name": "metrics-server", "namespace": NAMESPACE}, "group": "metrics.k8s.io", "version": "v1beta1",
                 "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100},
    })  # fmt: skip
    state.start("metrics-server", [
        binaries.path_of("metrics-server"), f"--kubeconfig={kubeconfig}", f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}", f"--bind-address={settings.BRIDGE_ADDRESS}",
        f"--secure-port={METRICS_PORT}", f"--cert-dir={state.config / 'metrics-server'}",
        f"--kubelet-certificate-authority={certificates.certificate('ca')}",
        "--kubelet-preferred-address-types=InternalIP", "--metric-resolution=15s",
    ])  # fmt: skip
