"""What breaks: pods, nodes, networks, volumes, the operator, the control plane."""

import random
import time

from kube import control_plane, network
from scenarios import installing
from scenarios.cluster import NAME, Cluster
from scenarios.load import Load, quiet
from scenarios.nodes_by_hand import kill_hard, restarts
from scenarios.registry import scenario

AVAILABLE_SECONDS = 60  # from the issue
POD_BACK_SECONDS = 60
KILLED_SECONDS = 15  # in which requests to a killed process may fail: until its pod has left the Service


@scenario("pod-kill", minutes=1.5)
def pod_kill(context):
    """A deleted pod costs no request; one killed with -9 costs those in flight. Both come back by themselves."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    victim = f"{NAME}-1"
    before = cluster.uids()[victim]
    with context.timed("a deleted pod is back", POD_BACK_SECONDS):
        context.api.delete("Pod", context.namespace, victim)
        context.wait_pod_ready(victim, 120, other_than=before)
        cluster.wait_settled(60)
    failed = load.report()["failed"]
    context.check(not sum(failed.values()), f"no request failed while the pod was away: {load.report()['failures'][:3]}")
    killed = time.time()
    with context.timed("a node killed with -9 is back", POD_BACK_SECONDS):
        kill_hard(context, victim)
        context.wait("restarted: the container", lambda: restarts(context, victim) >= 1, 60)
        cluster.wait_settled(120)
    load.run_for(5)
    load.finish_clean(faulty=(killed, killed + context.patient(KILLED_SECONDS)))


def home_of(context, pod):
    return context.pod(pod)["spec"]["nodeName"]


def start_load_beside(context, pod):
    """The load runs on the node of a pod that stays, away from the node that will be lost."""
    return Load(context, NAME, f"{NAME}-token").start(home_of(context, pod))


@scenario("node-loss", minutes=2.5)
def node_loss(context):
    """A machine dies with all that runs on it, and returns later."""
    cluster = Cluster(context).create()
    load = start_load_beside(context, f"{NAME}-0")
    load.run_for(5)
    victim = context.stage.node(home_of(context, f"{NAME}-2"))
    context.check(victim.name != home_of(context, f"{NAME}-0"), "the pods are on different nodes")
    context.at_end(victim.start_again)
    context.at_end(network.heal, victim.number)
    lost = time.time()
    network.cut(victim.number)
    victim.kill()
    with context.timed("a lost node: requests succeed again, Available", AVAILABLE_SECONDS):
        context.wait("served: five seconds without a failure", lambda: quiet(load, lost, 5), 180, 0.5)
        cluster.wait_condition("Available", "True", 120)
    context.say(f"failed meanwhile: {load.report()['failed']}")
    context.wait_node_readiness(victim.name, False, 120)
    load.run_for(10)
    network.heal(victim.number)
    victim.start_again()
    with context.timed("the node returns: settled", 180):
        context.wait_node_readiness(victim.name, True, 120)
        cluster.wait_settled(240)
    load.run_for(5)
    load.finish_clean(faulty=(lost, lost + AVAILABLE_SECONDS))


@scenario("partition", minutes=2.5)
def partition(context):
    """A node is cut off from everybody for 40 s; both sides keep their promises, and it joins again."""
    cluster = Cluster(context).create()
    load = start_load_beside(context, f"{NAME}-0")
    load.run_for(5)
    victim = context.stage.node(home_of(context, f"{NAME}-2"))
    context.check(victim.name != home_of(context, f"{NAME}-0"), "the pods are on different nodes")
    context.at_end(network.heal, victim.number)
    cut = time.time()
    network.cut(victim.number)
    load.run_for(40)
    network.heal(victim.number)
    with context.timed("healed: settled", 120):
        context.wait_node_readiness(victim.name, True, 90)
        cluster.wait_settled(180)
    whole = time.time()
    context.say(f"failed meanwhile: {load.report()['failed']}")
    load.run_for(10)
    load.finish_clean(faulty=(cut, whole))


@scenario("lost-volume", minutes=1.5)
def lost_volume(context):
    """A pod and its volume are deleted: the node begins anew, takes copies from the others and is never their source."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(10)
    victim = f"{NAME}-1"
    before = cluster.uids()[victim]
    claim = f"data-{victim}"
    old = context.api.get("PersistentVolumeClaim", context.namespace, claim)["metadata"]["uid"]
    with context.timed("a lost volume: settled with a new one", 120):
        context.api.delete("PersistentVolumeClaim", context.namespace, claim)
        context.api.delete("Pod", context.namespace, victim)
        context.wait("new: the claim", lambda: (context.api.find("PersistentVolumeClaim", context.namespace, claim)
                                                or {"metadata": {"uid": old}})["metadata"]["uid"] != old, 120)  # fmt: skip
        context.wait_pod_ready(victim, 120, other_than=before)
        cluster.wait_settled(120)
    context.check(cluster.node_status(victim)["entry_count"] > 0, "the new volume has entries again")
    load.run_for(5)
    load.finish_clean()


@scenario("operator-kills", minutes=3)
def operator_kills(context):
    """The operator's pods are killed at random moments of a scale-up, a token rotation, a roll and a scale-down."""
    seed = random.SystemRandom().randrange(1_000_000)
    source = random.Random(seed)
    context.say(f"seed {seed}")
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    old = cluster.token()
    changes = (
        ("scale-up", {"replicas": 4}),
        ("token rotation", {"auth": {"rotateGeneration": 1}}),
        ("authority replacement", {"tls": {"replaceCAGeneration": 1}}),
        ("roll", {"config": {"hnsw.ef_search": "77"}}),
        ("scale-down", {"replicas": 3}),
    )
    for what, change in changes:
        cluster.change(**change)
        for _ in range(3):
            load.run_for(source.uniform(0.5, 6))
            for found in installing.pods(context.stage):
                context.api.delete("Pod", installing.NAMESPACE, found["metadata"]["name"], grace=0)
        with context.timed(f"{what}, the operator killed three times", 300):
            cluster.wait_settled(360)

    def all_done():
        status = cluster.status()
        done = status["tls"]["caGeneration"] == 2 and status["tls"]["phase"] == "Stable" and not status["auth"]["previousAccepted"]
        return done and cluster.is_settled()

    with context.timed("authority and token are through, too", 300):
        context.wait("done: everything", all_done, 360, 0.5)
    context.check(cluster.token() != old, "the token was rotated")
    context.check(len(cluster.pods()) == 3, "three nodes are left")
    load.run_for(5)
    load.finish_clean()


@scenario("control-plane-restart", minutes=2.5)
def control_plane_restart(context):
    """API server and etcd are killed and started while a scale-up runs: clients notice nothing, the operator goes on."""
    state = context.stage.state
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    before = installing.restart_counts(context.stage)
    cluster.change(replicas=4)
    load.run_for(3)
    # The second time for longer than the operator's lease lasts: it must let go of its work and take it up again.
    for name, seconds in (("kube-apiserver", 8), ("etcd", 30)):
        context.at_end(lambda name=name: state.alive(name) or control_plane.start_again(state, context.api, name))
        state.kill(name)
        load.run_for(seconds)
        control_plane.start_again(state, context.api, name)
        load.run_for(3)
    with context.timed("settled with four after both were restarted", 180):
        cluster.wait_settled(240)
    context.say(f"restarts of the operator: {before} > {installing.restart_counts(context.stage)}")
    cluster.change(replicas=3)
    cluster.wait_settled(180)
    load.finish_clean()
