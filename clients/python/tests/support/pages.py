"""Pages of the documentation, and what of them tests hold against the programs that they describe."""

from __future__ import annotations

import re
import subprocess

import pytest

from ferrocache.gateway._table import ConfigError
from ferrocache.gateway.config import load
from support.door import PATIENCE_SECONDS, plain_http
from support.node import TREE


class Page:
    """One page by its path in the tree."""

    def __init__(self, path):
        self.text = (TREE / path).read_text(encoding="utf-8")

    def blocks(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, flags=re.M | re.S)

    def keys(self, heading):
        """The keys of the table under a heading."""
        section = self.text.split(f"\n### {heading}\n")[1].split("\n#")[0]
        return [key for row in re.findall(r"^\| (`.*?) \|", section, flags=re.M) for key in re.findall(r"`(\w+)`", row)]

    def names_every_key(self, heading, text, folder):
        """``text``: a configuration that is right but for a key "nothing" in the table that the heading is about."""
        (folder / "k").write_text("key")
        (folder / "gateway.toml").write_text(text)
        with pytest.raises(ConfigError, match="nothing is no key; known here are") as raised:
            load(folder / "gateway.toml")
        known = str(raised.value).partition("known here are ")[2].split(", ")
        assert sorted(self.keys(heading)) == sorted(known)

    def names_every_metric(self, door, prefix):
        """Those of the door that begin so, and no other."""
        with plain_http() as http:
            text = http.get(door.url + "/metrics").text
        types = re.findall(rf"^# TYPE ({prefix}\w+) (?:counter|gauge|histogram)$", text, flags=re.M)
        made = {name for name in types if not name.endswith("_created")}
        assert made
        assert set(re.findall(rf"^\| `({prefix}\w+)`", self.text, flags=re.M)) == made


def shell(script, cwd=None, environment=None):
    """Runs a page's commands, all of which have to succeed. What they printed."""
    done = subprocess.run(["sh", "-ec", script], cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout
