"""The bench's driver: what it lists, keeps and says. Nothing is measured here."""

import os
import signal
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1] / "bench"


def driver(*words):
    return [sys.executable, BENCH / "bench.py", *words]


def test_a_list_that_nobody_reads_to_its_end():
    """As with `--list | head`: it ends as other programs do, without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        run = subprocess.run(driver("--list", "--full"), stdout=nobody, stderr=subprocess.PIPE)
    assert (run.returncode, run.stderr) == (-signal.SIGPIPE, b"")
