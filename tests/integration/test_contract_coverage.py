"""Every promise of the contract has a test, and every test that claims a promise names a real one."""
from harness.contract import claimed, promised


def test_every_promise_has_a_test():
    missing = {name: text for name, text in promised().items() if name not in claimed()}
    assert not missing, f"promises without a test: {missing}"


def test_every_claim_names_a_promise():
    unknown = {name: tests for name, tests in claimed().items() if name not in promised()}
    assert not unknown, f"claims of promises that are not in the list: {unknown}"
