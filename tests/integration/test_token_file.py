"""The mounted token file: its format, and its changes while the node runs."""
import os

import pytest

from harness.contract import contract
from harness.timing import wait_until

REREAD_SECONDS = 5.0


def status(node, token) -> int:
    return node.api.with_token(token).client.request("GET", "/stats").status


def wait_for(node, token, wanted) -> None:
    wait_until(lambda: status(node, token) == wanted, REREAD_SECONDS, f"{token} is answered {wanted}",
               interval=0.1)


@pytest.fixture
def file(nodes):
    return nodes.folder / "tokens"


@contract("auth-8: rename", "auth-9: several tokens at once")
def test_rename(nodes, file):
    file.write_text("one\n")
    node = nodes.start({"auth_token_file": str(file)})
    fresh = file.with_suffix(".new")
    for content, good, bad in (("one\ntwo\n", ["one",
                                               "two"], ["three"]), ("two\nthree\n", ["two",
                                                                                     "three"], ["one"])):
        fresh.write_text(content)
        os.replace(fresh, file)
        for token in reversed(good):
            wait_for(node, token, 200)
        for token in bad:
            wait_for(node, token, 401)


@contract("auth-8: in-place write")
def test_in_place(nodes, file):
    file.write_text("one\n")
    node = nodes.start({"auth_token_file": str(file)})
    stat = file.stat()
    file.write_text("two\n")  # same length, and the same time stamps: only the content tells
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    wait_for(node, "two", 200)
    assert status(node, "one") == 401


@contract("auth-8: symlink swap, as Kubernetes does it")
def test_symlink_swap(nodes):
    mount = nodes.folder / "mount"
    for name, content in (("v1", "one role=read\n"), ("v2", "two role=read\n")):
        (mount / name).mkdir(parents=True)
        (mount / name / "tokens").write_text(content)
    (mount / "..data").symlink_to("v1")
    (mount / "tokens").symlink_to("..data/tokens")
    node = nodes.start({"auth_token_file": str(mount / "tokens")})
    assert status(node, "one") == 200
    (mount / "..data_tmp").symlink_to("v2")
    os.replace(mount / "..data_tmp", mount / "..data")
    wait_for(node, "two", 200)
    assert status(node, "one") == 401


@contract("auth-7: default admin and unscoped, comments, blank lines, Windows line ends")
def test_format(nodes, file):
    file.write_bytes(
        b"# comment\n\n   \nplain\r\n  indented role=read  \nno-newline generation=12 scope=s role=write")
    node = nodes.start({"auth_token_file": str(file)})
    assert node.api.with_token("plain").client.request("GET", "/namespaces").status == 200
    assert status(node, "indented") == 200
    assert node.api.with_token("indented").client.request("GET", "/namespaces").status == 403
    assert status(node, "no-newline") == 200
    assert status(node, "#") == 401 and status(node, "comment") == 401


@contract("auth-7: a line that makes no sense refuses the start and tells no token")
@pytest.mark.parametrize("line", [
    "token-x role=king", "token-x roles=read", "token-x read", "token-x generation=x",
    "token-x role=read role=admin"
])
def test_bad_lines(nodes, file, line):
    file.write_text(f"# first\n{line}\n")
    said = nodes.make({"auth_token_file": str(file)}).expect_refused_start()
    assert "2" in said and "token-x" not in said


@contract("auth-12: a bad file later keeps the last good set, in log and metric")
def test_bad_later(nodes, file):
    file.write_text("one\n")
    node = nodes.start({"auth_token_file": str(file)})
    file.write_text("two role=king\n")
    assert_last_good_set_stays(node, "one")
    file.write_text("three\n")
    wait_for(node, "three", 200)
    assert status(node, "one") == 401


@contract("auth-12: missing or unreadable later keeps the last good set")
@pytest.mark.parametrize("how", ["removed", "a folder"])
def test_missing_later(nodes, file, how):
    file.write_text("one\n")
    node = nodes.start({"auth_token_file": str(file)})
    file.unlink()
    if how == "a folder":
        file.mkdir()
    assert_last_good_set_stays(node, "one")
    if how == "a folder":
        file.rmdir()
    file.write_text("two\n")
    wait_for(node, "two", 200)
    assert status(node, "one") == 401


def assert_last_good_set_stays(node, token) -> None:
    def said():
        lines = [
            line for line in node.log().splitlines()
            if "token" in line and ("error" in line or "warn" in line)
        ]
        metrics = node.api.metrics()
        failed = [
            name for name, value in metrics.samples.items()
            if "token" in name and "fail" in name and value > 0
        ]
        return lines and failed

    wait_until(said, REREAD_SECONDS + 1, "log and metric say that the token file cannot be used",
               interval=0.1)
    assert status(node, token) == 200 and status(node, None) == 401


@contract("auth-10: an empty file lets nobody in")
@pytest.mark.parametrize("content", ["", "\n\n", "# only comments\n"])
def test_empty(nodes, file, content):
    file.write_text(content)
    node = nodes.start({"auth_token_file": str(file)})
    for token in (None, "", "x", "#"):
        assert status(node, token) == 401
    assert node.client.request("GET", "/health").status == 200
    file.write_text("one\n")
    wait_for(node, "one", 200)
    file.write_text(content)
    wait_for(node, "one", 401)


@contract("auth-9: auth_token stays valid whatever the file says")
def test_adds_to_auth_token(nodes, file):
    file.write_text("")
    node = nodes.start({"auth_token_file": str(file)}, environment={"FERROCACHE_AUTH_TOKEN": "fixed"})
    assert status(node, "fixed") == 200
    file.write_text("one\n")
    wait_for(node, "one", 200)
    assert status(node, "fixed") == 200


@contract("auth-11: missing at start refuses the start")
def test_missing_at_start(nodes, file):
    said = nodes.make({"auth_token_file": str(file)}).expect_refused_start()
    assert str(file) in said
    said = nodes.make({"auth_token_file": str(nodes.folder)}).expect_refused_start()
    assert str(nodes.folder) in said
