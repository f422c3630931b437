"""Where settings come from, which are refused, what is printed."""
import re

import pytest

from harness.certificates import Authority
from harness.contract import contract
from harness.node import run_to_end

# key -> (default as printed, a value to set)
KEYS = {
    "port": ("3000", "3123"), "node_id": (None, "node-x"), "wal_path": ("./ferrocache.wal",
                                                                        "/tmp/nowhere.wal"),
    "auth_token": (None, "s3cret-token"), "auth_token_file": (None, "/nowhere/tokens"),
    "wal_batch_size": ("256", "17"), "wal_batch_timeout_ms": ("1", "3"), "compact_interval_inserts": ("10000",
                                                                                                      "0"),
    "expire_scan_interval_secs": ("60", "7"), "conversation_ttl_seconds": (None, "77"),
    "default_ttl_seconds": (None, "88"), "hnsw.max_nb_connection": ("16", "24"),
    "hnsw.ef_construction": ("200", "100"), "hnsw.ef_search": ("32", "64"), "hnsw.default_threshold": ("0.92",
                                                                                                       "0.8"),
    "hnsw.max_elements": ("100000", "5000"), "hnsw.max_entries_per_namespace": (None, "9"),
    "index.kind": ("auto", "flat"), "http.bind": ("0.0.0.0", "127.0.0.1"), "http.threads": (None, "3"),
    "http.max_connections": ("10000", "50"), "http.max_body_bytes": ("33554432", "65536"),
    "http.max_header_bytes": ("65536", "4096"), "http.metrics_auth": ("false", "true"),
    "http.tls.cert_path": (None, "/nowhere/c.pem"), "http.tls.key_path": (None, "/nowhere/k.pem"),
    "http.tls.client_ca_path": (None, "/nowhere/ca.pem"), "limits.max_response_bytes": ("1048576", "1024"),
    "limits.max_batch_items": ("1000", "5"), "memory.max_bytes": ("0", "16777216"),
    "wal.segment_bytes": ("16777216", "1048576"), "wal.sync": ("true", "false"),
    "snapshot.retention": ("2", "3"), "metrics.max_namespaces": ("100", "0"), "log.level": ("info", "debug"),
    "log.format": (None, "json"), "cluster.enabled": ("false", None), "cluster.id": ("ferrocache", "other"),
    "cluster.seed_nodes": (None, "a:1,b:2"), "cluster.gossip_addr": (None, "127.0.0.1:7000"),
    "cluster.api_addr": (None, "127.0.0.1:3000"), "cluster.virtual_nodes": ("64", "32"),
    "cluster.replication_factor": ("2", "3"), "cluster.max_replication_retries": ("3", "5"),
    "cluster.phi_threshold": ("8", "9.5"), "cluster.read_repair_enabled": ("true", "false"),
    "cluster.dead_node_removal_enabled": ("true", "false"), "cluster.write_consistency": ("all", "quorum"),
    "cluster.re_replicate_after_seconds": ("30", "60"), "cluster.request_timeout_ms": ("1000", "500"),
    "cluster.hint_max_bytes": ("268435456", "1048576"), "cluster.hint_max_age_seconds": ("3600", "60"),
    "cluster.repair_interval_seconds": ("30", "5"), "cluster.repair_bytes_per_second": ("33554432", "1048576"),
    "cluster.tombstone_retention_seconds": ("86400", "7200"), "cluster.forget_after_seconds": ("3600", "600"),
    "cluster.split_entries": ("250000", "1000"), "cluster.split_bytes": ("2147483648", "4096"),
    "cluster.gossip_interval_ms": ("500", "100"), "cluster.tls.enabled": ("false", None),
    "cluster.tls.ca_cert_path": (None, "/nowhere/a.pem"), "cluster.tls.node_cert_path": (None,
                                                                                         "/nowhere/b.pem"),
    "cluster.tls.node_key_path": (None, "/nowhere/d.pem"), "cluster.tls.internal_port": (None, "4000")
}
SECRETS = {"auth_token"}


def variable(key: str) -> str:
    return "FERROCACHE_" + key.upper().replace(".", "__")


