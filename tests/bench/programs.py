"""The programs that are measured: loginetl, the floors, the peers. How each is started, and how large it is."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lib.processes import TOP
from lib.queues import CREDENTIALS

import scenarios

PEERS = Path(__file__).resolve().parent / "peers"
SHARED = [PEERS / "python", PEERS / "golang"]  # what several peers are made of
INSTALLED = TOP / "build/bench/peers"
BATCH_ROWS = 1000
CANNOT_INSTALL = 3  # what install.sh answers where a toolchain is missing or too old


class Programs:
    def __init__(self, build):
        self.build = Path(build)

    def path(self, name):
        names = {"loginetl": "loginetl", "server": "loginetl_bench_server"}
        return self.build / names.get(name, f"loginetl_{name}")

    def build_type(self):
        found = re.search(r"^CMAKE_BUILD_TYPE:\w+=(\w+)$", (self.build / "CMakeCache.txt").read_text(), re.MULTILINE)
        return found[1] if found else "nameless"

    @staticmethod
    def peers(with_large):
        """Those that there are in the tree."""
        names = sorted(path.parent.name for path in PEERS.glob("*/run.sh"))
        return [name for name in names if with_large or name not in scenarios.LARGE_PEERS]

    def floors(self):
        return [name for name in scenarios.FLOORS if self.path(name).exists()]

    def start(self, scenario, server, database, home, drain=True, trust=None):
        """(command, environment)"""
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **CREDENTIALS}
        env.update(AWS_EC2_METADATA_DISABLED="true", DATABASE_URL=database.url)
        if trust:
            env["AWS_CA_BUNDLE"] = str(trust.cert)
        if scenario.program == "loginetl":
            env.update(AWS_ENDPOINT_URL_SQS=server.url, LOGINETL_QUEUE=server.QUEUE)
            words = [self.path("loginetl"), "--concurrency", scenario.concurrency, "--batch-rows", BATCH_ROWS]
            words += ["--memory-limit", f"{scenarios.MEMORY_LIMIT_MIB}MiB"]
            words += ["--dedupe", "ledger" if scenario.ledger else "off", *(["--drain"] if drain else [])]
        elif scenario.program in scenarios.FLOORS:
            words = [self.path(scenario.program), server.queue_url, database.url]
            words += ["--concurrency", scenario.concurrency, "--batch-rows", BATCH_ROWS]
        else:
            env.update(QUEUE_URL=server.queue_url, AWS_ENDPOINT_URL=server.url, BENCH_DRAIN="1")
            env.update(CONCURRENCY=str(scenario.concurrency), BATCH_ROWS=str(BATCH_ROWS))
            words = [PEERS / scenario.program / "run.sh", INSTALLED / scenario.program]
        return [str(word) for word in words], env

    def install(self, peer):
        """Installs a peer into build/bench/peers, unless it is there as the tree has it. Megabytes; None when this machine
        lacks what it takes."""
        folder, stamp = INSTALLED / peer, INSTALLED / f"{peer}.stamp"
        now = {"files": digest([PEERS / peer, *SHARED]), "folder": str(folder)}
        if stamp.exists() and (was := json.loads(stamp.read_text())).items() >= now.items():
            return was["megabytes"]
        print(f"bench: installing {peer} into build/bench/peers/{peer}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = subprocess.run([PEERS / peer / "install.sh", folder], capture_output=True, text=True)
        if run.returncode == CANNOT_INSTALL:
            print(f"bench: without {peer}: {run.stderr.strip()}", flush=True)
            return None
        if run.returncode != 0:
            sys.exit(f"bench: {peer} could not be installed:\n{run.stdout[-2000:]}{run.stderr[-4000:]}")
        now["megabytes"] = float(re.findall(r"([\d.]+) *MB", run.stdout)[-1])
        stamp.write_text(json.dumps(now))
        return now["megabytes"]

    def size(self, name):
        """(megabytes of the program itself, megabytes with the shared libraries that it loads) of one that is built here."""
        path = self.path(name)
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, path], check=True)
            own = os.stat(stripped.name).st_size
        said = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
        libraries = {os.path.realpath(found) for found in re.findall(r"(/\S+) \(0x", said)}
        return round(own / 1e6, 2), round((own + sum(os.stat(library).st_size for library in libraries)) / 1e6, 2)

    def fingerprints(self, names):
        """What tells whether programs are still the same, by name: of the built ones themselves, of a peer's files."""
        found = {name: hashlib.sha256(self.path(name).read_bytes()) for name in names if self.path(name).exists()}
        return {
            name: found[name].hexdigest()[:16] if name in found else digest([PEERS / name, *SHARED])[:16]
            for name in sorted(names)
        }


def digest(folders):
    """Of all files in them."""
    found = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
