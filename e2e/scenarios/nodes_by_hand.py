"""Cache nodes in Kubernetes without the operator: a StatefulSet, mutual TLS, tokens from a Secret, all written by hand.

What an operator would do is done here by the scenario, so a fault found here is the node's.
"""

import secrets
import signal
import time

from kube import network, settings
from kube.certificates import Certificates
from kube.shell import Failed
from scenarios import manifests, node_http
from scenarios.load import Load
from scenarios.registry import scenario

NAME = "hand"
LABELS = {"app": NAME}
PEER_PORT = 5000


class ByHand:
    """The cluster `hand` of the context's namespace."""

    def __init__(self, context):
        self.context, self.token = context, secrets.token_hex(16)
        self.accepted = {self.token: 1}  # with its generation
        self.most = 5  # pods that have a certificate
        self.authority = Certificates(context.stage.state.folder / "by-hand")

    def create(self, replicas=3):
        context = self.context
        self.issue()
        self.write_tokens()
        context.apply(manifests.service(NAME, LABELS, 3000))
        peers = manifests.service(f"{NAME}-nodes", LABELS, PEER_PORT, headless=True)
        context.apply(peers)
        volumes = [{"name": "token", "secret": {"secretName": f"{NAME}-token"}},
                   {"name": "tls", "secret": {"secretName": f"{NAME}-tls", "defaultMode": 0o440}}]  # fmt: skip
        context.apply(manifests.stateful_set(NAME, replicas, self.container(), volumes))
        with context.timed(f"{replicas} nodes ready", 60):
            self.wait_ready(replicas, 90)

    def container(self):
        environment = {
            "FERROCACHE_WAL_PATH": "/data/ferrocache.wal",
            "FERROCACHE_AUTH_TOKEN_FILE": "/token/tokens",
            "FERROCACHE_CLUSTER__ENABLED": "true",
            "FERROCACHE_CLUSTER__ID": f"{self.context.namespace}/{NAME}",
            "FERROCACHE_CLUSTER__SEED_NODES": f"{NAME}-nodes.{self.context.namespace}.svc.{settings.CLUSTER_DOMAIN}:{PEER_PORT}",
            "FERROCACHE_CLUSTER__TLS__ENABLED": "true",
            "FERROCACHE_CLUSTER__TLS__CA_CERT_PATH": "/tls/ca.crt",
            "FERROCACHE_CLUSTER__TLS__NODE_CERT_PATH": "/tls/$(FERROCACHE_NODE_ID).crt",
            "FERROCACHE_CLUSTER__TLS__NODE_KEY_PATH": "/tls/$(FERROCACHE_NODE_ID).key",
        }
        pod_name = {"name": "FERROCACHE_NODE_ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        return manifests.container(
            "ferrocached", settings.NODE_IMAGE,
            env=[pod_name, *({"name": name, "value": value} for name, value in environment.items())],
            ports=[{"name": "http", "containerPort": 3000}, {"name": "peers", "containerPort": PEER_PORT}],
            readinessProbe={"httpGet": {"path": "/readyz", "port": 3000}, "periodSeconds": 1, "timeoutSeconds": 2},
            livenessProbe={"httpGet": {"path": "/livez", "port": 3000}, "periodSeconds": 5, "timeoutSeconds": 5},
            # Kube-proxies need a moment to hear that the pod goes; until then requests still come.
            lifecycle={"preStop": {"sleep": {"seconds": 5}}},
            volumeMounts=[{"name": "data", "mountPath": "/data"}, {"name": "token", "mountPath": "/token", "readOnly": True},
                          {"name": "tls", "mountPath": "/tls", "readOnly": True}],
            resources={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        )  # fmt: skip

    def issue(self, again=False):
        """Certificates of all pods that there may be, in one Secret."""
        folder = self.authority.folder
        folder.mkdir(exist_ok=True)
        if again:
            for file in folder.glob(f"{NAME}-*"):
                file.unlink()
        self.authority.make_authority("ca")
        values = {"ca.crt": self.authority.certificate("ca").read_text()}
        for number in range(self.most):
            pod = f"{NAME}-{number}"
            self.authority.make(pod, f"/CN={pod}", [f"DNS:{pod}.{NAME}-nodes.{self.context.namespace}.svc"])
            values[f"{pod}.crt"] = self.authority.certificate(pod).read_text()
            values[f"{pod}.key"] = self.authority.key(pod).read_text()
        self.context.apply(manifests.secret(f"{NAME}-tls", **values))

    def write_tokens(self):
        lines = [f"{token} generation={generation}" for token, generation in self.accepted.items()]
        self.context.apply(manifests.secret(f"{NAME}-token", token=self.token, tokens="\n".join(lines) + "\n"))

    def address(self, pod):
        found = self.context.pod(pod)
        return found["status"].get("podIP") if found else None

    def status(self, pod):
        address = self.address(pod)
        if not address:
            raise Failed(f"{pod} has no address")
        return node_http.cluster_status(address, self.token)

    def is_whole(self, replicas):
        """All see all, nothing moves, every partition has its copies."""
        for number in range(replicas):
            status = self.status(f"{NAME}-{number}")
            if status["state"] != "ready" or status["node_count"] != replicas or status["ring_size"] != replicas:
                return False
            if status["ring"]["changing"] or status["partitions_under_replicated"]:
                return False
        return True

    def wait_ready(self, replicas, seconds):
        self.context.wait(f"Ready: {replicas} nodes", lambda: len(self.context.ready_pods(f"app={NAME}")) == replicas, seconds)
        self.context.wait("whole: the cluster", lambda: self.is_whole(replicas), seconds)

    def scale(self, replicas):
        self.context.stage.kubectl("scale", "-n", self.context.namespace, f"statefulset/{NAME}", f"--replicas={replicas}")

    def drain(self, pod, seconds=60):
        address = self.address(pod)

        def drained():
            status, answer = node_http.ask(address, "POST", "/admin/drain", self.token)
            if status != 200:
                raise Failed(f"{status} {answer}")
            return True

        self.context.wait(f"drained: {pod}", drained, seconds, 0.5)


@scenario("nodes-by-hand", minutes=4, needs_operator=False)
def nodes_by_hand(context):
    """Three nodes form a cluster under mTLS; pods go and return, join, drain, tokens and certificates rotate, all under load."""
    hand = ByHand(context)
    hand.create()
    load = Load(context, NAME, f"{NAME}-token").start()
    load.run_for(5)

    before = context.pod(f"{NAME}-1")["metadata"]["uid"]
    context.api.delete("Pod", context.namespace, f"{NAME}-1")
    with context.timed("a deleted pod is back in the cluster", 60):
        context.wait_pod_ready(f"{NAME}-1", 90, other_than=before)
        hand.wait_ready(3, 60)
    with context.timed("scaled from 3 to 4", 60):
        hand.scale(4)
        hand.wait_ready(4, 90)
    with context.timed("drained and scaled from 4 to 3", 60):
        hand.drain(f"{NAME}-3")
        hand.scale(3)
        context.wait("gone: the fourth pod", lambda: context.pod(f"{NAME}-3") is None, 60)
        hand.wait_ready(3, 60)
    rotate_token(context, hand)
    renew_leaves(context, hand)
    load.finish_clean()


def rotate_token(context, hand):
    """First the nodes, then the clients, then the old one goes: a client's volume may change before that of a node."""
    old, new = hand.token, secrets.token_hex(16)
    hand.accepted[new] = 2
    with context.timed("token rotated: every node takes the new one", 60):
        hand.write_tokens()
        for number in range(3):
            address = hand.address(f"{NAME}-{number}")
            context.wait("accepted: the new token", lambda to=address: answers(to, new) == 200, 60)
    hand.token = new
    hand.write_tokens()
    with context.timed("the old token is used by nobody", 60):
        context.wait("idle: the old token", lambda: unused(hand, seconds=5), 60, 1)
    del hand.accepted[old]
    with context.timed("the old token is refused everywhere", 60):
        hand.write_tokens()
        for number in range(3):
            address = hand.address(f"{NAME}-{number}")
            context.wait("refused: the old token", lambda to=address: answers(to, old) == 401, 60)


def answers(address, token):
    return node_http.ask(address, "GET", "/cluster/status", token)[0]


def unused(hand, seconds):
    for number in range(3):
        generations = hand.status(f"{NAME}-{number}")["auth"]["generations"]
        last = next(one["last_used_at"] for one in generations if one["generation"] == 1)
        if last and time.time() - last < seconds:
            return False
    return True


def renew_leaves(context, hand):
    def served():
        return {number: hand.status(f"{NAME}-{number}")["node_certificate"]["fingerprint_sha256"] for number in range(3)}

    before = served()
    with context.timed("every node serves a new certificate", 60):
        hand.issue(again=True)
        context.wait("changed: all certificates", lambda: not set(before.values()) & set(served().values()), 60, 0.5)
    hand.wait_ready(3, 30)


@scenario("nodes-by-hand-faults", minutes=5, needs_operator=False)
def nodes_by_hand_faults(context):
    """kill -9 of a node, a node cut off and healed; what was acknowledged is there afterwards."""
    hand = ByHand(context)
    hand.create()
    home = context.pod(f"{NAME}-0")["spec"]["nodeName"]
    load = Load(context, NAME, f"{NAME}-token").start(home)
    load.run_for(5)

    killed = time.time()
    kill_hard(context, f"{NAME}-1")
    with context.timed("killed with -9: back in the cluster", 60):
        context.wait("restarted: the container", lambda: restarts(context, f"{NAME}-1") >= 1, 60)
        hand.wait_ready(3, 60)

    victim = context.stage.node(context.pod(f"{NAME}-2")["spec"]["nodeName"])
    context.check(victim.name != home, "the pods are on different nodes")
    context.at_end(network.heal, victim.number)
    network.cut(victim.number)
    cut = time.time()
    load.run_for(40)
    network.heal(victim.number)
    with context.timed("after 40 s of being cut off: whole again", 90):
        context.wait_node_readiness(victim.name, True, 90)
        hand.wait_ready(3, 90)
    whole = time.time()
    last = load.report()["last_failure"]
    context.say(f"the last failure: {f'{last - cut:.1f} s after the cut' if last else 'none'}")
    load.run_for(10)
    load.finish_clean(faulty=(killed, whole))


def restarts(context, pod):
    found = context.pod(pod)
    return sum(one["restartCount"] for one in found["status"].get("containerStatuses", []))


def kill_hard(context, pod):
    """SIGKILL to a pod's one container, as the out-of-memory killer does it."""
    found = context.pod(pod)
    home = context.stage.node(found["spec"]["nodeName"])
    container = found["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    home.ctr("tasks", "kill", "--signal", str(int(signal.SIGKILL)), container)
