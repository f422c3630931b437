"""Torn and flipped files: a torn tail is repaired, damage in the middle refuses the start, --salvage helps."""
import re
import statistics

import pytest

from harness.contract import contract
from harness.data_folder import DataFolder, Written
from harness.node import Node, StartFailed
from harness.vectors import axis, make_rng

ENTRIES = 12
SEGMENT_BYTES = 1 << 20  # the smallest: every test copies the folder
VICTIM = 5  # whose record is damaged in the middle tests


def entry_id(number: int) -> str:
    return f"e{number:02}"


def regular_starts(seen: list[int]) -> list[int]:
    """Where records of one length begin, from where each was seen to begin.

    One that begins with the very byte that it overwrites is seen to begin a byte too late (checksums: one record in
    256), never too early.
    """
    length = statistics.mode(b - a for a, b in zip(seen, seen[1:]))
    first = min(begin - number * length for number, begin in enumerate(seen))
    starts = [first + number * length for number in range(len(seen))]
    assert all(0 <= begin - start < 4 for begin, start in zip(seen, starts)), f"not of one length: {seen}"
    return starts


def test_a_record_that_begins_as_what_it_overwrites():
    assert regular_starts([64, 515, 966, 1418, 1868, 2320]) == [64, 515, 966, 1417, 1868, 2319]
    assert regular_starts([65, 515, 966, 1417]) == [64, 515, 966, 1417]


class Log:
    """A killed node's data folder in which it is known where each entry's record lies."""
    def __init__(self, nodes, **settings):
        self.nodes = nodes
        node = nodes.start({"compact_interval_inserts": 0, "wal.segment_bytes": SEGMENT_BYTES, **settings})
        self.settings = node.settings
        self.folder = DataFolder(node.data)
        written = [self.folder.written_by(lambda n=n: self.insert(node, n)) for n in range(ENTRIES)]
        node.kill()
        # Each insert may also write something behind its record that the next one overwrites, so what was written
        # tells where a record begins, not where it ends; but the records are of one length.
        starts = regular_starts([one.begin for one in written])
        length = starts[1] - starts[0]
        self.records = [Written(one.file, begin, begin + length) for one, begin in zip(written, starts)]
        self.end = written[-1].end
        self.copies = 0

    @staticmethod
    def insert(node: Node, number: int) -> None:
        node.api.insert(axis(16, number), "m", f"r{number} ".ljust(300, "x"), f"q{number:02}", id=entry_id(number),
                        tags=["t"])

    def damaged(self) -> tuple[Node, DataFolder]:
        """A node not yet started on a copy of the folder, and the copy."""
        self.copies += 1
        target = self.nodes.folder / f"copy{self.copies}"
        node = self.nodes.make({key: value
                                for key, value in self.settings.items()
                                if key != "wal_path"}, folder=target)
        return node, self.folder.copy_to(node.data)


def present(node) -> list[int]:
    return [n for n in range(ENTRIES) if node.api.has_entry(entry_id(n))]


@pytest.fixture(scope="module")
def log(module_nodes):
    return Log(module_nodes)


@contract("durable-2: a torn tail is repaired, and what is written afterwards survives")
@pytest.mark.parametrize("zero_fill", [False, True], ids=["truncated", "zeros"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.06, 0.1, 0.3, 0.5, 0.8, 0.95, 1.0])
def test_torn_tail(log, zero_fill, share):
    last = log.records[-1]
    node, folder = log.damaged()
    folder.cut(last.file, last.begin + round(share * (last.end - last.begin)), zero_fill)
    node.start()
    assert present(node)[:ENTRIES - 1] == list(range(ENTRIES - 1))
    whole = node.api.has_entry(entry_id(ENTRIES - 1))
    assert whole == (share == 1.0)
    if whole:
        assert node.api.entry(entry_id(ENTRIES - 1))["response"] == f"r{ENTRIES - 1} ".ljust(300, "x")
    after = node.api.insert(axis(16, 15), "m", "written after the repair", "after", id="after")
    for _ in range(2):
        node.restart(kill=True)
        assert present(node)[:ENTRIES - 1] == list(range(ENTRIES - 1))
        assert node.api.entry(after)["response"] == "written after the repair"
    node.stop()


@contract("durable-2: a torn tail of garbage")
@pytest.mark.parametrize("seed", range(4))
def test_tail_of_garbage(log, seed):
    """The last record was being written in pieces: its middle never arrived, or arrived as something else."""
    rng, last = make_rng(), log.records[-1]
    node, folder = log.damaged()
    data = bytearray((folder.path / last.file).read_bytes())
    begin = rng.randrange(last.begin, last.end)
    data[begin:log.end] = rng.randbytes(log.end - begin) if seed % 2 else bytes(log.end - begin)
    (folder.path / last.file).write_bytes(data)
    node.start()
    assert present(node)[:ENTRIES - 1] == list(range(ENTRIES - 1))
    node.api.insert(axis(16, 15), "m", id="after")
    node.restart(kill=True)
    assert node.api.has_entry("after") and present(node)[:ENTRIES - 1] == list(range(ENTRIES - 1))
    node.stop()


@contract("durable-3: a flipped bit in the middle refuses the start, naming file, offset and what to do",
          "durable-4: --salvage recovers all that verifies and reports what it dropped")
