"""What is measured. Each scenario yields rows: (what, measured, target, good or None, how)."""

import json
import statistics
import subprocess
import time

from servers import (
    ROOT,
    Client,
    Nginx,
    Running,
    cpu_seconds,
    finish_load,
    load,
    resident_bytes,
    start_load,
    sync_write_seconds,
)

RATIO, MICROSECONDS = "{:.2f} x", "{:.0f} us"


def row(what, value, text, target=None, limit=None, at_least=True, how=""):
    good = None if limit is None else (value >= limit if at_least else value <= limit)
    return {"what": what, "value": value, "text": text, "target": target or "", "good": good, "how": how}


def typical_hit():
    return json.dumps(
        {
            "hit": True,
            "id": "0190b5f2-1234-7abc-8def-000000000000",
            "response": "x" * 256,
            "similarity": 1.0,
            "exact_match": True,
            "age_seconds": 3,
            "query_text": "question number 1 of the benchmark",
        }
    )


def beside_nginx(seconds):
    """Exact and vector hits against nginx with the same bodies, in turn, three rounds each; the median round counts."""
    with Running("--compact_interval_inserts", "0") as node, Nginx(typical_hit()) as nginx:
        load(node.port, "vector", entries=10_000, seconds=0.1, warmup=0)
        rounds = {"nginx": [], "exact": [], "vector": []}
        cpu = {}
        for _ in range(3):
            rounds["nginx"].append(load(nginx.port, "raw", path="/", seconds=seconds, entries=10_000))
            for workload in ("exact", "vector"):
                before = cpu_seconds(node.pid)
                figures = load(node.port, workload, entries=10_000, no_preload=True, seconds=seconds, warmup=0)
                cpu[workload] = (cpu_seconds(node.pid) - before) / figures["answered"] * 1e6
                rounds[workload].append(figures)
        middle = {name: sorted(runs, key=lambda run: run["per_second"])[1] for name, runs in rounds.items()}
        base = middle["nginx"]
        yield row(
            "nginx, constant answer",
            base["per_second"],
            f"{base['per_second']:.0f}/s",
            how="closed loop, 50 connections, 384-d bodies",
        )
        for workload, share in (("exact", 0.6), ("vector", 0.3)):
            run = middle[workload]
            name = "exact-match hit" if workload == "exact" else "vector hit, 10k x 384-d"
            ratio = run["per_second"] / base["per_second"]
            yield row(
                f"{name}: throughput",
                ratio,
                f"{run['per_second']:.0f}/s = {RATIO.format(ratio)} nginx",
                f">= {share} x",
                share,
            )
            tail = run["query"]["p99_us"] / base["query"]["p99_us"]
            yield row(
                f"{name}: p50 / p99 / p99.9",
                tail,
                f"{run['query']['p50_us']:.0f} / {run['query']['p99_us']:.0f} / {run['query']['p999_us']:.0f} us"
                f" (p99 {RATIO.format(tail)} nginx)",
                "p99 <= 3 x",
                3.0,
                at_least=False,
            )
            yield row(f"{name}: CPU a request", cpu[workload], MICROSECONDS.format(cpu[workload]))


def fixed_rate(seconds):
    """Open loop: latency at a rate far below saturation, timed from when each request was due."""
    with Running() as node:
        run = load(node.port, "vector", entries=10_000, rate=2000, seconds=seconds)
        q = run["query"]
        yield row(
            "vector hit at a fixed 2,000/s",
            q["p99_us"],
            f"p50 {q['p50_us']:.0f}  p99 {q['p99_us']:.0f}  p99.9 {q['p999_us']:.0f} us",
            how="open loop, no coordinated omission",
        )


def durable_inserts(seconds):
    rates = {}
    for sync in ("true", "false"):
        with Running("--wal.sync", sync, "--compact_interval_inserts", "0") as node:
            rates[sync] = load(node.port, "insert", seconds=seconds, connections=50)
    ratio = rates["true"]["per_second"] / rates["false"]["per_second"]
    yield row(
        "durable inserts, 50 clients",
        ratio,
        f"{rates['true']['per_second']:.0f}/s = {RATIO.format(ratio)} without sync",
        ">= 0.6 x",
        0.6,
    )
    with Running("--compact_interval_inserts", "0") as node:
        exchange = load(node.port, "exact", entries=100, connections=1, seconds=2)["query"]["p50_us"]
        lone = load(node.port, "insert", connections=1, seconds=2)["insert"]["p50_us"]
        sync_us = sync_write_seconds(node.folder, 4096) * 1e6
    bound = exchange + 1.5 * sync_us
    yield row(
        "lone durable insert, p50",
        lone,
        MICROSECONDS.format(lone),
        f"<= {bound:.0f} us (exchange {exchange:.0f} + 1.5 x sync {sync_us:.0f})",
        bound,
        at_least=False,
    )


