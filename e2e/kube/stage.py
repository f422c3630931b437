"""Brings the three nodes up and says how they are."""

import time

from kube import addons, binaries, control_plane, images, network, node, settings, teardown
from kube.api import Api
from kube.certificates import Certificates
from kube.shell import Failed, run, say, step, wait_until
from kube.state import State

READY_SECONDS = 120


class Stage:
    """The cluster that is up: what scenarios act through. Made by up() or attach()."""

    def __init__(self, state):
        self.state = state
        self.certificates = Certificates(state.certificates)
        self.api = Api(self.certificates)
        self.nodes = node.all_nodes(state)

    def node(self, name):
        return node.numbered(self.state, name)

    def kubectl(self, *words, stdin=None, check=True, timeout=120):
        command = [binaries.path_of("kubectl"), f"--kubeconfig={self.state.kubeconfig}", *words]
        return run(command, stdin=stdin, check=check, timeout=timeout)

    def helm(self, *words, check=True, timeout=300):
        return run([binaries.path_of("helm"), f"--kubeconfig={self.state.kubeconfig}", *words], check=check, timeout=timeout)

    def ready_nodes(self):
        def is_ready(found):
            return any(one["type"] == "Ready" and one["status"] == "True" for one in found.get("status", {}).get("conditions", []))

        return sorted(found["metadata"]["name"] for found in self.api.list("Node") if is_ready(found))


def attach():
    state = State()
    if not state.exists():
        raise Failed("no stage is up: make kube-up")
    return Stage(state)


def up():
    """A running stage; what is up already is kept. On a failure what was made stays for `logs` and `down`."""
    began = time.monotonic()
    binaries.build()
    state = State()
    state.hold()
    if state.exists():
        stage = attach()
        dead = [name for name in state.data["processes"] if not state.alive(name)]
        if dead:
            raise Failed(f"a stage is up, but these of its processes are not: {', '.join(dead)}; take it down: make kube-down")
        say(f"the stage is up already ({state.folder})")
        images.deliver_product(state)
        return stage
    state.create()
    say(f"bringing up {len(settings.NODES)} nodes of Kubernetes {settings.KUBERNETES_VERSION} in {state.folder}")
    with step("certificates"):
        stage = _with_certificates(state)
    with step("network"):
        network.up()
    with step("control plane"):
        control_plane.start(state, stage.certificates, stage.api)
    with step("containerd on every node"):
        node.remember_machine(state)
        for each in stage.nodes:
            each.start_containerd()
        for each in stage.nodes:
            each.wait_containerd()
    images.deliver(state, images.BASE)
    with step("nodes Ready"):
        for each in stage.nodes:
            each.start_kubelet(stage.certificates)
            each.start_proxy(stage.certificates)
        wait_ready(stage)
    with step("DNS, volumes, metrics"):
        addons.start(state, stage.certificates, stage.api)
    images.deliver_product(state)
    say(f"up in {time.monotonic() - began:.0f} s")
    return stage


def _with_certificates(state):
    certificates = Certificates(state.certificates)
    certificates.make_all()
    certificates.write_kubeconfig(state.kubeconfig, "admin")
    return Stage(state)


def wait_ready(stage, seconds=READY_SECONDS):
    def all_ready():
        for each in stage.nodes:
            for name in each.processes():
                stage.state.must_live(name)
        return len(stage.ready_nodes()) == len(settings.NODES)

    wait_until("Ready: all nodes", all_ready, seconds)


def status():
    """What runs, for people. False if something that should is not."""
    state = State()
    if not state.exists():
        say("no stage is up")
        return True
    good = True
    say(f"stage in {state.folder}, brought up from {state.data['tree']}")
    for name in state.data["processes"]:
        pid = state.pid(name)
        good = good and pid is not None
        say(f"  {name:28} {'pid ' + str(pid) if pid else 'NOT RUNNING'}")
    stage = attach()
    try:
        say(stage.kubectl("get", "nodes", "-o", "wide", timeout=10))
        say(stage.kubectl("get", "pods", "-A", "-o", "wide", timeout=10))
    except Failed as fault:
        say(str(fault))
        good = False
    return good


def down():
    State.hold()
    teardown.down()


def tell(stage):
    """The lines to try."""
    kubectl = binaries.path_of("kubectl")
    say(f"""
A Kubernetes of three nodes is up. In this terminal:
  export KUBECONFIG={stage.state.kubeconfig} PATH=$PATH:{kubectl.parent}:{binaries.path_of("helm").parent}
  kubectl get nodes -o wide
  kubectl get pods -A
Logs of its own programs: {stage.state.logs}
Take it down, and leave the machine as it was: make kube-down""")
