"""More nodes, fewer nodes, and a change of mind midway: none may cost a request or an entry."""

from scenarios.cluster import NAME, SPEC, Cluster
from scenarios.load import Load
from scenarios.registry import scenario

SCALE_UP_SECONDS = 60
SCALE_DOWN_SECONDS = 120


def kubectl_scale(context, replicas):
    context.stage.kubectl("scale", "-n", context.namespace, f"fcc/{NAME}", f"--replicas={replicas}")


@scenario("scale", minutes=2)
def scale(context):
    """kubectl scale from 3 to 5 and back to 3, with pods and claims gone in the end."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    with context.timed("scaled up from 3 to 5", SCALE_UP_SECONDS):
        kubectl_scale(context, 5)
        cluster.wait_settled(180)
    context.check(len(cluster.ready_pods()) == 5, "five pods are ready")
    rings = {status["ring"]["fingerprint"] for status in cluster.node_statuses().values()}
    context.check(len(rings) == 1, "all five nodes agree on the ring")
    load.run_for(10)
    with context.timed("scaled down from 5 to 3", SCALE_DOWN_SECONDS):
        kubectl_scale(context, 3)
        cluster.wait_settled(240)
    context.check(sorted(cluster.uids()) == [f"{NAME}-{i}" for i in range(3)], "three pods are left")
    with context.timed("the claims of those that went are deleted", 60):
        context.wait("gone: two claims", lambda: len(cluster.claims()) == 3, 90)
    statuses = cluster.node_statuses()
    context.check(all(status["ring_size"] == 3 for status in statuses.values()), "the ring has three members")
    load.run_for(5)
    load.finish_clean()


@scenario("scale-revert", minutes=4)
def scale_revert(context):
    """A scale-down that is taken back while a node drains: the node stays, with its pod."""
    cluster = Cluster(context).create({**SPEC, "replicas": 4})
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(10)
    last = f"{NAME}-3"
    before = cluster.uids()[last]
    kubectl_scale(context, 3)

    def draining():
        members = {one["name"]: one.get("state") for one in cluster.status().get("members", [])}
        return members.get(last) in ("draining", "drained") or cluster.node_status(last)["state"] in ("draining", "drained")

    with context.timed("the last node begins to drain"):
        context.wait("draining: the last node", draining, 60, 0.1)
    with context.timed("taken back: settled with four", SCALE_DOWN_SECONDS):
        kubectl_scale(context, 4)
        cluster.wait_settled(240)
    states = {pod: status["state"] for pod, status in cluster.node_statuses().items()}
    context.check(set(states.values()) == {"ready"} and len(states) == 4, f"all four nodes are ready: {states}")
    context.say(f"the draining pod {'stayed' if cluster.uids()[last] == before else 'was made anew'}")
    load.run_for(5)
    load.finish_clean()


# A budget so small that the load fills a tenth of it within a minute: the least target the schema takes.
SMALL_MEMORY = {"memory.max_bytes": "16777216"}
AUTOSCALING = {"minReplicas": 3, "maxReplicas": 4, "targetMemoryPercent": 10, "stabilizationSeconds": 10}


@scenario("autoscaling", minutes=3)
def autoscaling(context):
    """The operator's own autoscaler adds a node when memory passes its target, and refuses an outside writer of replicas."""
    cluster = Cluster(context).create({**SPEC, "config": SMALL_MEMORY, "autoscaling": AUTOSCALING})
    load = Load(context, NAME, f"{NAME}-token", rate=250).start()
    with context.timed("the autoscaler adds a node", 180):
        context.wait("four: spec.replicas", lambda: cluster.get()["spec"]["replicas"] == 4, 240, 1)
        cluster.wait_settled(150)
    load.finish_clean()


@scenario("hpa", minutes=2)
def hpa(context):
    """A HorizontalPodAutoscaler steers the resource through its scale subresource."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token", rate=150).start()
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 1}}}
    target = {"apiVersion": "cache.ferrocache.io/v1alpha1", "kind": "FerroCacheCluster", "name": NAME}
    context.apply({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": NAME},
                   "spec": {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 4, "metrics": [metric]}})  # fmt: skip
    with context.timed("the HPA adds a node", 180):
        context.wait("four: spec.replicas", lambda: cluster.get()["spec"]["replicas"] == 4, 240, 1)
        cluster.wait_settled(150)
    load.finish_clean()
