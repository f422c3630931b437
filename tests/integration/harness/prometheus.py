"""A real Prometheus that scrapes the nodes of a test."""
import json
import re
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from .node import HOST, Node
from .ports import free_port
from .timing import wait_until

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "dashboards/rules"
START_SECONDS = 30.0
ANSWER_SECONDS = 60.0  # it ends what hangs


def faster(rules: str, factor: int = 60) -> str:
    """The same rules with every `for` and every range shortened, so that minutes pass in seconds."""
    def shorten(match):
        seconds = int(match[2]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[3]]
        return f"{match[1]}{max(seconds // factor, 2 if match[1] == 'for: ' else 10)}s"

    return re.sub(r"(\[|for: )(\d+)([smhd])\b", shorten, rules)


class Prometheus:
    """Owned by the test: `stop` ends it. Scrapes every second; labels as in Kubernetes."""
    def __init__(self, folder: Path, nodes: list[Node], speed_up: bool = False):
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True)
        rule_files = []
        for source in ("recording.yaml", "alerts.yaml"):
            text = (RULES / source).read_text()
            (folder / source).write_text(faster(text) if speed_up else text)
            rule_files.append(source)
        targets = [{"targets": [f"{HOST}:{node.port}"],
                    "labels": {"kube_namespace": "test", "cluster": "demo", "node": node.name}} for node in nodes]
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": rule_files,
                  "scrape_configs": [{"job_name": "ferrocache", "honor_labels": True, "static_configs": targets}]}
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={HOST}:{self.port}", "--log.level=warn"],
            stdout=self.log, stderr=self.log)
        wait_until(self._answers, START_SECONDS, "Prometheus answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return bool(self.get("/-/ready"))
        except OSError:
            return False

    def get(self, path: str, **parameters) -> str:
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        with urllib.request.urlopen(f"http://{HOST}:{self.port}{path}{query}", timeout=ANSWER_SECONDS) as response:
            return response.read().decode()

    def query(self, expr: str) -> list[dict]:
        return json.loads(self.get("/api/v1/query", query=expr))["data"]["result"]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[dict]:
        answer = self.get("/api/v1/query_range", query=expr, start=start, end=end, step=step)
        return json.loads(answer)["data"]["result"]

    def firing(self, **labels: str) -> set[str]:
        """Names of alerts; with labels those of series that have them."""
        matchers = "".join(f',{name}="{value}"' for name, value in labels.items())
        return {series["metric"]["alertname"] for series in self.query(f'ALERTS{{alertstate="firing"{matchers}}}')}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