def queries_under_inserts(seconds):
    """
    Queries at a fixed rate, alone and beside inserts. Into other namespaces: the target, for what is searched stays
    the same. Into the one that is queried: it grows meanwhile. Into another node: what sharing the cores with an
    equally busy process costs by itself. Medians of three rounds, each with fresh nodes.
    """
    rounds = {"alone": [], "others": [], "same": [], "elsewhere": []}
    rates = []
    for _ in range(3):
        for name in ("others", "same", "elsewhere"):
            with Running() as node, Running() as other:
                load(node.port, "vector", entries=10_000, seconds=0.1, warmup=0)
                query = {"entries": 10_000, "no_preload": True, "rate": 500, "connections": 8, "seconds": seconds}
                if name == "others":
                    rounds["alone"].append(load(node.port, "vector", **query)["query"]["p99_us"])
                target, prefix = (other if name == "elsewhere" else node), ("bench" if name == "same" else "other")
                inserting = start_load(target.port, "insert", connections=8, seconds=seconds + 3, prefix=prefix)
                time.sleep(1)
                rounds[name].append(load(node.port, "vector", **query)["query"]["p99_us"])
                figures = finish_load(inserting)
                if name == "others":
                    rates.append(figures["per_second"])
    p99 = {name: statistics.median(values) for name, values in rounds.items()}
    times = {name: RATIO.format(value / p99["alone"]) for name, value in p99.items()}
    yield row(
        "query p99 under full inserts",
        p99["others"] / p99["alone"],
        f"{p99['others']:.0f} us, idle {p99['alone']:.0f} us = {times['others']}"
        f" ({statistics.median(rates):.0f} inserts/s beside)",
        "<= 3 x",
        3.0,
        at_least=False,
    )
    yield row(
        "the same, into the namespace queried",
        p99["same"],
        f"{p99['same']:.0f} us = {times['same']}: it grows by all of them",
    )
    yield row(
        "the same, into another node beside",
        p99["elsewhere"],
        f"{p99['elsewhere']:.0f} us = {times['elsewhere']}: sharing the cores alone",
    )


def memory(entries):
    with Running("--compact_interval_inserts", "0", "--memory.max_bytes", str(18 << 30)) as node:
        before = resident_bytes(node.pid)
        load(node.port, "vector", entries=entries, seconds=0.1, warmup=0)
        grown = resident_bytes(node.pid) - before
        payload = entries * (384 * 4 + 256 + len("question number 50000 of the benchmark"))
        accounted = sum(ns["bytes"] for ns in node.stats()["namespaces"].values())
    yield row(
        f"memory at {entries:,} x 384-d",
        grown / payload,
        f"{grown / 1e6:.0f} MB = {RATIO.format(grown / payload)} (vectors + texts)",
        "<= 1.35 x",
        1.35,
        at_least=False,
    )
    off = abs(accounted - grown) / grown
    yield row(
        "memory that /stats accounts for",
        off,
        f"{accounted / 1e6:.0f} MB, off by {100 * off:.1f} %",
        "within 15 %",
        0.15,
        at_least=False,
    )


def idle_namespaces(count):
    with Running("--compact_interval_inserts", "0") as node:
        before = resident_bytes(node.pid)
        load(node.port, "miss", entries=count, namespaces=count, dimension=8, response_bytes=16, seconds=0.1, warmup=0)
        each = (resident_bytes(node.pid) - before) / count
    yield row(
        f"a namespace of one tiny entry ({count:,} of them)",
        each,
        f"{each:.0f} bytes",
        "<= 4096 bytes",
        4096,
        at_least=False,
    )


