"""Each peer drains a queue whose content is known, and its table is held against what must be there: every good login
as one row with the right masks, every bad one still in the queue. Prints processor time and rate on the side.

    build/tools/python/bin/python tests/bench/peers/check.py --installed FOLDER PEER…

With --server bench the content is loginetl_bench_server's, and loginetl drains it too, to say what must be there.
"""

import argparse
import collections
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))

from lib import logins, servers  # noqa: E402
from lib.postgres import Cluster, Database  # noqa: E402
from lib.processes import Process, tied, wait_until  # noqa: E402
from lib.program import binary  # noqa: E402
from lib.queues import CREDENTIALS  # noqa: E402

PEERS = ["python-single", "python-threads", "node", "go", "bento"]

BAD = [
    "not JSON",
    '{"user_id": "cut',
    '["an array"]',
    '{"locale": "FR"}',
    '{"user_id": ""}',
    '{"user_id": "bad version", "app_version": "2.x"}',
    '{"user_id": "bad date", "create_date": "2023-02-30"}',
    '{"user_id": "long", "locale": "a locale that is far longer than the column"}',
]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="PEER", default=PEERS, help=" ".join(PEERS))
    parser.add_argument("--installed", type=Path, required=True, help="a folder; what is missing in it is installed")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--batch-rows", type=int, default=1000)
    parser.add_argument("--server", choices=["fauxqs", "bench"], default="fauxqs")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


# ---------------------------------------------------------------------------------------------------------------------
# Two sorts of queue, each with a url, an endpoint, what must be in the table, and what is wrong with what is left


class Fauxqs:
    """Logins in every form that a JSON writer may choose, some of them bad."""

    def __init__(self, folder, args, peer):
        self.server = servers.fauxqs(folder)
        self.endpoint = self.server.url
        self.queue = self.server.sqs.create("bench", dlq=False, visibility=60)
        self.url = self.queue.url
        self.days = {utc_day()}
        # A repeated key whose first value has the wrong type: some parsers do not get as far as the second.
        every = logins.make(args.messages - len(BAD), args.seed, bad=0)
        made = [login for login in every if '"user_id": 7' not in login.body]
        self.queue.send([login.body for login in made] + BAD)
        self.days.add(utc_day())
        self.expected = [expected_row(login, peer) for login in made]

    def wrong(self):
        left = sum(self.queue.counts())
        return f"{left} messages are left in the queue instead of the {len(BAD)} bad ones" if left != len(BAD) else None

    def stop(self):
        self.server.stop()


def expected_row(login, peer):
    """Bento has no function that brings an address into its canonical form."""
    row = login.row
    ip = json.loads(login.body).get("ip")
    if peer == "bento" and ip:
        row = (*row[:2], logins.mask(ip), *row[3:])
    return row


class Bench:
    """The load server's own logins; loginetl says what becomes of them."""

    def __init__(self, folder, args, _peer):
        program = os.environ.get("LOGINETL_BENCH_SERVER", TOP / "build/release/loginetl_bench_server")
        words = [program, "--messages", str(args.messages), "--seed", str(args.seed)]
        self.process = Process("bench_server", tied(words), folder)
        line = wait_until(lambda: self.process.stdout().partition("\n")[0], self.process.tail, 20)
        self.endpoint = f"http://127.0.0.1:{line.split()[1]}"
        self.url = f"{self.endpoint}/000000000000/bench"
        self.messages = args.messages
        self.days, self.expected = set(), None

    def wrong(self):
        with urllib.request.urlopen(f"{self.endpoint}/stats") as answer:
            stats = json.load(answer)
        return None if (stats["deleted"], stats["redelivered"]) == (self.messages, 0) else f"the queue says {stats}"

    def stop(self):
        self.process.stop()


def utc_day():
    return datetime.datetime.now(datetime.timezone.utc).date()


# ---------------------------------------------------------------------------------------------------------------------


def environment(queue, database, args, folder):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": queue.endpoint,
        "QUEUE_URL": queue.url,
        "DATABASE_URL": database.url,
        "CONCURRENCY": str(args.concurrency),
        "BATCH_ROWS": str(args.batch_rows),
        "BENCH_DRAIN": "1",
    }


def create_table(database):
    ddl = subprocess.run([binary(), "schema"], check=True, capture_output=True, text=True).stdout
    database.execute(ddl)


def run(command, env, log_path):
    """To its end. Seconds of processor time, seconds; an error unless it ended well."""
    with open(log_path, "wb") as log:
        begun = time.monotonic()
        child = subprocess.Popen(tied(command), env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    status = os.waitstatus_to_exitcode(status)
    assert status == 0, f"{command[0]} ended with {status}:\n{log_path.read_text()[-3000:]}"
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun


def loginetl_rows(queue_class, folder, args, cluster):
    queue, database = queue_class(folder, args, "loginetl"), Database(cluster, "loginetl")
    try:
        env = dict(environment(queue, database, args, folder), LOGINETL_QUEUE="bench")
        run([binary(), "--drain"], env, folder / "loginetl.log")
        return database.rows()
    finally:
        queue.stop()
        database.drop()


def counted(rows, days):
    """Of each row, how often. A login without a date of its own gets the day on which the queue took it."""
    return collections.Counter((*row[:6], None if row[6] is None or row[6] in days else row[6]) for row in rows)


def wrong_rows(expected, found, days):
    expected, found = counted(expected, days), counted(found, days)
    missing, more = expected - found, found - expected
    if missing or more:
        return (
            f"{missing.total()} rows are missing and {more.total()} are there that should not be, for example\n"
            f"  {next(iter(missing), None)}\n  {next(iter(more), None)}"
        )
    return None


def installed(peer, args):
    folder = args.installed / peer
    if not folder.exists():
        done = subprocess.run([HERE / peer / "install.sh", folder], stdout=subprocess.PIPE, text=True)
        if done.returncode == 3:
            return None
        assert done.returncode == 0, f"{peer}/install.sh ended with {done.returncode}"
        print(f"{peer}: installed, {done.stdout.strip()}", flush=True)
    return folder


def check(peer, args, folder, cluster, queue_class):
    home = installed(peer, args)
    if home is None:
        print(f"{peer}: left out", flush=True)
        return
    queue, database = queue_class(folder, args, peer), Database(cluster, f"bench-{peer}")
    try:
        create_table(database)
        log = folder / f"{peer}.log"
        cpu, seconds = run([HERE / peer / "run.sh", home], environment(queue, database, args, folder), log)
        expected = args.reference if queue.expected is None else queue.expected
        wrong = [what for what in (wrong_rows(expected, database.rows(), queue.days), queue.wrong()) if what]
        assert not wrong, "\n".join([peer, *wrong, log.read_text(errors="replace")[-3000:]])
        print(
            f"{peer}: {len(expected)} rows, each once and rightly masked; {cpu * 1e6 / args.messages:.0f} µs of CPU a "
            f"message, {args.messages / max(seconds - 2, 0.1):.0f} messages a second",
            flush=True,
        )
    finally:
        queue.stop()
        database.drop()


def main():
    args = options()
    args.installed = args.installed.resolve()
    args.installed.mkdir(parents=True, exist_ok=True)
    queue_class = {"fauxqs": Fauxqs, "bench": Bench}[args.server]
    with tempfile.TemporaryDirectory(prefix="loginetl-peers-") as name:
        folder = Path(name)
        cluster = Cluster(folder)
        try:
            if args.server == "bench":
                args.reference = loginetl_rows(queue_class, folder, args, cluster)
            for peer in args.peers:
                check(peer, args, folder, cluster, queue_class)
        finally:
            cluster.stop()


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"check: {error}")
