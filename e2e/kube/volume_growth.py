#!/usr/bin/python3
"""Grants what claims ask for: the external resizer that a storage driver with growth brings, for volumes that are folders.

A claim whose request is above its volume's capacity gets it: first the volume says so, then the claim's status, in the order
in which a real resizer writes. Runs until it is stopped.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from kube.api import Api  # noqa: E402
from kube.certificates import Certificates  # noqa: E402
from kube.shell import Failed, say  # noqa: E402
from kube.state import State  # noqa: E402

INTERVAL_SECONDS = 2
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def size_of(quantity):
    for unit, factor in UNITS.items():
        if quantity.endswith(unit):
            return float(quantity[: -len(unit)]) * factor
    return float(quantity)


def grow_all(api):
    for claim in api.list("PersistentVolumeClaim"):
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        granted = claim.get("status", {}).get("capacity", {}).get("storage")
        if granted is None or size_of(wanted) <= size_of(granted):
            continue
        metadata = claim["metadata"]
        capacity = {"storage": wanted}
        api.patch("PersistentVolume", None, claim["spec"]["volumeName"], {"spec": {"capacity": capacity}})
        api.patch("PersistentVolumeClaim", metadata["namespace"], metadata["name"], {"status": {"capacity": capacity}}, "status")
        say(f"{metadata['namespace']}/{metadata['name']}: {granted} -> {wanted}")


def main():
    api = Api(Certificates(State().certificates), "addons")
    said = None
    while True:
        try:
            grow_all(api)
            said = None
        except (Failed, OSError) as fault:
            if str(fault) != said:
                say(f"not now: {fault}")
            said = str(fault)
        time.sleep(INTERVAL_SECONDS)


if __name__ == "__main__":
    main()
