"""Tokens, leaves, the authority: replaced while clients and nodes go on."""

import ssl

from scenarios import manifests, node_http
from scenarios.cluster import NAME, SPEC, Cluster
from scenarios.load import Load
from scenarios.registry import scenario

TOKEN_SECONDS = 90  # these two from the issue
AUTHORITY_SECONDS = 300
LEAF_SECONDS = 120


def status_of(address, token):
    return node_http.ask(address, "GET", "/cluster/status", token)[0]


@scenario("token-rotation", minutes=2)
def token_rotation(context):
    """A new token for a client that reads its Secret, the old one accepted meanwhile and refused afterwards."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    old = cluster.token()
    addresses = [pod["status"]["podIP"] for pod in cluster.pods()]
    pods = cluster.uids()
    with context.timed("token rotated: the old one is refused by every node", TOKEN_SECONDS):
        cluster.change(auth={"rotateGeneration": 1})
        context.wait("new: the Secret's token", lambda: cluster.token() != old, 60)
        # Not by asking nodes with the old token: that would be a use of it, which the operator waits for the end of.
        context.wait("dropped: the old token", lambda: old not in cluster.secret("token", "tokens"), 180)
        context.wait("refused: the old token", lambda: all(status_of(one, old) == 401 for one in addresses), 60, 0.5)
    new = cluster.token()
    context.check(all(status_of(one, new) == 200 for one in addresses), "every node takes the new token")
    cluster.wait_settled(60)
    context.check(cluster.secret("token", "tokens").count(new) == 1 and old not in cluster.secret("token", "tokens"),
                  "the Secret lists the new token alone")  # fmt: skip
    context.check(cluster.uids() == pods, "no pod was made anew")
    load.run_for(5)
    report = load.finish_clean()
    context.check(len(report["tokens"]) == 2, f"the client has used both tokens: {report['tokens']}")


@scenario("leaf-renewal", minutes=1.5)
def leaf_renewal(context):
    """New certificates for every node, loaded in place."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    before, pods = cluster.served_certificates(), cluster.uids()
    with context.timed("leaves renewed on every node", LEAF_SECONDS):
        cluster.change(tls={"rotateGeneration": 1})
        context.wait("changed: all certificates served",
                     lambda: not set(before.values()) & set(cluster.served_certificates().values()), 240, 0.5)  # fmt: skip
        cluster.wait_settled(60)
    context.check(cluster.uids() == pods, "no pod was made anew")
    load.run_for(5)
    load.finish_clean()


@scenario("ca-replacement", minutes=2)
def ca_replacement(context):
    """A new authority and key in three phases; trust is never missing for a certificate that is served."""
    cluster = Cluster(context).create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)
    leaves, authorities, pods = cluster.served_certificates(), cluster.trusted_authorities(), cluster.uids()
    old_key = cluster.secret("ca", "tls.key")
    phases = []

    def replaced():
        phase = cluster.status().get("tls", {}).get("phase")
        if not phases or phases[-1] != phase:
            phases.append(phase)
        now = cluster.trusted_authorities()
        gone = all(not set(authorities[pod]) & set(now[pod]) for pod in now)
        return gone and not set(leaves.values()) & set(cluster.served_certificates().values())

    with context.timed("authority replaced: nobody serves or trusts the old one", AUTHORITY_SECONDS):
        cluster.change(tls={"replaceCAGeneration": 1})
        context.wait("replaced: the authority on every node", replaced, 600, 0.5)
        cluster.wait_settled(60)
    context.say(f"phases seen: {' > '.join(map(str, phases))}")
    context.check(cluster.secret("ca", "tls.key") != old_key, "the authority has a new key")
    context.check(cluster.uids() == pods, "no pod was made anew")
    load.run_for(5)
    load.finish_clean()


def shown_to_clients(cluster):
    """By pod: the certificate on the client port, unverified (the load verifies it)."""
    return {pod["metadata"]["name"]: ssl.get_server_certificate((pod["status"]["podIP"], 3000)) for pod in cluster.pods()}


@scenario("client-tls", minutes=5)
def client_tls(context):
    """HTTPS for clients: the Service's name is in the certificate, the bundle verifies it; leaves and authority change."""
    cluster = Cluster(context).create({**SPEC, "tls": {"clientTLS": True}})
    trust = context.api.find("Secret", context.namespace, f"{NAME}-trust")
    bundle = trust["data"] if trust else context.api.get("ConfigMap", context.namespace, f"{NAME}-trust")["data"]
    context.check("ca.crt" in bundle, f"the trust bundle has ca.crt: {sorted(bundle)}")
    load = Load(context, NAME, f"{NAME}-token", scheme="https", trust=("Secret" if trust else "ConfigMap", f"{NAME}-trust")).start()
    load.run_for(10)
    before, pods = shown_to_clients(cluster), cluster.uids()
    with context.timed("leaves renewed: HTTPS clients are shown the new ones", LEAF_SECONDS):
        cluster.change(tls={"rotateGeneration": 1})
        context.wait("changed: every certificate on the client port",
                     lambda: not set(before.values()) & set(shown_to_clients(cluster).values()), 240, 0.5)  # fmt: skip
        cluster.wait_settled(60)
    with context.timed("authority replaced: HTTPS clients are shown certificates of the new one", AUTHORITY_SECONDS):
        cluster.change(tls={"replaceCAGeneration": 1})
        context.wait("replaced: the authority", lambda: stable_authority(cluster, 2), AUTHORITY_SECONDS, 0.5)
        cluster.wait_settled(60)
    context.check(cluster.uids() == pods, "no pod was made anew")
    load.run_for(10)
    load.finish_clean()


def stable_authority(cluster, generation):
    tls = cluster.status().get("tls", {})
    return tls.get("phase") == "Stable" and tls.get("caGeneration") == generation


@scenario("existing-secret", minutes=1)
def existing_secret(context):
    """Tokens that the user keeps: the operator reads the Secret and writes none."""
    context.apply(manifests.secret("mine", token="first-of-mine", tokens="first-of-mine generation=1\n"))
    before = context.api.get("Secret", context.namespace, "mine")["metadata"]["resourceVersion"]
    cluster = Cluster(context).create({"storage": {"size": "1Gi"}, "auth": {"existingSecret": "mine"}})
    load = Load(context, NAME, "mine").start()
    load.run_for(10)
    address = cluster.pods()[0]["status"]["podIP"]
    context.check(status_of(address, "first-of-mine") == 200, "the user's token is accepted")
    context.check(status_of(address, "another") == 401, "another is not")
    context.check(context.api.get("Secret", context.namespace, "mine")["metadata"]["resourceVersion"] == before,
                  "the operator has not written the user's Secret")  # fmt: skip
    context.check(context.api.find("Secret", context.namespace, f"{NAME}-token") is None, "no other token Secret is made")
    load.finish_clean()
