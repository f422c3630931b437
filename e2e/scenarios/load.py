"""The load pod as a scenario sees it: start it, look at it, finish it, judge it."""

import http.client
import json
import time

from kube import settings
from kube.shell import Failed
from scenarios import manifests

PORT = 9000
FINISH_SECONDS = 180


class Load:
    """Runs from start() to the end of the namespace. Asked from the host by its pod address."""

    def __init__(self, context, service, token_secret=None, rate=80, name="load", seed=None, scheme="http", trust=None):
        self.context, self.service, self.token_secret, self.rate, self.name = context, service, token_secret, rate, name
        self.seed, self.scheme, self.trust, self.address = seed, scheme, trust, None

    def manifest(self, node_name=None):
        arguments = ["--url", f"{self.scheme}://{self.service}.{self.context.namespace}.svc:3000", "--rate", str(self.rate)]
        arguments += ["--request-seconds", str(self.context.mercy.request_seconds)]
        arguments += ["--seed", str(self.seed)] if self.seed is not None else []
        mounts, volumes = [], []
        if self.token_secret:
            arguments += ["--token-file", "/token/token"]
            mounts.append({"name": "token", "mountPath": "/token", "readOnly": True})
            volumes.append({"name": "token", "secret": {"secretName": self.token_secret}})
        if self.trust:
            kind, name = self.trust
            arguments += ["--ca-file", "/trust/ca.crt"]
            mounts.append({"name": "trust", "mountPath": "/trust", "readOnly": True})
            source = {"secret": {"secretName": name}} if kind == "Secret" else {"configMap": {"name": name}}
            volumes.append({"name": "trust", **source})
        main = manifests.container("load", settings.LOAD_IMAGE, args=arguments, volumeMounts=mounts,
                                   ports=[{"containerPort": PORT}],
                                   resources={"requests": {"cpu": "50m", "memory": "64Mi"}})  # fmt: skip
        spec = {"volumes": volumes, "restartPolicy": "Never"}
        if node_name:
            spec["nodeSelector"] = {"kubernetes.io/hostname": node_name}
        return manifests.pod(self.name, {"app": self.name}, [main], **spec)

    def start(self, node_name=None):
        """Returns when requests have succeeded."""
        self.context.apply(self.manifest(node_name))
        found = self.context.wait_pod_ready(self.name, 60)
        self.address = found["status"]["podIP"]
        self.context.wait("answered: requests of the load", lambda: sum(self.report()["done"].values()) >= 20, 30)
        return self

    def ask(self, method, path):
        connection = http.client.HTTPConnection(self.address, PORT, timeout=10)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def report(self):
        return self.ask("GET", "/report")

    def run_for(self, seconds):
        """Lets it run for that long, by its own clock."""
        until = self.report()["seconds"] + seconds
        self.context.wait(f"over: {seconds} s of load", lambda: self.report()["seconds"] >= until, seconds + 30, 0.5)

    def finish(self):
        """Stops it, has every entry of the ledger looked up, prints what it saw."""
        self.ask("POST", "/finish")
        self.context.wait("verified: the ledger", lambda: self.report()["state"] == "done", FINISH_SECONDS, 0.5)
        report = self.report()
        papers = self.context.papers()
        papers.mkdir(parents=True, exist_ok=True)
        (papers / f"{self.name}.json").write_text(json.dumps(report, indent=1))
        done, failed, verified = report["done"], report["failed"], report["verified"]
        self.context.say(
            f"load: {sum(done.values())} requests in {report['seconds']:.0f} s, {sum(failed.values())} failed, "
            f"{report['resent']} sent again on a new connection, {report['late']} turns missed, "
            f"p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms, longest gap {report['longest_gap_seconds']} s"
        )
        self.context.say(
            f"ledger: {verified['entries']} entries looked up, {verified['lost']} lost, {verified['resurrected']} back from "
            f"the dead, {verified['unknown']} of unknown outcome; {report['wrong_count']} wrong answers, "
            f"{report['missed_count']} misses of what was acknowledged"
        )
        return report

    def finish_clean(self, faulty=None):
        """Nothing lost and nothing wrong; and nothing failed or missed, but between the two times of `faulty` (since the epoch)."""
        report = self.finish()
        if report["wrong_count"]:
            first = "\n  ".join(one["what"] for one in report["wrong"][:5])
            raise Failed(f"{report['wrong_count']} wrong answers under load (seed {report['seed']}):\n  {first}")
        began, ended = faulty or (0, 0)
        failed = outside(report["failures"], began, ended, report["last_failure_began"])
        if failed:
            first = "\n  ".join(f"{one['operation']}: {one['reason']}" for one in failed[:5])
            raise Failed(f"{len(failed)} or more requests failed under load (seed {report['seed']}):\n  {first}")
        missed = outside(report["missed"], began, ended, report["last_miss"])
        if missed:
            first = "\n  ".join(one["what"] for one in missed[:5])
            raise Failed(f"{len(missed)} or more misses of what was acknowledged (seed {report['seed']}):\n  {first}")
        return report


def outside(listed, began, ended, last):
    """Those that were over before or began after; the last one stands for what was too much to be listed."""
    found = [one for one in listed if one["at"] < began or one.get("began", one["at"]) > ended]
    if not found and last and last > ended:
        return [{"operation": "some", "reason": "more than are listed", "what": "more than are listed"}]
    return found


def quiet(load, since, seconds):
    """No request has failed for that long, and some time has passed."""
    last = load.report()["last_failure"] or since
    return time.time() - max(last, since) > seconds
