"""tools/tidy.py must see each kind of fault: a rule that cannot fail guards nothing."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tidy(root):
    answer = subprocess.run(
        [sys.executable, str(ROOT / "tools/tidy.py"), "--root", str(root)], capture_output=True, text=True
    )
    return answer.returncode, answer.stdout


def make_tree(tmp_path, **overrides):
    files = {
        "common/base/CMakeLists.txt": "ferro_module(common base SOURCES a.cc)\n",
        "common/base/a.h": "#pragma once\n",
        "common/base/a.cc": '#include "common/base/a.h"\n',
        "node/wal/CMakeLists.txt": "ferro_module(node wal SOURCES w.cc DEPS common/base EXTERNAL xxhash)\n",
        "node/wal/w.cc": '#include <xxhash.h>\n#include <vector>\n\n#include "common/base/a.h"\n',
        "node/store/CMakeLists.txt": "ferro_module(node store SOURCES s.cc DEPS common/base)\n",
        "node/store/s.h": "#pragma once\n",
        "node/store/s.cc": '#include "node/store/s.h"\n',
    }
    files.update(overrides)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def fault(tmp_path, file, text, expected):
    code, output = tidy(make_tree(tmp_path, **{file: text}))
    assert code == 1 and expected in output, output


def test_a_clean_tree_passes(tmp_path):
    assert tidy(make_tree(tmp_path)) == (0, "")


def test_an_undeclared_module(tmp_path):
    fault(tmp_path, "node/wal/w.cc", '#include "node/store/s.h"\n', "does not list node/store")


def test_an_undeclared_package(tmp_path):
    fault(tmp_path, "node/store/s.cc", "#include <openssl/ssl.h>\n", "does not list openssl")


def test_an_undeclared_module_two_levels_down(tmp_path):
    tree = make_tree(
        tmp_path,
        **{
            "node/cluster/wire/CMakeLists.txt": "ferro_module(node cluster/wire SOURCES w.cc DEPS common/base)\n",
            "node/cluster/wire/w.cc": '#include "node/store/s.h"\n',
        },
    )
    code, output = tidy(tree)
    assert code == 1 and "node/cluster/wire includes node/store/s.h but does not list node/store" in output, output


def test_a_dependency_upwards(tmp_path):
    fault(
        tmp_path,
        "node/wal/CMakeLists.txt",
        "ferro_module(node wal SOURCES w.cc DEPS common/base node/store EXTERNAL xxhash)\n",
        "not a lower layer",
    )


def test_an_include_beside_the_root(tmp_path):
    fault(tmp_path, "node/store/s.cc", '#include "s.h"\n', "by its path from the root")


def test_a_product_file_outside_every_module(tmp_path):
    fault(tmp_path, "node/stray/x.cc", "int x;\n", "belongs to no module")


def test_a_long_file(tmp_path):
    fault(tmp_path, "node/store/s.cc", "\n" * 701, "701 lines")


def test_time_outside_the_clock(tmp_path):
    fault(tmp_path, "node/store/s.cc", "auto t = std::chrono::steady_clock::now();\n", "take a Clock&")


def test_unfinished_work(tmp_path):
    fault(tmp_path, "node/store/s.cc", "// TO" "DO: later\n", "finish it")


def test_a_header_without_a_guard(tmp_path):
    fault(tmp_path, "node/store/s.h", "int x();\n", "#pragma once")


def test_a_path_of_one_machine(tmp_path):
    fault(tmp_path, "node/store/s.cc", "// see /ho" "me/somebody/notes\n", "a path of one machine")
