"""Processes of a test's own, conditions to wait for, free ports."""

import os
import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
TOOLS = TOP / "build" / "tools"

#: Enough for the slowest build on a machine that has other things to do.
PATIENCE = int(os.environ.get("LOGINETL_PATIENCE", "120"))


def built_tool(name):
    """Beside the program under test, else in any build folder."""
    beside = os.path.join(os.path.dirname(os.environ.get("LOGINETL_BIN", "")) or TOP / "build/release", name)
    for path in (os.environ.get(name.upper(), beside), *sorted(str(path) for path in TOP.glob(f"build/*/{name}"))):
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{name} is not built: cmake --build --preset release")


def wait_until(condition, what, timeout=PATIENCE, every=0.02):
    """The first true value of condition(); an AssertionError that says what was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain: {what() if callable(what) else what}")
        time.sleep(every)


def free_port():
    """A port that nobody has now, of those that the system gives to nobody by itself: it is there still when its server
    comes back, and nobody listens on it meanwhile. Whoever gets it should be prepared to lose the race and try again."""
    for port in random.sample(range(20000, 32000), 1000):
        with socket.socket() as s, suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def tied(command):
    """The same process, which ends with us even if we are killed."""
    return ["setpriv", "--pdeathsig", "TERM", *command]


class Process:
    """One child, ended by its own pid. Its output goes to files, so that no full pipe can stop it, unless a test asks for
    something else."""

    def __init__(self, name, command, folder, env=None, **options):
        self.name = name
        self.stdout_path = Path(folder) / f"{name}.stdout"
        self.stderr_path = Path(folder) / f"{name}.stderr"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", out),
                stderr=options.pop("stderr", err),
                env=env,
                **options,
            )

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def stdout(self):
        return self.stdout_path.read_text(encoding="utf-8", errors="replace")

    def stderr(self):
        return self.stderr_path.read_text(encoding="utf-8", errors="replace")

    def tail(self):
        return f"{self.name} (status {self.child.poll()}):\n{self.stdout()[-2000:]}\n{self.stderr()[-4000:]}"

    def wait(self, timeout=PATIENCE):
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end in {timeout} s: {self.tail()}") from None

    def send_signal(self, number):
        if self.running():
            os.kill(self.child.pid, number)

    def stop(self, timeout=60, first=signal.SIGTERM):
        """Ends it, asking first. Never fails: it is for cleaning up."""
        self.send_signal(first)
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
