"""Creation and deletion: what appears, what must be refused, what must not stay behind."""

import json

from scenarios import installing
from scenarios.cluster import NAME, SPEC, Cluster
from scenarios.load import Load
from scenarios.registry import scenario

DELETE_SECONDS = 60
OBJECTS = (("StatefulSet", NAME), ("Service", NAME), ("Service", f"{NAME}-nodes"), ("ConfigMap", f"{NAME}-config"),
           ("Secret", f"{NAME}-token"), ("Secret", f"{NAME}-ca"), ("Secret", f"{NAME}-tls"), ("ServiceAccount", NAME),
           ("PodDisruptionBudget", NAME), ("NetworkPolicy", NAME))  # fmt: skip


@scenario("create", minutes=1.5)
def create(context):
    """The sample from the tree, applied as a user does, is ready in time, complete, and answers under load."""
    with context.timed("created: from kubectl apply to Ready", 60):
        context.stage.kubectl("apply", "-n", context.namespace, "-f", installing.SAMPLE)
        cluster = Cluster(context)
        cluster.wait_settled(120)
    for kind, name in OBJECTS:
        found = context.api.find(kind, context.namespace, name)
        context.check(found is not None, f"{kind} {name} is there")
        owner = found["metadata"].get("ownerReferences", [{}])[0].get("uid")
        context.check(owner == cluster.get()["metadata"]["uid"], f"{kind} {name} is owned by the cluster")
    columns = context.stage.kubectl("get", "fcc", "-n", context.namespace)
    for column in ("PHASE", "READY", "DESIRED", "VERSION", "AGE"):
        context.check(column in columns, f"kubectl get fcc shows {column}:\n{columns}")
    secrets = [cluster.secret("ca", "tls.key"), cluster.token()]
    config = context.stage.kubectl("get", "-n", context.namespace, "configmap,statefulset,pod,fcc", "-o", "yaml")
    context.check(not any(one.strip() in config for one in secrets), "no secret is in a ConfigMap, a pod or the status")
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(15)
    load.finish_clean()


REFUSED = (
    ({"replicas": 0}, "replicas"),
    ({"replicas": 101}, "replicas"),
    ({"replicas": 3, "replication": {"factor": 4}}, "factor"),
    ({"replication": {"factor": 6}}, "factor"),
    ({"replication": {"writeConsistency": "most"}}, "writeConsistency"),
    ({"tls": {"certValidity": "24h", "certRenewBefore": "13h"}}, "certRenewBefore"),
    ({"tls": {"caValidity": "24h", "caRenewBefore": "13h"}}, "caRenewBefore"),
    ({"config": {"port": "4000"}}, "config"),
    ({"config": {"cluster.seed_nodes": "elsewhere:1"}}, "config"),
    ({"config": {"auth_token": "x"}}, "config"),
    ({"autoscaling": {"minReplicas": 5, "maxReplicas": 3, "targetMemoryPercent": 70}}, "minReplicas"),
    ({"storage": {"deletePolicy": "Maybe"}}, "deletePolicy"),
    ({"update": {"maxUnavailable": 0}}, "maxUnavailable"),
)


@scenario("admission", minutes=1)
def admission(context):
    """Wrong resources are refused by the API server with a sentence that names the field; the right ones explain themselves."""
    for spec, word in REFUSED:
        done = dry_run(context, spec)
        context.check(done.returncode != 0, f"{spec} is refused")
        context.check(word in done.stderr, f"the refusal of {spec} names {word}: {done.stderr.strip()}")
    for spec in ({}, SPEC, {"replicas": 1, "replication": {"factor": 1}}, {"config": {"hnsw.ef_search": "64"}}):
        done = dry_run(context, spec)
        context.check(done.returncode == 0, f"{spec} is taken: {done.stderr.strip()}")
    explained = context.stage.kubectl("explain", "fcc.spec.tls")
    context.check("certRenewBefore" in explained and "DESCRIPTION" in explained, "kubectl explain tells of tls")
    cluster = Cluster(context)
    cluster.apply({**SPEC, "hibernated": True})
    shrunk = context.stage.kubectl("patch", "fcc", NAME, "-n", context.namespace, "--type=merge", "-p",
                                   '{"spec":{"storage":{"size":"512Mi"}}}', "--dry-run=server", check=False)  # fmt: skip
    context.check(shrunk.returncode != 0 and "storage" in shrunk.stderr, f"smaller storage is refused: {shrunk.stderr.strip()}")


def dry_run(context, spec):
    thing = {"apiVersion": "cache.ferrocache.io/v1alpha1", "kind": "FerroCacheCluster",
             "metadata": {"name": "wrong", "namespace": context.namespace}, "spec": spec}  # fmt: skip
    return context.stage.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(thing), check=False)


@scenario("delete", minutes=1)
def delete(context):
    """A deleted cluster leaves nothing; a namespace deleted with a cluster in it goes, too."""
    cluster = Cluster(context).create()
    context.api.delete("FerroCacheCluster", context.namespace, NAME)
    with context.timed("deleted: nothing of it is left", DELETE_SECONDS):
        context.wait("gone: everything", lambda: not left_behind(context, cluster), DELETE_SECONDS + 60, 0.5)
    second = Cluster(context, "second")
    second.apply(SPEC)
    context.wait("made: a pod of the second cluster", second.pods, 60)
    with context.timed("a namespace goes with a cluster half made", 90):
        context.delete_namespace(context.namespace, 180)
    context.check(not [one for one in context.api.list("PersistentVolume")
                       if one["spec"].get("claimRef", {}).get("namespace") == context.namespace
                       and one["status"].get("phase") == "Bound"], "no volume is bound to it")  # fmt: skip


def left_behind(context, cluster):
    found = [f"{kind} {name}" for kind, name in OBJECTS if context.api.find(kind, context.namespace, name)]
    return found + [one["metadata"]["name"] for one in [*cluster.pods(), *cluster.claims()]]