def printed(folder, *arguments, **environment) -> dict[str, tuple[str, str]]:
    """What --print-config says: key -> (value, source)."""
    done = run_to_end("--print-config", *arguments, folder=folder, environment=environment)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    matches = [re.fullmatch(r"([a-z_.]+) = (.*?)\s+# (\S.*)", line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches) if not match]
    assert len({match[1] for match in matches}) == len(lines), "one line a key"
    return {match[1]: (match[2], match[3]) for match in matches}


def refused(folder, *arguments, **environment) -> str:
    """The one line with which a start is refused."""
    done = run_to_end("--check-config", *arguments, folder=folder, environment=environment)
    assert done.returncode != 0, f"accepted: {arguments} {environment}"
    run = run_to_end(*arguments, folder=folder, environment=environment)
    assert run.returncode > 0 and run.stderr.strip() == done.stderr.strip()
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@contract("config-11: every key exists with its default", "config-9: a line a key")
def test_defaults(tmp_path):
    shown = printed(tmp_path)
    assert set(KEYS) <= set(shown), set(KEYS) - set(shown)
    for key, (default, _) in KEYS.items():
        value, source = shown[key]
        assert source == "default", key
        if default is not None:
            bare = value.strip('"')
            assert bare == default or re.fullmatch(
                r"[\d.]+", default) and float(bare) == float(default), f"{key} = {value}"


@contract("config-2: --key=value and --key value, any key", "config-11: every key")
@pytest.mark.parametrize("form", ["equals", "separate"])
def test_command_line(tmp_path, form):
    settable = {key: value for key, (_, value) in KEYS.items() if value is not None}
    arguments = []
    for key, value in settable.items():
        arguments += [f"--{key}={value}"] if form == "equals" else [f"--{key}", value]
    assert_set(printed(tmp_path, *arguments), settable, "command line")


@contract("config-4: FERROCACHE_ names with __ between sections; lists comma-separated",
          "config-11: every key")
def test_environment(tmp_path):
    settable = {key: value for key, (_, value) in KEYS.items() if value is not None}
    assert_set(printed(tmp_path, **{variable(key): value
                                    for key, value in settable.items()}), settable, "environment")
    assert variable("hnsw.ef_search") == "FERROCACHE_HNSW__EF_SEARCH"
    assert variable("cluster.tls.enabled") == "FERROCACHE_CLUSTER__TLS__ENABLED"
    assert run_to_end("--print-config", folder=tmp_path,
                      environment={"FERROCACHE_CLUSTER__TLS__ENABLED": "true"
                                   }).stdout.count("cluster.tls.enabled = true")


def assert_set(shown, wanted, source) -> None:
    for key, value in wanted.items():
        got, where = shown[key]
        assert source in where, f"{key}: {where}"
        if key in SECRETS:
            assert value not in got
        elif key == "cluster.seed_nodes":
            assert re.findall(r"[ab]:\d", got) == ["a:1", "b:2"]
        else:
            assert got.strip('"') == value, f"{key} = {got}"


@contract("config-1: command line over environment over file over default", "config-9: the source is named")
def test_precedence(tmp_path):
    (tmp_path / "ferrocache.toml").write_text("port = 3001\nwal_batch_size = 11\n[hnsw]\nef_search = 41\n")
    shown = printed(tmp_path, "--port=3003", FERROCACHE_PORT="3002", FERROCACHE_WAL_BATCH_SIZE="12")
    assert shown["port"][0] == "3003" and "command line" in shown["port"][1]
    assert shown["wal_batch_size"][0] == "12" and "environment" in shown["wal_batch_size"][1]
    assert shown["hnsw.ef_search"][0] == "41" and "file" in shown["hnsw.ef_search"][1]
    assert shown["hnsw.ef_construction"] == ("200", "default")