@pytest.mark.parametrize("share", [0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95])
def test_flipped_bit(log, share):
    record = log.records[VICTIM]
    offset = record.begin + round(share * (record.end - 1 - record.begin))
    node, folder = log.damaged()
    folder.flip(record.file, offset, 1 << (offset % 8))
    said = node.expect_refused_start()
    assert record.file.name in said and said.count("--salvage") == 1, said
    numbers = [int(number) for number in re.findall(r"\d+", said)]
    assert any(record.begin - 64 <= number <= offset
               for number in numbers), f"no offset near {offset} in: {said}"
    assert node.expect_refused_start() and (folder.path /
                                            record.file).exists(), "refused again, nothing was changed"
    node.start(arguments=("--salvage",))
    found = present(node)
    assert set(found) >= set(range(ENTRIES)) - {VICTIM}, f"lost more than the damaged record: {found}"
    assert VICTIM not in found
    assert record.file.name in node.log() and ("drop" in node.log() or "salvage" in node.log())
    node.api.insert(axis(16, 15), "m", id="after")
    node.restart(kill=True)
    assert set(present(node)) == set(range(ENTRIES)) - {VICTIM} and node.api.has_entry("after")
    node.stop()


@contract("durable-3: damage in an older log file, too")
def test_flip_in_an_older_segment(nodes):
    node = nodes.start({"wal.segment_bytes": SEGMENT_BYTES, "compact_interval_inserts": 0})
    folder, settings = DataFolder(node.data), node.settings
    node.api.insert(axis(8, 0), "m", id="first")
    record = folder.written_by(lambda: node.api.insert(axis(8, 1), "m", "y" * 5000, id="victim"))
    for number in range(40):
        node.api.insert(axis(8, 2), "m", "x" * 100_000, id=f"e{number}")
    node.kill()
    folder.flip(record.file, (record.begin + record.end) // 2)
    broken = nodes.make({key: value
                         for key, value in settings.items()
                         if key != "wal_path"}, folder=node.folder)
    assert record.file.name in broken.expect_refused_start()
    broken.start(arguments=("--salvage",))
    assert broken.api.has_entry("first") and not broken.api.has_entry("victim")
    assert all(broken.api.has_entry(f"e{number}") for number in range(40))


@contract("durable-3: a missing log file in the middle is no empty log")
def test_missing_segment(nodes):
    node = nodes.start({"wal.segment_bytes": SEGMENT_BYTES, "compact_interval_inserts": 0})
    folder, records = DataFolder(node.data), []
    for number in range(40):
        records.append(
            folder.written_by(lambda n=number: node.api.insert(axis(8, 2), "m", "x" * 100_000, id=f"e{n}")))
    node.kill()
    middle = records[20].file
    assert middle not in (records[0].file, records[-1].file), "the log has at least three files"
    (node.data / middle).unlink()
    again = nodes.make({key: value
                        for key, value in node.settings.items()
                        if key != "wal_path"}, folder=node.folder)
    again.expect_refused_start()


@contract("durable-6: no flipped byte anywhere in the data folder makes an answer wrong")
def test_flip_anywhere(nodes):
    """Snapshots, manifests, identity and log: either the start is refused or everything acknowledged is
    there. The last record is left out: damage there looks like a torn tail."""
    rng = make_rng()
    node = nodes.start({"wal.segment_bytes": SEGMENT_BYTES, "compact_interval_inserts": 0})
    for number in range(30):
        node.api.insert(axis(8, number % 8), "m", f"r{number}", f"q{number}", id=f"e{number}")
        if number in (10, 20):
            node.api.compact()
    node.api.delete("e3")
    folder = DataFolder(node.data)
    last = folder.written_by(lambda: node.api.insert(axis(8, 0), "m", id="last"))
    node.kill()
    places = [(file, offset)
              for file, data in folder.files().items()
              for offset in range(len(data.rstrip(b"\0")))
              if not (file == last.file and offset >= last.begin)]
    files = sorted({file for file, _ in places})
    refused = 0
    for number in range(30):
        file = files[number % len(files)]
        file, offset = rng.choice([place for place in places if place[0] == file])
        copy = nodes.make({key: value
                           for key, value in node.settings.items()
                           if key != "wal_path"}, folder=nodes.folder / f"flip{number}")
        folder.copy_to(copy.data).flip(file, offset, 1 << rng.randrange(8))
        try:
            copy.start()
        except StartFailed as failure:
            assert failure.exit_code > 0 and file.name in failure.output, f"{file} at {offset}: {failure}"
            refused += 1
            continue
        present_now = {n for n in range(30) if copy.api.has_entry(f"e{n}")}
        assert present_now == set(range(30)) - {3}, f"{file} at {offset}"
        assert all(copy.api.entry(f"e{n}")["response"] == f"r{n}" for n in present_now)
        copy.kill()
    assert refused > 0


@contract("durable-4: --salvage mends whatever file is damaged or gone, and need not be repeated")
@pytest.mark.parametrize("harm", ["flip", "remove"])
def test_salvage_of_each_file(nodes, harm):
    node = nodes.start({"wal.segment_bytes": SEGMENT_BYTES, "compact_interval_inserts": 0})
    for number in range(ENTRIES):
        Log.insert(node, number)
        if number in (3, 7):
            node.api.compact()
    node.kill()
    folder = DataFolder(node.data)
    settings = {key: value for key, value in node.settings.items() if key != "wal_path"}
    for file, data in folder.files().items():
        written = len(data.rstrip(b"\0"))
        if written == 0:
            continue
        copy = nodes.make(settings, folder=nodes.folder / f"{harm}-{file.name}")
        damaged = folder.copy_to(copy.data)
        if harm == "flip":
            damaged.flip(file, written // 2)
        else:
            (damaged.path / file).unlink()
        copy.start(arguments=("--salvage",))
        kept = present(copy)
        Log.insert(copy, 0)
        copy.restart(kill=True)
        assert set(present(copy)) == set(kept) | {0}, file
        if not file.name.startswith("wal-"):
            assert kept == list(range(ENTRIES)), f"{file}: nothing in the log was damaged"
        copy.kill()
