"""quickstart.sh, in a checkout of its own in which nothing is to be installed or built."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from lib.processes import TOOLS, TOP, Process, wait_until
from lib.program import binary

INSTALLERS = ("deps/install.sh", "tests/integration/servers/install.sh")
#: Says what it was asked for, and does nothing.
TOLD = '#!/bin/sh\necho "told: ${0##*/} $*"\n'


class Checkout:
    def __init__(self, folder):
        self.top, self.tmp = folder / "checkout", Path(tempfile.mkdtemp(prefix="loginetl-quickstart-test-"))
        self.tmp.chmod(0o755)  # the database's user must get there
        shutil.copytree(TOP / "deploy", self.top / "deploy")
        shutil.copy(TOP / "quickstart.sh", self.top)
        for path in (*INSTALLERS, "bin/cmake"):
            (self.top / path).parent.mkdir(parents=True, exist_ok=True)
            (self.top / path).write_text(TOLD)
            (self.top / path).chmod(0o755)
        release = self.top / "build/release"
        release.mkdir(parents=True)
        (release / "CMakeCache.txt").write_text(f"CMAKE_CACHEFILE_DIR:INTERNAL={release}\n")
        (release / "loginetl").symlink_to(binary())
        (self.top / "build/tools").symlink_to(TOOLS)
        self.runs = []

    def start(self, *args):
        env = dict(os.environ, PATH=f"{self.top}/bin:{os.environ['PATH']}", TMPDIR=str(self.tmp))
        command = [self.top / "quickstart.sh", *args]
        run = Process("quickstart", command, self.top, env=env, stderr=subprocess.STDOUT, start_new_session=True)
        self.runs.append(run)
        return run

    def check_nothing_is_left(self, run):
        servers = re.findall(r"\(process (\d+)\)", run.stdout())
        assert len(servers) == 2 and not any(os.path.exists(f"/proc/{pid}") for pid in servers), run.tail()
        assert {path.name for path in (self.top / "build/quickstart").iterdir()} == {".lock", "logs"}
        assert not list(self.tmp.iterdir())

    def close(self):
        for run in self.runs:
            run.stop()
        shutil.rmtree(self.tmp, ignore_errors=True)


@pytest.fixture
def checkout(tmp_path):
    checkout = Checkout(tmp_path)
    yield checkout
    checkout.close()


@pytest.mark.parametrize(
    "args, level, server",
    [
        ([], "quickstart", "ministack"),
        pytest.param(["--server", "elasticmq"], "elasticmq", "elasticmq", marks=pytest.mark.long),
    ],
)
def test_the_whole_way(checkout, args, level, server):
    run = checkout.start(*args)
    assert run.wait() == 0, run.tail()
    told = re.findall("^told: (.*)", run.stdout(), re.MULTILINE)
    assert told == [f"install.sh {level}", f"install.sh {server}"]
    assert "31 received = 27 inserted + 0 duplicate + 4 rejected + 0 released" in run.stdout(), run.tail()
    assert "27 rows in all, of 31 logins sent" in run.stdout()
    checkout.check_nothing_is_left(run)


def test_ctrl_c_while_it_drains(checkout):
    """A terminal's Ctrl-C goes to every process of its foreground. The servers must outlive it by what the drain still
    has to do with them."""
    run = checkout.start()
    wait_until(lambda: "event=rejected" in run.stdout() or not run.running(), run.tail)
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait() == 130, run.tail()
    said = run.stdout()
    assert "login-queue in " in said and "database_unavailable" not in said and "queue_failed" not in said, run.tail()
    checkout.check_nothing_is_left(run)


def test_ctrl_c_while_a_server_is_installed(checkout):
    """Maven and pip end with a status of their own then, which is no reason to try again."""
    servers = TOP / "tests/integration/servers"
    shutil.copytree(servers, checkout.top / "tests/integration/servers", dirs_exist_ok=True)
    (checkout.top / "build/tools").unlink()
    calls = checkout.top / "calls"
    for name in ("mvn", "java"):
        (checkout.top / "bin" / name).write_text(f"#!/bin/sh\ntrap 'exit 1' INT\necho {name} >>{calls}\nsleep 60\n")
        (checkout.top / "bin" / name).chmod(0o755)
    run = checkout.start("--server", "elasticmq")
    wait_until(lambda: calls.exists() or not run.running(), run.tail)
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait() == 130, run.tail()
    assert calls.read_text() == "mvn\n"


@pytest.mark.parametrize(
    "args, says",
    [
        (["--server", "kinesis"], "--server kinesis is not known: there are ministack and elasticmq"),
        (["--server=", "--stay"], "there are ministack and elasticmq"),
        (["--stay", "--server"], "--server needs a name: ministack or elasticmq"),
        (["elasticmq"], "usage: ./quickstart.sh [--stay] [--server ministack | elasticmq]"),
        (["--serve", "elasticmq"], "usage: ./quickstart.sh"),
    ],
)
def test_wrong_usage(checkout, args, says):
    run = checkout.start(*args)
    assert run.wait() == 1 and run.stdout().strip().startswith("quickstart: ") and says in run.stdout()
    assert not (checkout.top / "build/quickstart").exists()


def test_help(checkout):
    run = checkout.start("--help")
    assert run.wait() == 0 and all(option in run.stdout() for option in ("--stay", "--server elasticmq"))
