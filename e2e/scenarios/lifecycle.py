"""Pause, hibernation, growth of volumes, compaction, and the quiet in between."""

import re
import time

from scenarios import installing
from scenarios.cluster import NAME, SPEC, Cluster
from scenarios.load import Load, quiet
from scenarios.registry import scenario

PAUSED_SECONDS = 20
IDLE_SECONDS = 60
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")


@scenario("pause", minutes=2)
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


@scenario("hibernate", minutes=1.5)
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


@scenario("volume-growth", minutes=1.5)
def volume_growth(context):
    """A larger storage.size reaches every claim and the StatefulSet, and no pod is touched for it."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)

    pods = cluster.uids()

    def grown():
        made = context.api.find("StatefulSet", context.namespace, NAME)
        template = made["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] if made else None
        return template == "2Gi" and all(one["status"].get("capacity", {}).get("storage") == "2Gi" for one in cluster.claims())

    with context.timed("volumes and the StatefulSet's template have grown from 1Gi to 2Gi", 180):
        cluster.change(storage={"size": "2Gi"})
        context.wait("grown: every claim, and the template", grown, 180)
        cluster.wait_settled(180)
    context.check(cluster.uids() == pods, "no pod was made anew for it")
    load.run_for(5)
    load.finish_clean()


@scenario("compaction", minutes=2)
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


@scenario("scheduled-snapshots", minutes=3)
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


@scenario("retain", minutes=2)
def retain(context):
    """deletePolicy Retain keeps the claims of a deleted cluster, and the next one of that name takes them up."""
    spec = {**SPEC, "storage": {"size": "1Gi", "deletePolicy": "Retain"}}
    cluster = Cluster(context).create(spec)
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(10)
    claims = {one["metadata"]["uid"] for one in cluster.claims()}
    deleted = time.time()
    context.api.delete("FerroCacheCluster", context.namespace, NAME)
    context.wait("gone: all pods", lambda: not cluster.pods(), 90)
    context.wait("gone: the StatefulSet", lambda: context.api.find("StatefulSet", context.namespace, NAME) is None, 60)
    context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "every claim is kept")
    cluster.create(spec)
    context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "the new cluster has taken the claims up")
    context.wait("served: five seconds without a failure", lambda: quiet(load, deleted, 5), 120, 0.5)
    again = time.time()
    load.run_for(5)
    load.finish_clean(faulty=(deleted, again))


@scenario("stray-delete", minutes=2)
def stray_delete(context):
    """kubectl delete sts by mistake: pods stop, no volume goes with it, and every entry is there when they are back."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(10)
    claims = {one["metadata"]["uid"] for one in cluster.claims()}
    began = time.time()
    for cascade in ("background", "foreground"):
        context.wait("theirs: every claim has two owners", lambda: owners(cluster) == {("FerroCacheCluster", "StatefulSet")}, 30)
        before = set_uid(context)
        with context.timed(f"kubectl delete sts, {cascade}: settled again", 90):
            context.stage.kubectl("delete", "sts", NAME, "-n", context.namespace, f"--cascade={cascade}", "--wait=false")
            context.wait("new: the StatefulSet", lambda: set_uid(context) not in (None, before), 60)
            cluster.wait_settled(120)
        context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "every claim is the same as before")
        context.wait("served: five seconds without a failure", lambda: quiet(load, began, 5), 60, 0.5)
    back = time.time()
    load.run_for(5)
    load.finish_clean(faulty=(began, back))


def set_uid(context):
    found = context.api.find("StatefulSet", context.namespace, NAME)
    return found and found["metadata"]["uid"]


def owners(cluster):
    """Kinds of owners, for every claim."""
    return {tuple(sorted(one["kind"] for one in claim["metadata"].get("ownerReferences", []))) for claim in cluster.claims()}


@scenario("retain-scale", minutes=2)
def retain_scale(context):
    """With deletePolicy Retain a removed node's volume stays, and brings nothing back that was deleted while it lay there."""
    spec = {**SPEC, "replicas": 4, "storage": {"size": "1Gi", "deletePolicy": "Retain"}}
    cluster = Cluster(context).create(spec)
    load = Load(context, NAME, f"{NAME}-token", rate=150).start()
    load.run_for(10)
    claims = {one["metadata"]["uid"] for one in cluster.claims()}
    with context.timed("scaled down from 4 to 3", 120):
        cluster.change(replicas=3)
        cluster.wait_settled(240)
    load.run_for(20)
    context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "every claim is kept")
    with context.timed("scaled up from 3 to 4, on the volume that was kept", 60):
        cluster.change(replicas=4)
        cluster.wait_settled(120)
    context.check({one["metadata"]["uid"] for one in cluster.claims()} == claims, "the kept claim is used again")
    load.run_for(10)
    load.finish_clean()


@scenario("idle", minutes=2)
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


@scenario("uninstall", minutes=1.5)
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
        installing.install(context.stage, context.mercy.patience)
        cluster.wait_settled(120)
    context.check(cluster.uids() == before, "every pod is the same as before")
    load.finish_clean()


@scenario("namespace-scoped", minutes=2)
def namespace_scoped(context):
    """An operator for one namespace has Roles there and nothing else: its cluster scales and rolls, another's is left alone."""
    elsewhere = f"{context.namespace}-elsewhere"
    context.delete_namespace(elsewhere)
    context.at_end(installing.install, context.stage, context.mercy.patience)
    context.at_end(context.delete_namespace, elsewhere)
    context.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    installing.install(context.stage, context.mercy.patience, watch_namespaces=[context.namespace])
    bound = [one["metadata"]["name"] for one in context.api.list("ClusterRoleBinding")
             if any(who.get("namespace") == installing.NAMESPACE for who in one.get("subjects", []))]  # fmt: skip
    context.check(not bound, f"the operator has no right beyond its namespaces: {bound}")
    other = Cluster(context)
    context.api.apply({**other.manifest(SPEC), "metadata": {"name": NAME, "namespace": elsewhere}})
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    with context.timed("scaled to four and rolled", 180):
        cluster.change(replicas=4, config={"hnsw.ef_search": "77"})
        cluster.wait_settled(240)
    with context.timed("a larger volume", 60):
        cluster.change(storage={"size": "2Gi"})
        context.wait("grown: every claim",
                     lambda: all(one["status"]["capacity"]["storage"] == "2Gi" for one in cluster.claims()), 120)  # fmt: skip
        cluster.wait_settled(120)
    load.finish_clean()
    found = context.api.get("FerroCacheCluster", elsewhere, NAME)
    context.check("status" not in found, "the cluster of the other namespace is nobody's")
    refused = [line for line in installing.logs(context.stage).splitlines() if "forbidden" in line.lower()]
    context.check(not refused, f"nothing was refused to the operator: {refused[:3]}")
