"""Documents: every relative link leads somewhere, every `make` target that is named exists."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = ("*.md", "docs/**/*.md", "bench/*.md", "tests/**/*.md", "examples/*.md", "clients/python/*.md")
PAGES = sorted(path for place in PLACES for path in ROOT.glob(place))


def links(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """Of its headings, as they are made where pages are shown: lower case, blanks to hyphens, a number for what comes again."""
    found, often = set(), {}
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{anchor}-{often[anchor]}" if anchor in often else anchor)
        often[anchor] = often.get(anchor, 0) + 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_headings(page):
    broken = []
    for target in links(page):
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        if anchor and other.suffix == ".md" and anchor not in anchors(other):
            broken.append(target)
    assert not broken, f"{page.relative_to(ROOT)} links to headings that are not there: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    broken = [target for target in links(page) if not (page.parent / target.split("#")[0]).exists()]
    assert not broken, f"{page.relative_to(ROOT)} links to what is not there: {broken}"


def test_every_make_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = {}
    for page in PAGES:
        for target in re.findall(r"`make ([a-z0-9-]+)", page.read_text(encoding="utf-8")):
            named.setdefault(target, page.relative_to(ROOT).as_posix())
    assert not {target: page for target, page in named.items() if target not in targets}


def test_every_page_is_reached_from_the_readme():
    seen, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        queue += [(page.parent / target.split("#")[0]).resolve() for target in links(page)]
    lost = [page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/**/*.md") if page.resolve() not in seen]
    assert not lost, f"no way leads to {lost}"
