"""Commands of the documentation: what stands in ```sh blocks and in `code` of the text, and what a page says that they print."""
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted({path for place in ("*.md", "docs/**/*.md", "examples/*.md", "clients/python/*.md", "bench/*.md")
                for path in ROOT.glob(place)} - {ROOT / "CHANGELOG.md"})
LANGUAGES = {"sh", "text", "python", "yaml", "toml", "json", "ini"}
PROGRAMS = ("curl", "dashboards/build.py", "dashboards/draw.py", "e2e/run.py", "ferrocached", "ferroctl", "helm", "kubectl", "make",
            "pip", "promtool", "systemctl", "journalctl")


@dataclass
class Command:
    page: str
    text: str  # as a shell takes it, several lines if quotes go over them
    prints: list = field(default_factory=list)  # lines; "…" and "..." stand for anything

    def __str__(self):
        return f"{self.page}: {self.text}"


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def languages(page):
    """Of every block; "" where a page does not say."""
    return re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), flags=re.M)[::2]


def is_whole(text):
    try:
        shlex.split(text, comments=True)
    except ValueError:  # a quote is open
        return False
    return not text.rstrip().endswith("\\")


def commands_of_block(page, block):
    """A comment right below a command is what it prints; any other is for the reader."""
    found, open_text, follows = [], "", False
    for line in block.splitlines():
        if open_text:
            open_text += "\n" + line
        elif not line.strip():
            follows = False
            continue
        elif line.startswith("#"):
            if follows:
                found[-1].prints.append(line[1:].strip())
            continue
        else:
            open_text = line
        if is_whole(open_text):
            found.append(Command(name_of(page), open_text))
            open_text, follows = "", True
    assert not open_text, f"{name_of(page)}: a quote is never closed in: {open_text}"
    return found


def commands(page):
    return [command for block in blocks(page, "sh") for command in commands_of_block(page, block)]


def inline_commands(page):
    """`code` of the text that begins with a program and goes on."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [Command(name_of(page), code) for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
            if code.split(" ")[0] in PROGRAMS and " " in code]


def simple_commands(command):
    """The words of each command of a line with `|`, `&&` and `;`, assignments and comments taken off."""
    lexer = shlex.shlex(command.text, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words, all_of_them = [], []
    for word in [*lexer, ";"]:
        if word and set(word) <= set("|&;"):
            if words:
                all_of_them.append(words)
            words = []
        else:
            words.append(word)
    return all_of_them


def matches(said, prints):
    """Whether output is what the page shows, white space aside."""
    pattern = "".join(".*" if part in ("…", "...") else re.escape(part)
                      for part in re.split(r"(…|\.\.\.)", " ".join(" ".join(prints).split())))
    return re.fullmatch(pattern.replace(r"\ ", r"\s+"), " ".join(said.split())) is not None
