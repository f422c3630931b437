"""Dashboards and alerts against a real Prometheus that scrapes three nodes under load."""
import sys

from harness.certificates import Authority
from harness.cluster import Cluster, Load
from harness.ports import free_port
from harness.prometheus import ROOT
from harness.timing import wait_until
from harness.vectors import random_unit

sys.path.insert(0, str(ROOT))
from dashboards.build import dashboards  # noqa: E402  (needs the path above)
from dashboards.live import for_live_use  # noqa: E402

DATA_SECONDS = 60.0
FIRE_SECONDS = 60.0
# True of many a machine that runs this: little room on the disk, slow syncs.
OF_THE_MACHINE = {"FerroCacheDiskFilling", "FerroCacheLogSyncSlow"}


def busy(rng):
    """Requests of an application: questions, some known, some new."""
    known = [random_unit(rng, 8) for _ in range(50)]

    def make(_thread, number):
        vector = known[number % 50] if number % 3 else random_unit(rng, 8)
        if number % 4 == 0:
            body = {"embedding": vector, "model_id": "m::8", "response": "r" * 40, "query_text": f"q{number % 60}",
                    "cost": 0.01, "ttl_seconds": 600}
            return "POST", "/insert", body, "insert"
        body = {"embedding": vector, "model_id": "m::8", "threshold": 0.7}
        if number % 5 == 0:
            body["query_text"] = f"q{number % 60}"
        return "POST", "/query", body, "query"

    return make


def test_every_panel_shows_data(cluster, prometheus, rng):
    members = cluster(3).members
    with Load(members, busy(rng)):
        server = prometheus(members)
        for node in members:
            node.api.call("POST", "/admin/compact")
        missing = {}

        def all_there():
            missing.clear()
            for name, dashboard in dashboards().items():
                for panel in (panel for row in dashboard.rows for panel in row.panels if not panel.may_be_empty):
                    for query in panel.queries:
                        if not server.query(for_live_use(query.expr, "15s", "60s")):
                            missing[f"{name}: {panel.title}"] = query.expr
            return not missing

        try:
            wait_until(all_there, DATA_SECONDS, "every query of every panel returns data", interval=1)
        except AssertionError as late:
            raise AssertionError(f"{late}; without data: {missing}") from late
        for name, dashboard in dashboards().items():  # what may be empty must at least be understood
            for panel in (panel for row in dashboard.rows for panel in row.panels):
                for query in panel.queries:
                    server.query(for_live_use(query.expr, "15s", "60s"))


def test_alerts_are_fired_by_real_faults_and_end_with_them(cluster, prometheus, nodes, rng):
    tokens = nodes.folder / "tokens"
    tokens.write_text("old generation=1\n")
    authority = Authority(nodes.folder / "authority", "ca")  # its leaves live for a day

    def tls(name):
        leaf = authority.issue(name)
        return {"cluster.tls.enabled": "true", "cluster.tls.ca_cert_path": str(authority.cert),
                "cluster.tls.node_cert_path": str(leaf.cert), "cluster.tls.node_key_path": str(leaf.key)}

    three = Cluster(nodes, 3, {"auth_token_file": str(tokens), "cluster.dead_node_removal_enabled": "false"}, tls)
    for node in three.members:
        node.token = "old"
        node.settings["port"] = free_port()  # the same after a restart
    members = three.start().members
    server = prometheus(members, speed_up=True)
    wait_until(lambda: len(server.query("ferrocache_ready == 1")) == 3, 30, "three nodes are scraped", interval=0.2)

    def until(alert: str, is_firing: bool = True):
        wait_until(lambda: (alert in server.firing()) == is_firing, FIRE_SECONDS,
                   f"{alert} is {'firing' if is_firing else 'silent'}", interval=0.5)

    wait_until(lambda: server.firing() - OF_THE_MACHINE == {"FerroCacheCertificateNearExpiry"}, FIRE_SECONDS,
               "the certificates' expiry is what there is to say", interval=0.5)
    members[2].kill()
    until("FerroCacheNodeDown")
    until("FerroCacheLowCopies")
    members[2].start(wait_ready=False)
    until("FerroCacheNodeDown", False)
    until("FerroCacheLowCopies", False)

    tokens.write_text("not a token line [[\n\x01")
    until("FerroCacheReloadFailed")
    tokens.write_text("old generation=1\nnew generation=2\n")
    until("FerroCacheReloadFailed", False)

    # A client that goes on with the old one.
    with Load(members, busy(rng), threads=1):
        until("FerroCacheOldTokenUsed")

    # Everything at once.
    for node in members:
        node.kill()
    until("FerroCacheClusterDown")
