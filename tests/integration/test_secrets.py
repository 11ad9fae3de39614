"""Who can look into the process, and what he would find there."""

import os
import subprocess
from pathlib import Path

import pytest

from lib import logins
from lib.processes import wait_until
from lib.program import is_sanitized

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

# Sanitizers look into the process themselves, and keep copies of what is freed.
pytestmark = pytest.mark.skipif(is_sanitized(), reason="a build with sanitizers can be looked into")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_nobody_else_looks_into_it(world):
    """Not even the same user: the files that would show it are root's. The program itself works as ever."""
    world.send(logins.make(20, seed=61, bad=0.1))
    run = world.program.start(under=AS_NOBODY)
    wait_until(lambda: world.database.has_table() and world.database.count() == len(world.good), run.tail)
    assert f"Uid:\t{NOBODY}\t" in Path(f"/proc/{run.pid}/status").read_text()
    for name in ("mem", "environ", "maps"):
        assert os.stat(f"/proc/{run.pid}/{name}").st_uid == 0
    other = subprocess.run([*AS_NOBODY, "cat", f"/proc/{run.pid}/environ"], capture_output=True, text=True, check=False)
    assert other.returncode != 0 and "Permission denied" in other.stderr
    assert run.terminate() == 0
    world.check()


def test_no_core_is_dumped(world):
    run = world.program.start()
    run.wait_event("ready")
    limits = Path(f"/proc/{run.pid}/limits").read_text().splitlines()
    assert [line.split()[4:6] for line in limits if line.startswith("Max core")] == [["0", "0"]]
    assert run.terminate() == 0
