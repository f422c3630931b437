"""Running programs, telling progress, waiting with a bound."""

import contextlib
import pathlib
import subprocess
import sys
import time


class Failed(Exception):
    """Something that the person at the terminal should read as it stands."""


def say(text=""):
    print(text, flush=True)


def run(argv, stdin=None, timeout=120, check=True, env=None, cwd=None):
    """Runs a program to its end; its standard output as text. Without check: the CompletedProcess, whatever its code."""
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, env=env, cwd=cwd)
    except FileNotFoundError:
        raise Failed(f"{argv[0]} is not there; install it: tools/install_packages.sh tools/packages_e2e.txt") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {timeout} s: {' '.join(argv)}") from None
    if not check:
        return done
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise Failed(f"exit {done.returncode} of: {' '.join(argv)}\n{said}")
    return done.stdout


@contextlib.contextmanager
def step(what):
    """Prints what is being done and how long it took."""
    began = time.monotonic()
    sys.stdout.write(f"  {what} ... ")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        say(f"failed after {time.monotonic() - began:.1f} s")
        raise
    say(f"{time.monotonic() - began:.1f} s")


def wait_until(what, predicate, seconds, interval=0.2):
    """Asks until the predicate gives something true, which is returned; Failed says what was waited for and the last reason.

    A predicate may raise Failed or OSError to say "not yet, because".
    """
    deadline, reason = time.monotonic() + seconds, ""
    while True:
        try:
            found = predicate()
            if found:
                return found
        except (Failed, OSError) as not_yet:
            reason = f"; the last word: {not_yet}"
        if time.monotonic() >= deadline:
            raise Failed(f"after {seconds:.0f} s still not {what}{reason}")
        time.sleep(interval)


def last_lines(path, count=15):
    path = pathlib.Path(path)
    if not path.is_file():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
