"""What processes have used, read from the outside, and the load server."""

import json
import os
import re
import ssl
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from lib.processes import Process, tied, wait_until

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name, which may hold anything: [0] is the state, field 3 in proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def family_cpu_us(parent):
    """CPU time of a process, its children, and its children that have ended. In ticks of the kernel's clock."""
    ticks = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = stat_fields(entry.name)
        except OSError:
            continue  # it has just ended, and its parent has it
        if int(entry.name) == parent:
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
        elif int(fields[1]) == parent:
            ticks += sum(map(int, fields[11:13]))
    return ticks * TICK_US


def machine_cpu_us():
    """CPU time of everything on the machine but this process, and what the machine's host took for others (steal). In ticks."""
    first = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first.split()[1:9])
    own = os.times()
    return (user + nice + system + irq + softirq + steal) * TICK_US - round((own.user + own.system) * 1e6)


def cpu_ns(pid):
    """CPU time of a process by the scheduler, all its threads: finer than ticks."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def wakeups(pid):
    """How often it has slept and gone on."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.MULTILINE)[1])


def resident_kb(pid, which="VmHWM"):
    """Of a process and its children. VmHWM: the most since its start; VmRSS: now. 0 when it has ended."""
    try:
        found = re.search(rf"{which}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return (int(found[1]) if found else 0) + sum(resident_kb(child, which) for child in children)


class Child:
    """A worker. Its use of the processor is what the kernel tells when it ends (getrusage); its memory is watched, because
    the kernel's own maximum would count what this interpreter had when it made the process."""

    WATCH_S = 0.05

    def __init__(self, command, env, folder):
        """The program itself, with nothing around it: that would count."""
        self.begun_ns = time.monotonic_ns()
        self.process = Process("worker", command, folder, env=env)
        self.most_kb = 0
        self.usage = None
        self.status = None
        self._watch = threading.Thread(target=self._watch_memory, daemon=True)
        self._watch.start()

    @property
    def pid(self):
        return self.process.pid

    def _watch_memory(self):
        while self.usage is None:
            self.most_kb = max(self.most_kb, resident_kb(self.pid))
            time.sleep(self.WATCH_S)

    def poll(self):
        """Has it ended?"""
        if self.usage is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid != 0:
                self.status = os.waitstatus_to_exitcode(status)
                self.process.child.returncode = self.status  # for Popen: somebody else has waited
                self.usage = usage
        return self.usage is not None

    def wait(self, timeout):
        wait_until(self.poll, lambda: f"the worker's end\n{self.process.tail()}", timeout, 0.02)

    def stop(self):
        """For cleaning up."""
        if not self.poll():
            self.process.child.kill()
            wait_until(self.poll, "a killed worker's end", 20)

    @property
    def cpu_us(self):
        return round((self.usage.ru_utime + self.usage.ru_stime) * 1e6)

    @property
    def system_us(self):
        return round(self.usage.ru_stime * 1e6)


class Server:
    """The load server, a queue whose messages are made as they are asked for."""

    QUEUE = "bench"

    def __init__(self, program, folder, scenario, number, certificate=None):
        words = [program, "--messages", scenario.messages, "--body-bytes", scenario.body_bytes]
        words += ["--latency-ms", scenario.latency_ms, "--seed", number, "--visibility-s", 120]
        if certificate:
            words += ["--cert", certificate.cert, "--key", certificate.key]
        self.process = Process("server", tied([str(word) for word in words]), folder)
        said = re.compile(r"listening (\d+)\n")
        found = wait_until(
            lambda: said.search(self.process.stdout()) or not self.process.running(), self.process.tail, 20
        )
        if found is True:
            raise AssertionError(self.process.tail())
        self.context = ssl.create_default_context(cafile=certificate.cert) if certificate else None
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{found[1]}"
        self.queue_url = f"{self.url}/000000000000/{self.QUEUE}"

    def ask(self, method, path, **arguments):
        query = "?" + urllib.parse.urlencode(arguments) if arguments else ""
        data = b"" if method == "POST" else None
        request = urllib.request.Request(f"{self.url}/{path}{query}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=60, context=self.context) as answer:
            return answer.read()

    def stats(self):
        return json.loads(self.ask("GET", "stats"))

    def rate(self, per_second):
        self.ask("POST", "rate", per_second=per_second)

    def stop(self):
        self.process.stop()