@contract("config-3: ferrocache.toml in the working directory, or --config with .toml, .yaml, .yml")
def test_files(tmp_path):
    toml = ("port = 3001\n[hnsw]\nef_search = 41\n[http.tls]\ncert_path = 'c'\nkey_path = \"k\"\n"
            "[cluster]\nseed_nodes = [\"a:1\", \"b:2\"]\n")
    yaml = ("port: 3001\nhnsw:\n  ef_search: 41\nhttp:\n  tls:\n    cert_path: c\n    key_path: k\n"
            "cluster:\n  seed_nodes: [a:1, 'b:2']\n")
    (tmp_path / "ferrocache.toml").write_text("port = 2999\n")
    assert printed(tmp_path)["port"][0] == "2999"
    for name, text in (("x.toml", toml), ("x.yaml", yaml), ("x.yml", yaml)):
        (tmp_path / name).write_text(text)
        for arguments in (["--config", name], [f"--config={tmp_path / name}"]):
            shown = printed(tmp_path, *arguments)
            assert (shown["port"][0], shown["hnsw.ef_search"][0]) == ("3001", "41")
            assert shown["http.tls.key_path"][0].strip('"') == "k"
            assert re.findall(r"[ab]:\d", shown["cluster.seed_nodes"][0]) == ["a:1", "b:2"]
    (tmp_path / "x.ini").write_text("port=1\n")
    for name in ("x.ini", "nowhere.toml", "nowhere.yaml"):
        assert name in refused(tmp_path, "--config", name)


@contract("config-6: an unknown key stops the start with one line naming it")
def test_unknown_keys(tmp_path):
    assert "hnsw.ef_serch" in refused(tmp_path, "--hnsw.ef_serch=1")
    assert "nonsense" in refused(tmp_path, "--nonsense", "1")
    assert "prot" in refused(tmp_path, "prot=1")
    for name, text, key in (("a.toml", "prot = 1\n", "prot"), ("b.toml", "[hnsw]\nef = 1\n", "hnsw.ef"),
                            ("c.yaml", "hsnw:\n  ef_search: 1\n", "hsnw"), ("d.yml", "port: 1\nx: 2\n", "x")):
        (tmp_path / name).write_text(text)
        assert key in refused(tmp_path, "--config", name)


@contract("config-7: a value out of range names key, value and range")
@pytest.mark.parametrize("key, value, bounds",
                         [("port", "65536", ["65535"]), ("port", "-1", ["65535"]), ("port", "x", ["65535"]),
                          ("hnsw.ef_search", "0", ["1", "4096"]), ("hnsw.ef_search", "4097", ["1", "4096"]),
                          ("hnsw.max_nb_connection", "1", ["2", "128"]),
                          ("hnsw.max_nb_connection", "129", ["2", "128"]),
                          ("wal_batch_size", "0", ["1", "65536"]),
                          ("wal_batch_size", "65537", ["1", "65536"]),
                          ("cluster.replication_factor", "6", ["1", "5"]),
                          ("cluster.replication_factor", "0", ["1", "5"]),
                          ("http.max_body_bytes", "65535", ["65536", "1073741824"]),
                          ("http.max_body_bytes", "1073741825", ["65536", "1073741824"]),
                          ("http.max_header_bytes", "4095", ["4096", "1048576"]),
                          ("limits.max_response_bytes", "1023", ["1024", "67108864"]),
                          ("limits.max_batch_items", "10001", ["1", "10000"]),
                          ("memory.max_bytes", "1", ["0", "16777216"]),
                          ("index.kind", "tree", ["auto", "flat", "hnsw"]),
                          ("default_ttl_seconds", "315360001", ["315360000"]),
                          ("default_ttl_seconds", "0", ["1", "315360000"]),
                          ("wal.segment_bytes", "1048575", ["1048576", "1073741824"]),
                          ("wal.sync", "maybe", ["true", "false"]), ("snapshot.retention", "0", ["1", "100"]),
                          ("snapshot.retention", "101", ["1", "100"]),
                          ("metrics.max_namespaces", "10001", ["0", "10000"]),
                          ("log.level", "loud", ["info", "debug"]), ("log.format", "xml", ["json", "text"]),
                          ("cluster.write_consistency", "some", ["one", "quorum", "all"]),
                          ("cluster.re_replicate_after_seconds", "86401", ["1", "86400"]),
                          ("hnsw.default_threshold", "1.5", ["0", "1"]),
                          ("hnsw.default_threshold", "nan", ["0", "1"]), ("wal_batch_size", "1e3", ["65536"]),
                          ("wal_batch_size", " 5x", ["65536"]),
                          ("wal_batch_size", "99999999999999999999", ["65536"]), ("port", "", ["65535"])])
