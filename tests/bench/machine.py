"""The machine and what is installed on it, as far as figures depend on it. Nothing that names the machine or its user."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from lib.postgres import binaries
from lib.processes import TOP

PACKAGES = ["libc6", "libcurl4", "libcurl4t64", "libuv1", "libuv1t64", "libpq5", "libssl3", "libssl3t64"]
PACKAGES += ["libmbedcrypto7", "libmbedcrypto7t64", "libmbedcrypto16", "valgrind"]
TOOLCHAINS = {"gcc": ["gcc", "--version"], "go": ["go", "version"], "node": ["node", "--version"]}
TOOLCHAINS |= {"python": ["python3", "--version"], "cmake": ["cmake", "--version"], "java": ["java", "-version"]}
FLAGS = ["ssse3", "avx2", "sha_ni", "aes", "avx512f", "hypervisor"]


def said(*command):
    """The first line of what a command prints; None when there is no such command."""
    if not shutil.which(str(command[0])):
        return None
    run = subprocess.run(command, capture_output=True, text=True, cwd=TOP)
    return ((run.stdout or run.stderr).splitlines() or [None])[0]


def processor():
    text = Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)[1].split()) if "flags" in text else set()
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "model": name[1] if name else platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in flags],
        "governor": governor.read_text().strip() if governor.exists() else None,
    }


def packages():
    run = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *PACKAGES], capture_output=True, text=True
    )
    return dict(line.split()[1:3] for line in run.stdout.splitlines() if line.startswith("installed "))


def system():
    text = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
    return found[1] if found else platform.system()


def describe():
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {
        "processor": processor(),
        "memory_mb": int(memory[1]) // 1024,
        "kernel": platform.release(),
        "system": system(),
        "load_before": os.getloadavg()[0],
        "postgresql": said(binaries() / "postgres", "--version"),
        "packages": packages(),
        "toolchains": {name: version for name, command in TOOLCHAINS.items() if (version := said(*command))},
        "commit": said("git", "rev-parse", "--short", "HEAD"),
        "changed": bool(said("git", "status", "--porcelain", "--", "src", "include", "CMakeLists.txt", "deps")),
    }
