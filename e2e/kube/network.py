"""The bridge, one network namespace a node, and what leads packets between them. Every call may be repeated."""

import pathlib

from kube import settings
from kube.shell import run


def up():
    if not link_exists(settings.BRIDGE):
        run(["ip", "link", "add", settings.BRIDGE, "type", "bridge"])
        run(["ip", "address", "add", f"{settings.BRIDGE_ADDRESS}/24", "dev", settings.BRIDGE])
    run(["ip", "link", "set", settings.BRIDGE, "up"])
    for direction in ("-i", "-o"):
        rule = ["FORWARD", direction, settings.BRIDGE, "-j", "ACCEPT"]
        if run(["iptables", "-w", "-C", *rule], check=False).returncode != 0:
            run(["iptables", "-w", "-I", *rule])
    for number in settings.NODES:
        node_up(number)
    for number in settings.NODES:
        run(["ip", "route", "replace", settings.pod_network(number), "via", settings.node_address(number)])
        # From node to node without passing the host, so that the host need not forward.
        for other in settings.NODES:
            if other != number:
                route = ["route", "replace", settings.pod_network(other), "via", settings.node_address(other)]
                run(["ip", "-n", settings.node_name(number), *route])


def node_up(number):
    name = settings.node_name(number)
    if not pathlib.Path(f"/run/netns/{name}").exists():
        run(["ip", "netns", "add", name])
    if not link_exists(outer_link(number)):
        run(["ip", "link", "add", outer_link(number), "type", "veth", "peer", "name", "eth0", "netns", name])
        run(["ip", "-n", name, "address", "add", f"{settings.node_address(number)}/24", "dev", "eth0"])
    run(["ip", "link", "set", outer_link(number), "master", settings.BRIDGE, "up"])
    run(["ip", "-n", name, "link", "set", "lo", "up"])
    run(["ip", "-n", name, "link", "set", "eth0", "up"])
    run(["ip", "-n", name, "route", "replace", "default", "via", settings.BRIDGE_ADDRESS])
    inside(number, ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"])


def inside(number, command, **options):
    """Runs in the node's network alone: `ip netns exec` would also hide the cgroups."""
    return run(["nsenter", f"--net=/run/netns/{settings.node_name(number)}", *command], **options)


def outer_link(number):
    return f"ve-{settings.node_name(number)}"


def cut(number):
    """The node's cable is pulled: its pods run on and reach each other, nobody else."""
    run(["ip", "link", "set", outer_link(number), "down"])


def heal(number):
    run(["ip", "link", "set", outer_link(number), "up"])


def link_exists(name):
    return pathlib.Path(f"/sys/class/net/{name}").exists()


def down():
    """Takes away all of it; what is not there is fine. Says what would not go."""
    faults = []
    for direction in ("-i", "-o"):
        run(["iptables", "-w", "-D", "FORWARD", direction, settings.BRIDGE, "-j", "ACCEPT"], check=False)
    for number in settings.NODES:
        name = settings.node_name(number)
        if link_exists(outer_link(number)):
            run(["ip", "link", "delete", outer_link(number)], check=False)
        if pathlib.Path(f"/run/netns/{name}").exists():
            done = run(["ip", "netns", "delete", name], check=False)
            if done.returncode != 0:
                faults.append(f"network namespace {name}: {done.stderr.strip()}")
    if link_exists(settings.BRIDGE):
        run(["ip", "link", "delete", settings.BRIDGE], check=False)
    faults += [f"link {name} is still there" for name in
               [settings.BRIDGE, *map(outer_link, settings.NODES)] if link_exists(name)]  # fmt: skip
    return faults
