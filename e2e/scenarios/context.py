"""What a scenario works with: a namespace of its own, budgets that are printed, checks, and the papers to read after a failure."""

import contextlib
import json
import pathlib
import time

from kube import settings
from kube.api import NotFound
from kube.shell import Failed, say, wait_until

PAPERS = settings.TREE / "build" / "e2e"
NAMESPACE_SECONDS = 120
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}


class Mercy:
    """What a run is forgiven that must not fail by a slow machine: by hand, nothing."""

    def __init__(self, patience=1, longest_wait_seconds=None, request_seconds=5, deadline=None):
        self.patience = patience  # waits are this many times as long; budgets are not judged if it is above 1
        self.longest_wait_seconds = longest_wait_seconds  # but no longer than this, unless they are by themselves
        self.request_seconds = request_seconds  # after which a request of the load has failed
        self.deadline = deadline  # by time.monotonic(): nothing is waited for beyond it


class Context:
    """Lives for one scenario. At its end the namespace goes, unless it is to be looked at."""

    def __init__(self, stage, name, mercy=None):
        self.stage, self.api, self.name, self.mercy = stage, stage.api, name, mercy or Mercy()
        self.namespace = f"e2e-{name}"
        self.measured = []  # (what, seconds, budget or None)
        self.cleanups = []
        self.attempt = 1
        self.began = time.monotonic()

    def say(self, text):
        say(f"    {time.monotonic() - self.began:6.1f} s  {text}")

    # Namespace

    def enter(self):
        self.leave()
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": RESTRICTED}})
        self.wait("made: the namespace's service account",
                  lambda: self.api.find("ServiceAccount", self.namespace, "default"), 30)  # fmt: skip

    def leave(self):
        """Pods first: a namespace with pods is looked at again only after half of their grace period, which is half a minute."""
        if self.api.find("Namespace", None, self.namespace):
            for kind in ("FerroCacheCluster", "StatefulSet", "Pod"):
                with contextlib.suppress(NotFound):  # no operator, no definition
                    for found in self.api.list(kind, self.namespace):
                        self.api.delete(kind, self.namespace, found["metadata"]["name"])
            self.wait("gone: all pods", lambda: not self.pods(), NAMESPACE_SECONDS)
        self.delete_namespace(self.namespace)

    def delete_namespace(self, name, seconds=NAMESPACE_SECONDS):
        if self.api.find("Namespace", None, name):
            self.api.delete("Namespace", None, name)
            self.wait(f"gone: namespace {name}", lambda: self.api.find("Namespace", None, name) is None, seconds, 0.5)

    def at_end(self, function, *arguments):
        """Something that must be put right again, whatever happens: healing a cut, starting a process."""
        self.cleanups.append((function, arguments))

    def clean_up(self):
        while self.cleanups:
            function, arguments = self.cleanups.pop()
            try:
                function(*arguments)
            except (Failed, OSError) as fault:
                self.say(f"putting things right again failed: {fault}")

    # Time

    @contextlib.contextmanager
    def timed(self, what, budget=None):
        """Measures, prints, and fails beyond the budget (seconds), if that is judged."""
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.measured.append((what, took, budget))
        self.say(f"{what}: {took:.1f} s" + (f" (budget {budget} s)" if budget else ""))
        if budget and took > budget and self.mercy.patience == 1:
            raise Failed(f"{what} took {took:.1f} s, more than its budget of {budget} s")

    def wait(self, what, predicate, seconds, interval=0.3):
        seconds = self.patient(seconds)
        if self.mercy.deadline is not None:
            seconds = min(seconds, max(self.mercy.deadline - time.monotonic(), 0))
        return wait_until(what, predicate, seconds, interval)

    def patient(self, seconds):
        longer = seconds * self.mercy.patience
        return longer if self.mercy.longest_wait_seconds is None else max(seconds, min(longer, self.mercy.longest_wait_seconds))

    def check(self, good, what):
        if not good:
            raise Failed(f"not so: {what}")

    # Objects

    def apply(self, thing):
        return self.api.apply(thing, self.namespace)

    def pods(self, labels=None):
        return self.api.list("Pod", self.namespace, labels)

    def pod(self, name):
        return self.api.find("Pod", self.namespace, name)

    def ready_pods(self, labels=None):
        return sorted(found["metadata"]["name"] for found in self.pods(labels) if is_ready(found))

    def wait_pod_ready(self, name, seconds, other_than=None):
        """The pod, once it is Ready and not the one with the uid other_than."""

        def ready():
            found = self.pod(name)
            return found if found and found["metadata"]["uid"] != other_than and is_ready(found) else None

        return self.wait(f"Ready: pod {name}", ready, seconds)

    def wait_node_readiness(self, name, ready, seconds):
        self.wait(f"{'Ready' if ready else 'NotReady'}: {name}", lambda: (name in self.stage.ready_nodes()) == ready, seconds, 0.5)

    def execute(self, pod, *command, check=True):
        return self.stage.kubectl("exec", "-n", self.namespace, pod, "--", *command, check=check)

    def python(self, pod, code, *arguments):
        """What a line of Python prints inside the pod (one of manifests.idle_pod)."""
        return self.execute(pod, "/usr/bin/python3", "-c", code, *arguments)

    # Papers

    def papers(self):
        return PAPERS / (self.name if self.attempt == 1 else f"{self.name}-{self.attempt}")

    def keep_papers(self, fault):
        """All that one would want to read: objects, events, logs of pods. Returns the folder."""
        folder = self.papers()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "fault.txt").write_text(f"{fault}\n")
        for kind in ("Pod", "StatefulSet", "Service", "EndpointSlice", "PersistentVolumeClaim", "ConfigMap", "Event",
                     "FerroCacheCluster", "PodDisruptionBudget", "NetworkPolicy"):  # fmt: skip
            with contextlib.suppress(Failed, OSError):
                (folder / f"{kind}.json").write_text(json.dumps(self.api.list(kind, self.namespace), indent=1))
        with contextlib.suppress(Failed, OSError):
            for found in [*self.pods(), *self.api.list("Pod", "ferrocache-system")]:
                self.keep_logs(folder, found)
        return folder

    def keep_logs(self, folder, pod):
        metadata = pod["metadata"]
        for container in pod["spec"]["containers"]:
            for previous in ([], ["--previous"]):
                done = self.stage.kubectl("logs", "-n", metadata["namespace"], metadata["name"], "-c", container["name"],
                                          *previous, check=False)  # fmt: skip
                if done.returncode == 0 and done.stdout:
                    name = f"{metadata['name']}-{container['name']}{'-previous' if previous else ''}.log"
                    pathlib.Path(folder / name).write_text(done.stdout)


def is_ready(pod):
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", []))
