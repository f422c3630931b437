"""The stage itself, before anything of the product is tried on it."""

import base64

from kube import control_plane, network, settings
from scenarios import manifests
from scenarios.registry import scenario

SCRIPT = "echo born | tee -a /data/life; exec httpd -f -p 3000 -h /data"
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
LABELS = {"app": "web"}


def main_container():
    return manifests.container(
        "main", settings.BUSYBOX_IMAGE, command=["/bin/sh", "-c", SCRIPT],
        readinessProbe={"httpGet": {"path": "/life", "port": 3000}, "periodSeconds": 1},
        volumeMounts=[{"name": "data", "mountPath": "/data"}, {"name": "secret", "mountPath": "/secret"}],
    )  # fmt: skip


@scenario("stage-basics", minutes=3, needs_operator=False)
def stage_basics(context):
    """Volumes, Services, DNS, Secrets, scaling, exec and logs under the restricted standard."""
    context.check(len(context.stage.ready_nodes()) == len(settings.NODES), "all nodes are Ready")
    refused = context.stage.kubectl("run", "-n", context.namespace, "root", f"--image={settings.BUSYBOX_IMAGE}", check=False)
    context.check(refused.returncode != 0 and "violates PodSecurity" in refused.stderr, "a pod without restrictions is refused")

    context.apply(manifests.secret("word", word="before"))
    context.apply(manifests.service("web", LABELS, 3000))
    context.apply(manifests.service("web-nodes", LABELS, 3000, headless=True))
    volumes = [{"name": "secret", "secret": {"secretName": "word"}}]
    web = manifests.stateful_set("web", 3, main_container(), volumes, grace=1)
    context.apply(web)
    with context.timed("three pods with volumes Ready", 60):
        context.wait("Ready: three pods", lambda: len(context.ready_pods("app=web")) == 3, 90)
    nodes = {found["spec"]["nodeName"] for found in context.pods("app=web")}
    context.check(len(nodes) == 3, f"the pods are on three nodes, not {nodes}")

    context.apply(manifests.idle_pod("look"))
    context.wait_pod_ready("look", 30)
    names_and_services(context)
    secret_propagates(context)
    pod_comes_back(context)
    claim_grows(context)
    scales(context)


def names_and_services(context):
    domain = f"{context.namespace}.svc.{settings.CLUSTER_DOMAIN}"
    with context.timed("names and Service addresses", 30):
        for name in (f"web-0.web-nodes.{domain}", f"web.{context.namespace}.svc", "web"):
            said = context.python("look", FETCH, f"http://{name}:3000/life")
            context.check("born" in said, f"{name} answers")
    address = context.pod("web-1")["status"]["podIP"]
    found = context.python("look", "import socket, sys; print(socket.gethostbyname(sys.argv[1]))", f"web-1.web-nodes.{domain}")
    context.check(found.strip() == address, "DNS knows the pod's address")


def secret_propagates(context):
    context.apply(manifests.secret("word", word="after"))
    with context.timed("a changed Secret is in a running pod", 30):
        context.wait("changed: the mounted Secret", lambda: context.execute("web-0", "cat", "/secret/word") == "after", 40, 0.5)
    read = base64.b64decode(context.api.get("Secret", context.namespace, "word")["data"]["word"]).decode()
    context.check(read == "after", "the API says so too")


def pod_comes_back(context):
    before = context.pod("web-1")["metadata"]["uid"]
    context.api.delete("Pod", context.namespace, "web-1")
    with context.timed("a deleted pod is back with its volume", 30):
        context.wait_pod_ready("web-1", 60, other_than=before)
    context.check(context.execute("web-1", "cat", "/data/life").count("born") == 2, "its volume came back with it")
    context.check("born" in context.stage.kubectl("logs", "-n", context.namespace, "web-1"), "its log can be read")


def claim_grows(context):
    wanted = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    context.api.patch("PersistentVolumeClaim", context.namespace, "data-web-0", wanted)

    def granted():
        status = context.api.get("PersistentVolumeClaim", context.namespace, "data-web-0")["status"]
        return status["capacity"]["storage"] == "2Gi"

    with context.timed("a claim has grown", 20):
        context.wait("granted: 2Gi", granted, 30)


def scales(context):
    context.stage.kubectl("scale", "-n", context.namespace, "statefulset/web", "--replicas=5")
    with context.timed("scaled from 3 to 5", 40):
        context.wait("Ready: five pods", lambda: len(context.ready_pods("app=web")) == 5, 60)
    context.stage.kubectl("scale", "-n", context.namespace, "statefulset/web", "--replicas=1")
    with context.timed("scaled from 5 to 1", 30):
        context.wait("gone: four pods", lambda: len(context.pods("app=web")) == 1, 60)


@scenario("stage-faults", minutes=4, needs_operator=False)
def stage_faults(context):
    """A node that is cut off, a node whose processes are killed, etcd and API server restarted."""
    state, api = context.stage.state, context.api
    victim = context.stage.node("node-3")
    context.at_end(network.heal, victim.number)
    network.cut(victim.number)
    with context.timed("a node that is cut off is NotReady", 90):
        context.wait_node_readiness(victim.name, False, 120)
    network.heal(victim.number)
    with context.timed("healed, it is Ready", 60):
        context.wait_node_readiness(victim.name, True, 90)

    context.at_end(victim.start_again)
    victim.kill()
    with context.timed("a node whose processes died is NotReady", 90):
        context.wait_node_readiness(victim.name, False, 120)
    victim.start_again()
    with context.timed("started again, it is Ready", 60):
        context.wait_node_readiness(victim.name, True, 90)

    for name in ("kube-apiserver", "etcd"):
        state.kill(name)
        with context.timed(f"{name} killed and started again: answers", 60):
            control_plane.start_again(state, api, name)
    context.wait("Ready: all nodes", lambda: len(context.stage.ready_nodes()) == 3, 60)
