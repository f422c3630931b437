"""Changes that reach pods one after the other, and changes that must stop after the first."""

from kube import settings
from kube.shell import Failed
from scenarios import installing
from scenarios.cluster import NAME, ROLL_SECONDS_PER_NODE, Cluster, describe
from scenarios.context import is_ready
from scenarios.load import Load
from scenarios.registry import scenario

NEXT_IMAGE = settings.NODE_IMAGE.replace(":dev", ":next")
NO_IMAGE = "localhost/ferrocache/ferrocached:there-is-none"
STOPPED_SECONDS = 30


class Watch:
    """Counts, while it waits, how many pods were ever away at once."""

    def __init__(self, cluster, replicas):
        self.cluster, self.replicas, self.most_away = cluster, replicas, 0

    def look(self):
        away = self.replicas - len(self.cluster.ready_pods())
        self.most_away = max(self.most_away, away)


def settle_watching(context, cluster, watch, seconds):
    def settled():
        watch.look()
        return cluster.is_settled()

    context.wait("settled", settled, seconds, 0.3)


@scenario("config-change", minutes=4)
def config_change(context):
    """A changed setting reaches every node, one at a time."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    watch = Watch(cluster, 3)
    with context.timed("a setting rolled out", 3 * ROLL_SECONDS_PER_NODE):
        cluster.change(config={"hnsw.ef_search": "77"})
        settle_watching(context, cluster, watch, 240)
    context.check(watch.most_away <= 1, f"at most one pod is away at a time, not {watch.most_away}")
    config = context.api.get("ConfigMap", context.namespace, f"{NAME}-config")["data"]
    context.check(any("77" in text for text in config.values()), "the ConfigMap has the setting")
    load.run_for(5)
    load.finish_clean()


@scenario("image-change", minutes=2)
def image_change(context):
    """Another image rolls through, one node at a time, each within its time."""
    for node in context.stage.nodes:
        node.ctr("images", "tag", "--force", settings.NODE_IMAGE, NEXT_IMAGE)
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    before, watch = cluster.uids(), Watch(cluster, 3)
    with context.timed("an image rolled out to three nodes", 3 * ROLL_SECONDS_PER_NODE):
        cluster.change(image=NEXT_IMAGE)
        settle_watching(context, cluster, watch, 240)
    images = {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()}
    context.check(images == {NEXT_IMAGE}, f"every pod runs the new image: {images}")
    context.check(not set(before.values()) & set(cluster.uids().values()), "every pod was made anew")
    context.check(watch.most_away <= 1, f"at most one pod is away at a time, not {watch.most_away}")
    load.run_for(5)
    load.finish_clean()


@scenario("bad-image", minutes=4)
def bad_image(context):
    """An image that is not there stops after one node and says so; the way back is open."""
    stops_after_one(context, {"image": NO_IMAGE}, {"image": settings.NODE_IMAGE})


@scenario("bad-config", minutes=2)
def bad_config(context):
    """A setting that the node refuses stops after one node and says so; the way back is open."""
    stops_after_one(context, {"config": {"hnsw.ef_search": "many"}}, {"config": {"hnsw.ef_search": None}})


def stops_after_one(context, change, back):
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    before = cluster.uids()
    cluster.change(**change)

    def stuck():
        changed = [pod for pod in cluster.pods() if before.get(pod["metadata"]["name"]) != pod["metadata"]["uid"]]
        return any(not is_ready(pod) for pod in changed) or any(not is_ready(pod) for pod in cluster.pods())

    context.wait("away: the first pod", stuck, 90)

    def told():
        found = cluster.get()
        degraded = next(one for one in found["status"]["conditions"] if one["type"] == "Degraded")
        return (degraded["status"], degraded["reason"], found["status"]["phase"]) == ("True", "NewPodNotReady", "Degraded")

    with context.timed("said in status: the roll has stopped, and why", 90):
        context.wait("told: phase Degraded by NewPodNotReady", told, 120, 0.5)
    load.run_for(STOPPED_SECONDS)
    context.check(told(), f"it is still told after {STOPPED_SECONDS} s: {describe(cluster.get())}")
    rules = {one["rule"] for one in cluster.blockers()}
    context.check("NewPodNotReady" in rules, f"blockedBy names the rule: {rules}")
    away = 3 - len(cluster.ready_pods())
    context.check(away == 1, f"one pod is away, not {away}")
    kept = set(before.values()) & set(cluster.uids().values())
    context.check(len(kept) == 2, "two pods are untouched")
    context.say(f"status: {cluster.status().get('phase')}; {cluster.blockers()}")
    with context.timed("taken back: settled", 90):
        cluster.change(**back)
        cluster.wait_settled(180)
    load.run_for(5)
    load.finish_clean()


@scenario("operator-upgrade", minutes=2)
def operator_upgrade(context):
    """Another version of the operator touches no pod of a running cluster."""
    image = settings.OPERATOR_IMAGE.replace(":dev", ":next")
    for node in context.stage.nodes:
        node.ctr("images", "tag", "--force", settings.OPERATOR_IMAGE, image)
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    before = cluster.uids()
    context.at_end(installing.install, context.stage)
    with context.timed("operator upgraded by Helm", 120):
        installing.install(context.stage, context.mercy.patience, image=image)
    used = {one["spec"]["containers"][0]["image"] for one in installing.pods(context.stage)}
    if used != {image}:
        raise Failed(f"the operator's pods run {used}")
    load.run_for(20)
    cluster.wait_settled(60)
    context.check(cluster.uids() == before, "every pod is the same as before")
    load.finish_clean()
