"""One FerroCacheCluster as a scenario sees it: through the API, by the contract's names alone."""

import base64

from kube.shell import Failed
from scenarios import node_http

NAME = "demo"
# Small volumes and a short overlap: the rest as the schema's defaults have it.
SPEC = {"storage": {"size": "1Gi"}, "auth": {"overlap": "5s"}}
CREATE_SECONDS = 60  # from the issue
ROLL_SECONDS_PER_NODE = 30


class Cluster:
    def __init__(self, context, name=NAME):
        self.context, self.name = context, name

    # The resource

    def create(self, spec=None, seconds=CREATE_SECONDS):
        """Applied, and settled within the issue's budget."""
        self.apply(SPEC if spec is None else spec)
        with self.context.timed("created: from apply to Ready", seconds):
            self.wait_settled(seconds + 60)
        return self

    def manifest(self, spec):
        return {"apiVersion": "cache.ferrocache.io/v1alpha1", "kind": "FerroCacheCluster",
                "metadata": {"name": self.name, "namespace": self.context.namespace}, "spec": spec}  # fmt: skip

    def apply(self, spec):
        return self.context.api.apply(self.manifest(spec))

    def change(self, **spec):
        """A merge patch of the spec."""
        return self.context.api.patch("FerroCacheCluster", self.context.namespace, self.name, {"spec": spec})

    def get(self):
        return self.context.api.get("FerroCacheCluster", self.context.namespace, self.name)

    def status(self):
        return self.get().get("status", {})

    def condition(self, kind, found=None):
        """True, False or Unknown; None if there is no such condition for the resource as it is now."""
        found = found or self.get()
        for one in found.get("status", {}).get("conditions", []):
            if one["type"] == kind and one.get("observedGeneration", 0) >= found["metadata"]["generation"]:
                return one["status"]
        return None

    def is_settled(self):
        """The operator has seen the resource as it is, everything is available and nothing moves."""
        found = self.get()
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
            raise Failed(f"generation {found['metadata']['generation']} is not observed yet")
        for kind, good in (("Available", "True"), ("Progressing", "False"), ("Degraded", "False")):
            if self.condition(kind, found) != good:
                raise Failed(f"{kind} is {self.condition(kind, found)}; {describe(found)}")
        if status.get("replicas") != wanted or status.get("readyReplicas") != wanted:
            raise Failed(f"{status.get('readyReplicas')} of {wanted} nodes are ready; {describe(found)}")
        return True

    def wait_settled(self, seconds):
        return self.context.wait(f"settled: {self.name}", self.is_settled, seconds, 0.5)

    def wait_condition(self, kind, wanted, seconds):
        return self.context.wait(f"{wanted}: {kind}", lambda: self.condition(kind) == wanted, seconds, 0.5)

    def blockers(self):
        return self.status().get("blockedBy", [])

    # Its objects

    def labels(self):
        return f"app.kubernetes.io/name=ferrocache,app.kubernetes.io/instance={self.name}"

    def pod_name(self, number):
        return f"{self.name}-{number}"

    def pods(self):
        return self.context.pods(self.labels())

    def uids(self):
        return {found["metadata"]["name"]: found["metadata"]["uid"] for found in self.pods()}

    def ready_pods(self):
        return self.context.ready_pods(self.labels())

    def claims(self):
        found = self.context.api.list("PersistentVolumeClaim", self.context.namespace)
        return [one for one in found if one["metadata"]["name"].startswith(f"data-{self.name}-")]

    def secret(self, suffix, key):
        found = self.context.api.find("Secret", self.context.namespace, f"{self.name}-{suffix}")
        value = (found or {}).get("data", {}).get(key)
        return base64.b64decode(value).decode() if value is not None else None

    def token(self):
        return self.secret("token", "token")

    # Its nodes

    def node_status(self, pod):
        found = self.context.pod(pod)
        address = (found or {}).get("status", {}).get("podIP")
        if not address:
            raise Failed(f"{pod} has no address")
        return node_http.cluster_status(address, self.token())

    def node_statuses(self):
        """By pod; asked at their addresses, as the current token allows."""
        return {found["metadata"]["name"]: self.node_status(found["metadata"]["name"]) for found in self.pods()}

    def served_certificates(self):
        return {pod: status["node_certificate"]["fingerprint_sha256"] for pod, status in self.node_statuses().items()}

    def trusted_authorities(self):
        return {pod: sorted(status["node_certificate"]["trusted"]) for pod, status in self.node_statuses().items()}


def describe(found):
    """One line of a resource's status: what a person would look at."""
    status = found.get("status", {})
    unusual = [f"{one['type']}={one['status']} {one.get('reason', '')}" for one in status.get("conditions", [])]
    blocked = [f"{one.get('action')} by {one.get('rule')}" for one in status.get("blockedBy", [])]
    return f"phase {status.get('phase')}, {', '.join(unusual)}" + (f", blocked: {', '.join(blocked)}" if blocked else "")


