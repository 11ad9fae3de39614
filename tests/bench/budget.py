#!/usr/bin/env python3
"""How many instructions a message takes in the pure part of a drain, and whether that is within the budget.

    tests/bench/budget.py             counts, compares with budget.json; the exit status is 1 when a part is above its budget
    tests/bench/budget.py --update    counts, and makes the figures the budget
    tests/bench/budget.py --runs 5    counts so often, and says how far the counts are apart

budget_core (beside this file) works through fixed inputs under callgrind. Nothing in it depends on time, and the choices
that libraries make by the processor's abilities are fixed below, so that the counts are the same each time and on each
machine with the same compiler and libraries. Counted are whole parts with all that they call, in libraries too.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUDGET = HERE / "budget.json"
ALLOWED = 1.10

#: What the C library and libcrypto may use: what every x86-64 has, and SSSE3 for libcrypto. Else they would count less on
#: a newer processor.
PLAIN = {
    "OPENSSL_ia32cap": "0x0000020107808111:0",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512VL,-AVX512BW,-AVX2,-AVX,-BMI2,-ERMS,-FSRM,-SSE4_2,-SSE4_1,-SSSE3",
}

#: Name: functions of budget_core, what they are. The flow decodes, so that decoding, counted apart, is taken off it.
PARTS = {
    "read": (["read_http", "read_messages", "read_deleted"], "answers: HTTP, messages, outcomes of deletes"),
    "decode": (["decode"], "a login from its body, with the masks"),
    "mask": (["mask"], "two masks by SHA-256, as in decode"),
    "flow": (["flow_turn", "flow_received", "flow_deleted", "flow_committed"], "the pipeline and MD5, without decode"),
    "arrays": (["arrays"], "rows as binary arrays"),
    "write": (["write_delete", "write_http"], "requests: delete bodies, heads"),
    "sign": (["hash", "sign"], "payload hashes and signatures"),
}
INSIDE = ["mask"]  # parts of another one: not in the total


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=TOP / "build/release/budget_core", help="default: %(default)s")
    parser.add_argument("--answers", type=int, default=1000, help="of ten messages each")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--update", action="store_true")
    return parser.parse_args()


def annotated(program, answers, folder):
    """(messages, callgrind's list of functions with what they call)"""
    counts = Path(folder) / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={counts}", program, str(answers)]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **PLAIN}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"budget: {program} failed (tests/run.sh --only budget installs and builds what it takes):\n{run.stdout}{run.stderr}")
    said = re.match(r"messages (\d+)", run.stdout)
    listed = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", counts], check=True, capture_output=True, text=True
    )
    return int(said[1]), listed.stdout


def count(program, answers):
    """Instructions a message of each part."""
    with tempfile.TemporaryDirectory(prefix="loginetl-budget-") as folder:
        messages, text = annotated(program, answers, folder)
    functions = {}
    for number, name in re.findall(r"^\s*([\d,]+) \([^)]*\)\s+\S*:part_(\w+)", text, re.MULTILINE):
        # A function stands there once more for each file that was inlined into it; the largest is the whole of it.
        functions[name] = max(functions.get(name, 0), int(number.replace(",", "")))
    missing = {name for names, _ in PARTS.values() for name in names} - functions.keys()
    if missing:
        sys.exit(f"budget: callgrind does not know these parts: {', '.join(sorted(missing))}")
    sums = {part: sum(functions[name] for name in names) for part, (names, _) in PARTS.items()}
    sums["flow"] -= sums["decode"]
    sums["total"] = sum(number for part, number in sums.items() if part not in INSIDE)
    return {part: round(number / messages, 1) for part, number in sums.items()}


def versions():
    """What the counts depend on besides our sources."""
    compiler = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    names = ["libc6", "libmbedtls-dev", "libssl3", "valgrind"]
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names], capture_output=True, text=True
    ).stdout
    return {"gcc": compiler, **dict(line.split() for line in asked.splitlines() if " " in line)}


def tell_spread(runs):
    spread = max(max(run[part] for run in runs) - min(run[part] for run in runs) for part in runs[0])
    print(f"{len(runs)} runs: the counts of a part are {spread:g} instructions a message apart at most")


def compare(found, budget):
    """Prints a line for each part; the number of those above their budget."""
    print(f"{'part':8} {'now':>9} {'budget':>9} {'':>7}")
    above = 0
    for part, now in found.items():
        was = budget["instructions_per_message"][part]
        over = now > ALLOWED * was
        above += over
        what = "in all, without mask, which is in decode" if part == "total" else PARTS[part][1]
        print(f"{part:8} {now:9.1f} {was:9.1f} {100 * (now / was - 1):+6.1f}% {'ABOVE ' if over else ''} {what}")
    others = {name: was for name, was in budget["versions"].items() if versions().get(name) != was}
    if others:
        print("the budget was counted with other versions, so that a change may be theirs: " + json.dumps(others))
    print(f"budget: {len(found) - above} passed, {above} failed")
    return above


def main():
    args = options()
    runs = [count(args.program, args.answers) for _ in range(args.runs)]
    if args.runs > 1:
        tell_spread(runs)
    if args.update:
        text = json.dumps({"versions": versions(), "instructions_per_message": runs[0]}, indent=4)
        BUDGET.write_text(text + "\n", encoding="utf-8")
    return 1 if compare(runs[0], json.loads(BUDGET.read_text(encoding="utf-8"))) else 0


if __name__ == "__main__":
    sys.exit(main())
