"""CPU, rate and memory of one drain, as medians of several runs; with --profile, where the instructions go."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))

from lib.postgres import Cluster, Database
from lib.program import binary
from lib.queues import CREDENTIALS
from lib.stub import Stub


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--latency-ms", type=int, default=0, help="added to each answer of the queue")
    parser.add_argument("--body-size", type=int, default=0, help="bytes; 0: the field's own, about 170")
    parser.add_argument("--dedupe", choices=["ledger", "off"], default="ledger")
    parser.add_argument("--profile", action="store_true", help="one run of 20,000 messages under callgrind")
    return parser.parse_args()


def watch_memory(pid, peak):
    """VmHWM while the process lives: ru_maxrss would count what this interpreter had when it forked."""
    try:
        while True:
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
            if not found:
                return  # it has ended
            peak[0] = int(found[1])
            time.sleep(0.01)
    except OSError:
        pass


def drain(args, concurrency, folder, cluster, number, wrapper=()):
    """One drain of its own queue into its own database. Seconds of CPU, seconds, kilobytes."""
    database = Database(cluster, f"bench-{number}")
    stub = Stub(folder, "--generate", str(args.messages), "--seed", str(number), "--latency-ms", str(args.latency_ms),
                "--body-size", str(args.body_size))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), **CREDENTIALS, "AWS_ENDPOINT_URL_SQS": stub.url,
           "DATABASE_URL": database.url, "LOGINETL_QUEUE": stub.queue_name}
    command = [*wrapper, binary(), "--drain", "--concurrency", str(concurrency), "--dedupe", args.dedupe]
    with open(folder / "log", "w", encoding="utf-8") as log:
        begun = time.monotonic()
        child = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        watch = threading.Thread(target=watch_memory, args=(child.pid, peak := [0]), daemon=True)
        watch.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - begun
    said = (folder / "log").read_text(encoding="utf-8")
    stored = f"received={args.messages} inserted={args.messages} "
    if os.waitstatus_to_exitcode(status) != 0 or stored not in said:
        sys.exit(f"the drain failed:\n{said[-3000:]}")
    stub.stop()
    database.drop()
    return usage.ru_utime, usage.ru_stime, seconds, peak[0]


def measure(args, folder, cluster):
    print(f"{args.messages} messages, {args.latency_ms} ms latency, dedupe {args.dedupe}, medians of {args.runs} runs")
    print(f"{'concurrency':>11} {'CPU µs/msg':>10} {'user':>6} {'system':>6} {'msg/s':>8} {'max RSS MiB':>11}")
    number = 0
    for concurrency in args.concurrency:
        runs = []
        for _ in range(args.runs):
            number += 1
            runs.append(drain(args, concurrency, folder, cluster, number))
        user, system, seconds, kilobytes = (statistics.median(column) for column in zip(*runs))
        # The last poll, which finds the queue empty, takes a second by definition.
        rate = args.messages / max(seconds - 1, 0.001)
        cpu = statistics.median((run[0] + run[1]) for run in runs)
        print(f"{concurrency:>11} {cpu * 1e6 / args.messages:>10.2f} {user * 1e6 / args.messages:>6.2f} "
              f"{system * 1e6 / args.messages:>6.2f} {rate:>8.0f} {kilobytes / 1024:>11.1f}", flush=True)


def profile(args, folder, cluster):
    args.messages = 20_000
    out = folder / "callgrind.out"
    drain(args, args.concurrency[-1], folder, cluster, 1,
          ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"))
    text = subprocess.run(["callgrind_annotate", "--threshold=90", out], check=True, capture_output=True, text=True).stdout
    by_object = {}
    for count, rest in re.findall(r"^\s*([\d,]+) \([^)]*\)\s+(\S.*)$", text, re.MULTILINE):
        if rest == "PROGRAM TOTALS":
            continue
        match = re.search(r"\[(.*)\]$", rest)
        name = Path(match[1]).name if match else "loginetl"
        by_object[name] = by_object.get(name, 0) + int(count.replace(",", ""))
    print(f"instructions a message, {args.messages} messages, by object (functions that make up nine tenths):")
    for name, count in sorted(by_object.items(), key=lambda item: -item[1]):
        print(f"{count / args.messages:>10.0f}  {name}")
    print("\n".join(text.splitlines()[:60]))


def main():
    args = options()
    with tempfile.TemporaryDirectory(prefix="loginetl-bench-") as name:
        cluster = Cluster(name, synchronous_commit="on")
        try:
            (profile if args.profile else measure)(args, Path(name), cluster)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
