"""Runs bin/smatrix, and prints what a question found."""

import contextlib
import json
import pathlib
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMATRIX = ROOT / "bin" / "smatrix"


def smatrix(*args):
    """Runs smatrix and returns its standard output."""
    done = subprocess.run([SMATRIX, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"smatrix {' '.join(map(str, args))}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


def smatrix_json(*args):
    return json.loads(smatrix(*args, "--json"))


@contextlib.contextmanager
def served(run):
    """Serves a run that was kept, and yields a function that returns the body of a GET."""
    command = [SMATRIX, "replay", str(run), "--serve", "--paused", "--addr", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline()
            _, found, address = line.strip().partition(" at ")
            if not found:
                sys.exit(f"{' '.join(map(str, command))} has ended: {server.stderr.read()}")
            yield lambda path: urllib.request.urlopen(address + "api/v1" + path).read()
        finally:
            server.terminate()


class Question:
    """Counts what was compared and what differs. Its line is printed at the end."""

    failed = False  # of any question

    def __init__(self, name):
        self.name, self.compared, self.differences = name, 0, []

    def equal(self, what, got, want):
        self.compared += 1
        if got != want:
            self.differences.append(f"{what}: {str(got)[:300]}, wanted {str(want)[:300]}")

    def fails(self, error):
        self.differences.append(f"{type(error).__name__}: {error}")

    def answer(self, figures):
        print(f"{'differs' if self.differences else 'ok':8}{self.name:10} {figures}; {self.compared} comparisons", flush=True)
        for text in self.differences[:20]:
            print(f"        {self.name}: {text}", file=sys.stderr)
        if len(self.differences) > 20:
            print(f"        {self.name}: {len(self.differences) - 20} more", file=sys.stderr)
        Question.failed |= bool(self.differences)