def test_ranges(tmp_path, key, value, bounds):
    for said in (refused(tmp_path, f"--{key}={value}"), refused(tmp_path, **{variable(key): value})):
        assert key in said or variable(key) in said, said
        assert value.strip() in said and all(bound in said for bound in bounds), said


@contract("config-7: values in files are checked, too")
def test_ranges_in_files(tmp_path):
    for name, text in (("a.toml", "[hnsw]\nef_search = 0\n"), ("a.yaml", "hnsw: {ef_search: 0}\n"),
                       ("b.toml", "[hnsw]\nef_search = \"many\"\n"), ("b.yaml", "hnsw:\n  ef_search: [1]\n")):
        (tmp_path / name).write_text(text)
        said = refused(tmp_path, "--config", name)
        assert "hnsw.ef_search" in said and "4096" in said, said
    for name, text in (("c.toml", "port = \n"), ("c.yaml", "port: [\n"), ("d.toml", "port = 1\nport = 2\n")):
        (tmp_path / name).write_text(text)
        assert name in refused(tmp_path, "--config", name)


@contract("config-7: both ends of a range are allowed")
def test_range_ends(tmp_path):
    for key, low, high in (("hnsw.ef_search", "1", "4096"), ("wal_batch_size", "1", "65536"),
                           ("snapshot.retention", "1", "100"), ("http.max_body_bytes", "65536", "1073741824"),
                           ("limits.max_batch_items", "1", "10000"), ("cluster.replication_factor", "1", "5"),
                           ("default_ttl_seconds", "1", "315360000"), ("wal.segment_bytes", "1048576",
                                                                       "1073741824"),
                           ("metrics.max_namespaces", "0", "10000"), ("hnsw.max_nb_connection", "2", "128"),
                           ("http.max_header_bytes", "4096", "1048576")):
        for value in (low, high):
            assert printed(tmp_path, f"--{key}", value)[key][0] == value


@contract("config-8: --check-config only validates")
def test_check_config(tmp_path):
    done = run_to_end("--check-config", "--wal_path", str(tmp_path / "data"), folder=tmp_path)
    assert done.returncode == 0
    assert not (tmp_path / "data").exists() and list(tmp_path.iterdir()) == []
    (tmp_path / "ferrocache.toml").write_text("prot = 1\n")
    assert run_to_end("--check-config", folder=tmp_path).returncode != 0


def test_check_config_opens_the_files_that_it_names(tmp_path):
    """It passed, and the start that followed did not."""
    def check(*arguments):
        done = run_to_end("--check-config", *arguments, folder=tmp_path)
        return done.returncode, done.stderr

    (tmp_path / "tokens").write_text("a-token role=admin\nother role=king\n")
    for path, said in (("nowhere", "nowhere"), (tmp_path / "tokens", "line 2")):
        code, error = check(f"--auth_token_file={path}")
        assert code == 2 and "auth_token_file" in error and said in error, error
        assert "a-token" not in error
    (tmp_path / "tokens").write_text("a-token role=admin\n")
    assert check(f"--auth_token_file={tmp_path}/tokens") == (0, "")
    authority = Authority(tmp_path / "ca", "authority")
    one, other = authority.issue("one"), authority.issue("other")
    pair = [f"--http.tls.cert_path={one.cert}", f"--http.tls.key_path={one.key}"]
    assert check(*pair) == (0, "")
    code, error = check(f"--http.tls.cert_path={one.cert}", f"--http.tls.key_path={other.key}")
    assert code == 2 and "http.tls" in error and str(other.key) in error, error
    code, error = check(*pair, f"--http.tls.client_ca_path={tmp_path}/tokens")
    assert code == 2 and "tokens" in error and "certificate" in error, error
    between = ["--cluster.tls.enabled=true", f"--cluster.tls.ca_cert_path={authority.cert}",
               f"--cluster.tls.node_cert_path={one.cert}"]
    assert check(*between, f"--cluster.tls.node_key_path={one.key}") == (0, "")
    code, error = check(*between, f"--cluster.tls.node_key_path={other.key}")
    assert code == 2 and "cluster.tls" in error, error


