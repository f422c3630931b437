#!/usr/bin/python3
"""A real Kubernetes on this machine, and what is tried on it.

    e2e/run.py up                 three nodes, the product's images on each; prints the kubectl lines to try
    e2e/run.py down               take it away and leave the machine as it was
    e2e/run.py status             what runs
    e2e/run.py images             build the product's images again and import them
    e2e/run.py demo               up, the operator by Helm and the sample cluster; prints what to try
    e2e/run.py list               the scenarios
    e2e/run.py scenario NAME...   run these (all: every one), bringing the stage up if it is not; --keep leaves the namespace
    e2e/run.py ci --minutes N     the few for every change, as far as the time allows; says what it left out; down at the end
    e2e/run.py binaries           build the Kubernetes programs (once a version, about 20 minutes)

docs/e2e.md says how it works and how to debug it.
"""

import argparse
import os
import sys

from kube import binaries, images, stage
from kube.shell import Failed, say
from scenarios import ci, demo, registry, runner


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in ("up", "down", "status", "images", "demo", "list", "binaries"):
        commands.add_parser(name)
    one = commands.add_parser("scenario")
    one.add_argument("names", nargs="+", metavar="NAME")
    one.add_argument("--keep", action="store_true", help="leave the scenario's namespace as it is at the end")
    short = commands.add_parser("ci")
    short.add_argument("--minutes", type=float, required=True)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("network namespaces, mounts and containers need root: sudo make ...")
    try:
        return run(options)
    except Failed as fault:
        say(f"\n{fault}")
        return 1
    except ci.Interrupted:
        say("\nterminated: nothing more is judged")
        return 143
    except KeyboardInterrupt:
        say("\ninterrupted; take down what is up: make kube-down")
        return 130


def run(options):
    if options.command == "up":
        stage.tell(stage.up())
    elif options.command == "down":
        stage.down()
    elif options.command == "status":
        return 0 if stage.status() else 1
    elif options.command == "images":
        images.deliver_product(stage.attach().state)
    elif options.command == "demo":
        demo.run()
    elif options.command == "ci":
        return 0 if ci.run(options.minutes) else 1
    elif options.command == "list":
        for found in registry.load_all().values():
            say(f"  {found.name:24} about {found.minutes} min  {found.summary}")
    elif options.command == "scenario":
        names = list(registry.load_all()) if options.names == ["all"] else options.names
        return 0 if runner.run_named(names, options.keep) else 1
    elif options.command == "binaries":
        binaries.build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
