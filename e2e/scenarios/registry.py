"""The scenarios by name, in the order in which `make e2e` runs them."""

import importlib

MODULES = ("stage_basics", "nodes_by_hand", "creating", "scaling", "rotating", "rolling", "faults", "lifecycle")
SCENARIOS = {}


class Scenario:
    """A function of a Context that raises Failed when something is not as promised."""

    def __init__(self, name, function, minutes, needs_operator):
        self.name, self.function, self.minutes, self.needs_operator = name, function, minutes, needs_operator
        self.summary = (function.__doc__ or "").strip().split("\n")[0]


def scenario(name, minutes=3, needs_operator=True):
    """Registers a scenario; minutes: about how long it takes, for runs with a time limit."""

    def register(function):
        SCENARIOS[name] = Scenario(name, function, minutes, needs_operator)
        return function

    return register


def load_all():
    for module in MODULES:
        importlib.import_module(f"scenarios.{module}")
    return SCENARIOS