def restart(entries):
    """Kill -9 after a snapshot and some log behind it; until /readyz."""
    with Running("--memory.max_bytes", str(18 << 30)) as node:
        load(node.port, "vector", entries=entries, seconds=0.1, warmup=0)
        client = Client(node.port)
        client.call("POST", "/admin/compact", {})
        load(node.port, "insert", seconds=1, warmup=0)
        node.kill()
        started = time.perf_counter()
        node.start()
        took = time.perf_counter() - started
        held = Client(node.port).call("GET", "/health")["entry_count"]
    target = entries / 1_000_000 * 15
    yield row(
        f"restart with {held:,} x 384-d",
        took,
        f"{took:.2f} s",
        f"<= {max(target, 1):.1f} s",
        max(target, 1.0),
        at_least=False,
    )


def micro(name, min_time):
    """The figures of one benchmark of index_bench."""
    command = [str(ROOT / "build/release/bin/index_bench"), f"--benchmark_filter={name}"]
    command += ["--benchmark_format=json", f"--benchmark_min_time={min_time}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)["benchmarks"][0]


def index_micro():
    """Inside one process: the time of a search without HTTP, thirty of a hundred finding something."""
    for rows, dimension, limit in ((10_000, 384, None), (10_000, 1536, 150), (100_000, 384, None)):
        figure = micro(f"search_of/Search_automatic/{rows}/{dimension}/92/1$", "0.2")
        micros = figure["real_time"] * {"ns": 1e-3, "us": 1, "ms": 1e3}[figure["time_unit"]]
        target = f"<= {limit} us" if limit else None
        yield row(f"search, {rows:,} x {dimension}-d, mean", micros, f"{micros:.0f} us", target, limit, at_least=False)


def recall(full):
    """In one process: neighbours at cosine >= 0.92 against an exact scan, fresh and after every row changed ten times."""
    kinds = [("automatic", 100_000, "")] + ([("hnsw", 10_000, ", index.kind = hnsw")] if full else [])
    for kind, rows, note in kinds:
        figure = micro(f"recall_of/Recall_{kind}/{rows}/384/92/10/", "0")
        fresh, turned = 100 * figure["fresh"], 100 * figure["turned"]
        name = f"recall, {rows:,} x 384-d{note}"
        yield row(name, fresh, f"{fresh:.3f} % ({figure['label']})", ">= 99.9 %", 99.9)
        yield row(f"{name}, ten turnovers", turned, f"{turned:.3f} %", ">= fresh - 0.1", fresh - 0.1)


def growth(sizes):
    """How query, insert, memory and restart grow with the entries of one namespace."""
    for entries in sizes:
        with Running("--memory.max_bytes", str(18 << 30)) as node:
            before = resident_bytes(node.pid)
            loaded = load(node.port, "vector", entries=entries, seconds=0.1, warmup=0)
            grown = resident_bytes(node.pid) - before
            q = load(node.port, "vector", entries=entries, no_preload=True, connections=1, seconds=2)["query"]
            i = load(node.port, "insert", connections=1, seconds=2)["insert"]
            Client(node.port).call("POST", "/admin/compact", {})
            node.kill()
            started = time.perf_counter()
            node.start()
            took = time.perf_counter() - started
        yield row(
            f"{entries:,} entries",
            q["p50_us"],
            f"query p50 {q['p50_us']:.0f} p99 {q['p99_us']:.0f} us, insert p50 {i['p50_us']:.0f} us, "
            f"{grown / entries:.0f} bytes an entry, restart {took:.2f} s, loaded at {entries / loaded['preload_seconds']:.0f}/s",
        )


def namespace_growth(counts):
    for count in counts:
        with Running("--memory.max_bytes", str(18 << 30)) as node:
            before = resident_bytes(node.pid)
            load(node.port, "vector", entries=max(count, 1000), namespaces=count, dimension=64, seconds=0.1, warmup=0)
            grown = resident_bytes(node.pid) - before
            q = load(
                node.port,
                "vector",
                entries=max(count, 1000),
                namespaces=count,
                dimension=64,
                no_preload=True,
                connections=1,
                seconds=2,
            )["query"]
            started = time.perf_counter()
            Client(node.port).call("GET", "/metrics")
            scrape_ms = (time.perf_counter() - started) * 1000
        yield row(
            f"{count:,} namespaces",
            q["p50_us"],
            f"query p50 {q['p50_us']:.0f} p99 {q['p99_us']:.0f} us, {grown / 1e6:.0f} MB, "
            f"scrape {scrape_ms:.1f} ms",
        )