@contract("config-9: secrets are masked")
def test_secrets_are_masked(tmp_path):
    for arguments, environment in ((["--auth_token=hush-hush"], {}),
                                   ([], {"FERROCACHE_AUTH_TOKEN": "hush-hush"})):
        done = run_to_end("--print-config", *arguments, folder=tmp_path, environment=environment)
        assert done.returncode == 0 and "hush" not in done.stdout + done.stderr
    for arguments in (["--auth_token=hush hush\n"], ["--auth_token=hush-hush", "--port=x"]):
        done = run_to_end("--check-config", *arguments, folder=tmp_path)
        assert done.returncode != 0 and "hush" not in done.stdout + done.stderr


@contract("config-5: values are taken literally")
def test_literal_values(nodes):
    folder = nodes.folder
    (folder / "token.yaml").write_text("auth_token: 007\nnode_id: 0x10\n")
    (folder / "token.toml").write_text("auth_token = '007'\nnode_id = '0x10'\n")
    for options in ({"environment": {"FERROCACHE_AUTH_TOKEN": "007", "FERROCACHE_NODE_ID": "0x10"}
                     }, {"arguments": ("--auth_token", "007", "--node_id=0x10")
                         }, {"arguments": ("--config", str(folder / "token.yaml"))},
                    {"arguments": ("--config", str(folder / "token.toml"))}):
        node = nodes.start(**options)
        assert node.api.with_token("007").client.request("GET", "/stats").status == 200
        assert node.api.with_token("7").client.request("GET", "/stats").status == 401
        assert node.api.health()["node_id"] == "0x10"
        node.stop()
    for odd in ("true", "null", "1e5", "~", "a,b", "a=b", "#x", "$HOME", "'q'", "ü"):
        shown = printed(folder, FERROCACHE_CLUSTER__ID=odd) if odd != "ü" else printed(
            folder, FERROCACHE_WAL_PATH=odd)
        assert odd in (shown["cluster.id"][0].strip('"'), shown["wal_path"][0].strip('"'))


@contract("config-10: what Kubernetes and the clients set is ignored, any other unknown name stops the start")
def test_foreign_environment(tmp_path):
    foreign = {
        "FERROCACHE_SERVICE_HOST": "10.0.0.1", "FERROCACHE_SERVICE_PORT": "3000",
        "FERROCACHE_SERVICE_PORT_HTTP": "3000", "FERROCACHE_PORT": "tcp://10.0.0.1:3000",
        "FERROCACHE_PORT_3000_TCP": "tcp://10.0.0.1:3000", "FERROCACHE_PORT_3000_TCP_ADDR": "10.0.0.1",
        "FERROCACHE_PORT_3000_TCP_PORT": "3000", "FERROCACHE_PORT_3000_TCP_PROTO": "tcp",
        "FERROCACHE_URL": "http://x", "FERROCACHE_THRESHOLD": "0.5", "FERROCACHE_EMBED_MODEL": "m",
        "FERROCACHE_DATA_DIR": "/x"
    }
    shown = printed(tmp_path, **foreign)
    assert shown["port"] == ("3000", "default") and shown["hnsw.default_threshold"][1] == "default"
    assert printed(tmp_path, FERROCACHE_PORT="3007")["port"][0] == "3007"
    for name in ("FERROCACHE_PROT", "FERROCACHE_HNSW_EF_SEARCH", "FERROCACHE_HNSW__EF", "FERROCACHE_"):
        assert name in refused(tmp_path, **{name: "1"})
    assert "FERROCACHE_PORT" in refused(tmp_path, FERROCACHE_PORT="x")
    assert printed(tmp_path, ferrocache_port="1", FERRO_X="1", FERROCACHED_X="1")["port"][1] == "default"


@contract("config-16: --help and --version")
def test_help_and_version(tmp_path):
    done = run_to_end("--help", folder=tmp_path)
    assert done.returncode == 0
    for option in ("--config", "--check-config", "--print-config", "--salvage", "--health", "--version"):
        assert option in done.stdout
    done = run_to_end("--version", folder=tmp_path)
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)
    assert list(tmp_path.iterdir()) == []
