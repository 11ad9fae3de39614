"""The program under test: started as a user would start it, its log read back as events."""

import os
import re
import signal
import threading
import time
from collections import namedtuple

from .processes import PATIENCE, TOP, Process, wait_until
from .queues import CREDENTIALS

PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
DRAINED = re.compile(
    r"drained (\S+) in ([\d.,]+) s: (\d+) received = (\d+) inserted \+ (\d+) duplicate \+ (\d+) rejected \+ "
    r"(\d+) released"
)
SANITIZERS = re.compile(
    r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:|Assertion.*failed|stack smashing"
)

Result = namedtuple("Result", "status stdout stderr events")


def binary():
    return os.environ.get("LOGINETL_BIN", str(TOP / "build/release/loginetl"))


def is_release():
    return "release" in binary()


def is_sanitized():
    """Then it takes terabytes of addresses, and its runtime must be the first library."""
    with open(binary(), "rb") as file:
        return b"libasan" in file.read()


def parse_logfmt(text, name=None):
    """Lines as dicts; a line that is not logfmt has only the key "line". With a name, lines that cannot be of this event may be
    left out: to take the others apart again and again is most of the work of waiting for it."""
    events = []
    for line in text.splitlines():
        if name and f"event={name}" not in line:
            continue
        found = {
            key: value[1:-1].replace('\\"', '"') if value.startswith('"') else value
            for key, value in PAIR.findall(line)
        }
        events.append(found if "event" in found else {"line": line})
    return events


def check_books(events):
    """The last line of the log that sums up must balance."""
    for event in events:
        if event.get("event") == "summary":
            book = {
                key: int(event[key])
                for key in (
                    "received",
                    "inserted",
                    "duplicate",
                    "rejected",
                    "released",
                    "in_flight",
                    "deleted",
                    "dead_lettered",
                )
            }
            parts = ("inserted", "duplicate", "rejected", "released", "in_flight")
            assert book["received"] == sum(book[part] for part in parts), event


class Running(Process):
    """One run of the program. Its resident memory and CPU time are watched while it lives."""

    def __init__(self, name, args, folder, env, watch=False, under=(), **options):
        super().__init__(name, [*under, binary(), *args], folder, env=env, **{"cwd": folder, **options})
        self.memory_kb = self.cpu_s = 0
        if watch:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        try:
            while self.running():
                with open(f"/proc/{self.pid}/status") as status, open(f"/proc/{self.pid}/stat") as stat:
                    words = stat.read().rpartition(")")[2].split()
                    self.cpu_s = max(self.cpu_s, (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"))
                    if peak := re.search(r"VmHWM:\s+(\d+)", status.read()):
                        self.memory_kb = max(self.memory_kb, int(peak[1]))
                time.sleep(0.02)
        except (OSError, IndexError):
            pass  # it ended between two looks

    def events(self, name=None, **fields):
        """Events so far of that name and with these fields."""
        wanted = dict(fields, event=name) if name else fields
        return [
            event
            for event in parse_logfmt(self.stderr(), name)
            if all(event.get(key) == str(value) for key, value in wanted.items())
        ]

    def wait_event(self, name, timeout=PATIENCE, **fields):
        def seen():
            found = self.events(name, **fields)
            assert found or self.running(), f"ended before event={name} {fields}: {self.tail()}"
            return found

        return wait_until(seen, lambda: f"event={name} {fields}: {self.tail()}", timeout, 0.05)[0]

    def summary(self):
        found = self.events("summary")
        assert found, f"no summary: {self.tail()}"
        return {key: int(value) if value.isdigit() else value for key, value in found[-1].items()}

    def result(self):
        return Result(self.child.returncode, self.stdout(), self.stderr(), self.events())

    def terminate(self, timeout=PATIENCE):
        """SIGTERM, and the exit status."""
        self.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill9(self):
        self.send_signal(signal.SIGKILL)
        self.child.wait(PATIENCE)


class Program:
    """How to start the program in one test: its environment, and all its runs, which are looked through at the end."""

    def __init__(self, folder, **env):
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        inherited = {key: value for key, value in os.environ.items() if key == "PATH" or key.endswith("SAN_OPTIONS")}
        self.env = {
            **inherited,
            **CREDENTIALS,
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "LOGINETL_LOG_LEVEL": "debug",
            "LOGINETL_LOG_FORMAT": "logfmt",
            **env,
        }
        self.runs = []

    def environment(self, **changes):
        """None as a value takes a variable away."""
        return {key: str(value) for key, value in {**self.env, **changes}.items() if value is not None}

    def start(self, *args, env=None, watch=False, under=(), **options):
        """In the background: a service unless --drain is among the arguments. under: words of a command that becomes the
        program (prlimit, setpriv); options: Popen's."""
        name = f"run{len(self.runs)}"
        run = Running(name, args, self.folder, self.environment(**(env or {})), watch, under, **options)
        self.runs.append(run)
        return run

    def run(self, *args, env=None, timeout=PATIENCE, **options):
        """To its end."""
        run = self.start(*args, env=env, **options)
        run.wait(timeout)
        return run.result()

    def drain(self, *args, env=None, timeout=PATIENCE, watch=False, status=(0, 3)):
        """Drains the queue and checks what it says about it. Returns the run, for its summary() and memory_kb."""
        run = self.start("--drain", *args, env=env, watch=watch)
        run.wait(timeout)
        assert run.child.returncode in status, run.tail()
        summary = run.summary()
        said = DRAINED.search(run.stdout())
        assert said, f"no line for people: {run.tail()}"
        assert [int(figure) for figure in said.groups()[2:]] == [
            summary[key] for key in ("received", "inserted", "duplicate", "rejected", "released")
        ]
        assert summary["in_flight"] == 0
        assert (run.child.returncode == 3) == (summary["rejected"] > 0)
        return run

    def output_paths(self):
        return [path for run in self.runs for path in (run.stdout_path, run.stderr_path)]

    def finish(self):
        """Ends what still runs, and checks what must hold in every test, whatever it is about."""
        for run in self.runs:
            run.stop(5, signal.SIGKILL)
        for run in self.runs:
            assert not SANITIZERS.search(run.stderr()), run.tail()
            assert run.child.returncode not in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS), run.tail()
            check_books(run.events("summary"))
