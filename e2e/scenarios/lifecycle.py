"""Pause, hibernation, growth of volumes, compaction, and the quiet in between."""

import re
import time

from scenarios import installing
from scenarios.cluster import NAME, SPEC, Cluster
from scenarios.load import Load
from scenarios.registry import scenario

PAUSED_SECONDS = 20
IDLE_SECONDS = 60
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")


@scenario("pause", minutes=3)
def pause(context):
    """Paused, nothing changes; resumed, what was asked for meanwhile is done."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    cluster.change(paused=True)
    cluster.wait_condition("Paused", "True", 60)
    before = cluster.uids()
    cluster.change(replicas=4, config={"hnsw.ef_search": "77"})
    load.run_for(PAUSED_SECONDS)
    context.check(cluster.uids() == before, "nothing has happened to pods while paused")
    with context.timed("resumed: settled with four", 180):
        cluster.change(paused=False)
        cluster.wait_settled(240)
    context.check(len(cluster.ready_pods()) == 4, "four pods are ready")
    load.run_for(5)
    load.finish_clean()


@scenario("hibernate", minutes=4)
def hibernate(context):
    """Hibernated, no pod runs and every volume is kept; awake again, every entry is there."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(10)
    claims = {one["metadata"]["name"]: one["metadata"]["uid"] for one in cluster.claims()}
    with context.timed("hibernated: no pods", 90):
        asleep = time.time()
        cluster.change(hibernated=True)
        context.wait("gone: all pods", lambda: not cluster.pods(), 120)
    context.check({one["metadata"]["name"]: one["metadata"]["uid"] for one in cluster.claims()} == claims, "all claims are kept")
    with context.timed("awake: settled", 60):
        cluster.change(hibernated=False)
        cluster.wait_settled(120)
    awake = time.time()
    load.run_for(10)
    load.finish_clean(faulty=(asleep, awake))


@scenario("volume-growth", minutes=4)
def volume_growth(context):
    """A larger storage.size reaches every claim and the StatefulSet, without a pod lost to it beyond a roll."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)

    def grown():
        return all(one["status"].get("capacity", {}).get("storage") == "2Gi" for one in cluster.claims())

    with context.timed("every volume has grown from 1Gi to 2Gi", 180):
        cluster.change(storage={"size": "2Gi"})
        context.wait("grown: every claim", grown, 180)
        cluster.wait_settled(180)
    template = context.api.get("StatefulSet", context.namespace, NAME)["spec"]["volumeClaimTemplates"][0]
    context.check(template["spec"]["resources"]["requests"]["storage"] == "2Gi", "the StatefulSet's template asks for it")
    load.run_for(5)
    load.finish_clean()


@scenario("compaction", minutes=3)
def compaction(context):
    """compactGeneration raised: every node takes a snapshot, and status says when."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(10)

    def snapshots():
        return {pod: status["snapshot"] for pod, status in cluster.node_statuses().items()}

    before = snapshots()
    with context.timed("every node has compacted", 120):
        cluster.change(snapshots={"compactGeneration": 1})
        context.wait("new: a snapshot on every node", lambda: all(before[pod] != now for pod, now in snapshots().items()), 180, 1)
        cluster.wait_settled(60)
    context.check(cluster.status().get("lastCompaction"), "status tells when")
    load.finish_clean()


@scenario("scheduled-snapshots", minutes=4)
def scheduled_snapshots(context):
    """A cron schedule of every minute has every node take a snapshot, one after the other, and keeps as many as asked for."""
    cluster = Cluster(context).create({**SPEC, "snapshots": {"schedule": "* * * * *", "retention": 1}})
    load = Load(context, NAME, f"{NAME}-token").start()

    def taken():
        return {pod: status["snapshot"]["number"] for pod, status in cluster.node_statuses().items()}

    before = taken()
    with context.timed("every node has taken two scheduled snapshots", 200):
        context.wait("taken: two snapshots on each", lambda: all(now >= before[pod] + 2 for pod, now in taken().items()), 240, 1)
    kept = {pod: status["snapshot"]["kept"] for pod, status in cluster.node_statuses().items()}
    context.check(set(kept.values()) == {1}, f"one snapshot is kept on each node: {kept}")
    load.finish_clean()


@scenario("retain", minutes=3)
def retain(context):
    """deletePolicy Retain keeps the claims of a deleted cluster, and the next one of that name takes them up."""
    spec = {**SPEC, "storage": {"size": "1Gi", "deletePolicy": "Retain"}}
    cluster = Cluster(context).create(spec)
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    load.finish_clean()
    claims = {one["metadata"]["uid"] for one in cluster.claims()}
    context.api.delete("FerroCacheCluster", context.namespace, NAME)
    context.wait("gone: all pods", lambda: not cluster.pods(), 90)
    context.wait("gone: the StatefulSet", lambda: context.api.find("StatefulSet", context.namespace, NAME) is None, 60)
    context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "every claim is kept")
    cluster.create(spec)
    context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "the new cluster has taken the claims up")


@scenario("idle", minutes=3)
def idle(context):
    """A cluster that nobody changes costs no write to the API but the leader's lease."""
    cluster = Cluster(context).create()
    time.sleep(10)
    before, objects = api_writes(context), versions(context)
    time.sleep(IDLE_SECONDS)
    after = api_writes(context)
    grown = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
    context.say(f"writes in {IDLE_SECONDS} s: {grown or 'none'}")
    context.check(not grown, f"nothing is written while nothing changes: {grown}")
    context.check(versions(context) == objects, "no object has changed")
    cluster.wait_settled(5)


def api_writes(context):
    """Writes of kinds that the operator touches, by what the API server has counted: no leases, no status of machines."""
    kinds = {"ferrocacheclusters", "statefulsets", "services", "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims",
             "poddisruptionbudgets", "networkpolicies", "events", "pods"}  # fmt: skip
    counted = {}
    for line in context.api.request("GET", "/metrics").splitlines():
        if not line.startswith("apiserver_request_total{"):
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
        if labels["verb"] in WRITES and labels["resource"] in kinds:
            key = f"{labels['verb']} {labels['resource']}{'/' + labels['subresource'] if labels['subresource'] else ''}"
            counted[key] = counted.get(key, 0) + float(line.rsplit(" ", 1)[1])
    return counted


def versions(context):
    found = {}
    for kind in ("FerroCacheCluster", "StatefulSet", "Service", "ConfigMap", "Secret", "ServiceAccount", "PodDisruptionBudget",
                 "NetworkPolicy"):  # fmt: skip
        for one in context.api.list(kind, context.namespace):
            found[f"{kind} {one['metadata']['name']}"] = one["metadata"]["resourceVersion"]
    return found


@scenario("uninstall", minutes=2)
def uninstall(context):
    """helm uninstall leaves running clusters, and their resources, alone; installed again, the operator takes them up."""
    cluster = Cluster(context).create()
    before = cluster.uids()
    load = Load(context, NAME, f"{NAME}-token").start()
    context.at_end(installing.install, context.stage)
    context.stage.helm("uninstall", installing.RELEASE, "-n", installing.NAMESPACE, "--wait")
    context.check(cluster.get()["metadata"]["name"] == NAME, "the resource is still there")
    load.run_for(10)
    with context.timed("installed again: settled", 90):
        installing.install(context.stage)
        cluster.wait_settled(120)
    context.check(cluster.uids() == before, "every pod is the same as before")
    load.finish_clean()
