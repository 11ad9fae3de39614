"""The bench's driver: what it lists, keeps and says. Nothing is measured here."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.processes import Process, wait_until
from lib.program import binary

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import bench
import estimate
import goals
import measure
import page_cache
import plots
import report
import scenarios
import summary
from results import Results
from scenarios import Scenario


def driver(*words):
    return [sys.executable, BENCH / "bench.py", *words]


def built_in():
    """The folder of the program under test, unless it stands somewhere without the load server."""
    for folder in (Path(binary()).parent, BENCH.parents[1] / "build/release"):
        if os.access(folder / "loginetl_bench_server", os.X_OK):
            return folder
    raise FileNotFoundError("loginetl_bench_server is not built: cmake --build --preset release")


@pytest.fixture
def open_folder():
    """For temporary files: a PostgreSQL of another user gets at it, and it goes with all that a killed process leaves."""
    folder = Path(tempfile.mkdtemp(prefix="loginetl-driver-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_list_that_nobody_reads_to_its_end():
    """As with `--list | head`: it ends as other programs do, without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        run = subprocess.run(driver("--list", "--full"), stdout=nobody, stderr=subprocess.PIPE)
    assert (run.returncode, run.stderr) == (-signal.SIGPIPE, b"")


def test_a_full_bench_takes_an_hour_and_leaves_nothing_out(monkeypatch):
    """By the numbers that --list prints; what they leave of seventy minutes is for a machine that is a little slower. This one
    may have any memory."""
    monkeypatch.setattr(page_cache, "size_wanted", lambda: 24 << 30)
    others = [*scenarios.FLOORS, *scenarios.PEERS]
    plan = scenarios.selected(scenarios.full(others), "*", None, None)
    assert estimate.total(plan) < 60 * 60
    drains = {scenario.name: scenario for scenario in plan if scenario.kind == "drain"}
    points = len(scenarios.SIZES) * len(scenarios.LATENCIES) * len(scenarios.CONCURRENCIES) * 2 * 2
    assert len(drains) == points + len(others) * len(scenarios.LATENCIES)
    assert all(scenario.runs == 5 and scenario.messages >= 1000 for scenario in drains.values())
    assert max(scenario.messages for scenario in plan) == 10_000_000
    assert len({scenario.name for scenario in plan}) == len(plan)


class Session:
    """The driver at some runs of a thousand messages, in a session of its own, with a file of results in a folder of ours."""

    RUNS = 8

    def __init__(self, folder, temporary):
        self.folder, self.environment = folder, {**os.environ, "TMPDIR": str(temporary)}
        self.begin = ["--only", "drain/loginetl/170B/0ms/c32/ledger/http", "--messages", "1000", "--runs", str(self.RUNS)]
        self.begin += ["--results", folder]

    def start(self, *words):
        command = driver(*words, "--build", built_in())
        self.process = Process("bench", command, self.folder, env=self.environment, start_new_session=True)
        self.before = len(self.runs())

    def file(self):
        return next(self.folder.glob("*.json"), None)

    def runs(self):
        return json.loads(self.file().read_text())["runs"] if self.file() else []

    def has_come_on(self):
        """A run more is in the file, and the next worker works."""
        pid, found = self.process.pid, []
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(OSError):  # it has just ended
                found.append(Path(f"/proc/{child}/comm").read_text())
        return len(self.runs()) > self.before and "loginetl\n" in found

    def is_ended_by(self, number, send):
        """The exit status."""
        wait_until(lambda: not self.process.running() or self.has_come_on(), self.process.tail)
        send(self.process.pid, number)
        return self.process.wait()


def test_a_bench_is_interrupted_and_resumed(tmp_path, open_folder):
    """By Ctrl-C, which all its children get as well; by kill; without a warning. No run is lost, none is done twice, and none
    has failed because its surroundings were taken away."""
    world, there, stops = Session(tmp_path, open_folder), [], []
    words = world.begin
    for number, send, status in (
        (signal.SIGINT, os.killpg, 130),
        (signal.SIGTERM, os.kill, 143),
        (signal.SIGKILL, os.killpg, -9),
    ):
        world.start(*words)
        assert world.is_ended_by(number, send) == status, world.process.tail()
        assert world.runs()[: len(there)] == there and len(there) < len(world.runs()) < world.RUNS
        there = world.runs()
        stops.append(len(there))
        words = ["--resume", world.file()]
        listed = subprocess.run(driver(*words, "--list"), stdout=subprocess.PIPE, text=True, check=True).stdout
        assert listed.startswith(f"{world.RUNS - len(there)} × drain/")
    world.start(*words)
    assert world.process.wait() == 0, world.process.tail()
    assert world.runs()[: len(there)] == there
    assert [(run["run"], "error" in run) for run in world.runs()] == [(at, False) for at in range(world.RUNS)]
    assert [part["after_runs"] for part in json.loads(world.file().read_text())["resumed"]] == stops
    assert f"interrupted after {stops[-1]} runs" in world.file().with_suffix(".md").read_text()


def test_a_file_of_something_else_is_not_gone_on_with(tmp_path):
    """Figures of two machines, programs or plans are not put together. Another commit or load makes no other machine."""
    plan = [Scenario("drain", messages=1000, runs=2)]
    head = {"machine": {"kernel": "6", "load_before": 0.0, "commit": "a"}, "programs": {"loginetl": "1"}}
    Results(tmp_path / "some.json", head, [{"name": plan[0].name, "run": 0, "scenario": asdict(plan[0])}]).write()
    results = Results.read(tmp_path / "some.json")
    busier = {**head, "machine": {"kernel": "6", "load_before": 9.0, "commit": "b"}}
    assert results.differences(busier) == [] and results.strangers(plan) == []
    assert [number for number, _ in results.missing(plan)] == [1]
    assert results.differences({**head, "machine": {"kernel": "7"}}) == ["kernel"]
    assert results.differences({**head, "programs": {"loginetl": "2"}}) == ["programs"]
    assert results.strangers([replace(plan[0], messages=2000)]) == [plan[0].name]


def test_only_what_was_interrupted_is_gone_on_with(tmp_path):
    """A file that has all of its runs is rendered again, and says no more than before."""
    plan = [Scenario("drain", messages=1000, runs=2)]
    head = {"date": "2000-01-01", "machine": {"load_before": 0.5}}
    results = Results(tmp_path / "some.json", head)
    for number, parts in enumerate([[0], [1], None]):
        results.write()
        found = bench.gone_on(results.path, head, plan).head.get("resumed")
        assert found == (parts and [{"date": "2000-01-01", "load_before": 0.5, "after_runs": parts[0]}])
        results.add(run_of(plan[0], number, {}))


MACHINE = {
    "processor": {"model": "a processor", "cores": 2, "flags": []},
    "memory_mb": 1024,
    "kernel": "6",
    "system": "Debian",
    "load_before": 0.0,
    "postgresql": "postgres (PostgreSQL) 15.1 (Debian)",
    "packages": {},
    "toolchains": {},
    "commit": "abc",
    "changed": False,
}


def drained(scenario, cpu_us=10.0, rate=20_000, mb=12, **more):
    """What a drain might find. The load server and PostgreSQL use as much of a processor as the worker."""
    used = round(scenario.messages * cpu_us)
    found = {"messages": scenario.messages, "rows": scenario.messages, "seconds": scenario.messages / rate}
    found |= {"first_receive_ms": 30.0, "cpu_us": used, "system_us": 0, "most_kb": mb * 1024, "requests": scenario.messages // 5}
    return found | {"redelivered": 0, "postgres_cpu_us": used, "server_cpu_us": used, "wal_bytes": 0} | more


def run_of(scenario, number, found):
    return {"name": scenario.name, "run": number, "scenario": asdict(scenario), **found}


def results_of(runs):
    """As a file of results holds them."""
    head = {"date": "2000-01-01", "command": "", "machine": MACHINE, "postgres_settings": {"fsync": "off"}, "sizes": {}}
    return json.loads(json.dumps(head | {"runs": runs}))


def a_drain(cpu_us=10.0, rate=20_000, mb=12, **parameters):
    """A run of one."""
    scenario = Scenario("drain", messages=1000, **parameters)
    return run_of(scenario, 0, drained(scenario, cpu_us, rate, mb))


def attempts(monkeypatch, folder, *ends):
    """What a run is whose attempts end so, one after the other."""
    left = list(ends)

    def measured(world, scenario):
        end = left.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(measure, "measure", measured)
    found = bench.attempted(SimpleNamespace(folder=folder), Scenario("drain"), SimpleNamespace(by=None))
    assert not left
    return found


def test_runs_that_fail_are_tried_again(monkeypatch, tmp_path):
    peer = Scenario("drain", program="bento", ledger=False, messages=1000)
    left_some = measure.RunFailed(f"980 rows\n{tmp_path}/worker.py, {bench.TOP}/tests")
    good = drained(peer)
    found = [
        attempts(monkeypatch, tmp_path, good),
        attempts(monkeypatch, tmp_path, left_some, OSError("gone"), good),
        attempts(monkeypatch, tmp_path, *[left_some] * 3),
    ]
    assert [len(one["failed"]) for one in found] == [0, 2, 3]
    assert found[1]["failed"] == ["RunFailed: 980 rows\n…/worker.py, …/tests", "OSError: gone"]
    assert [one.get("messages") for one in found] == [1000, 1000, None]
    assert [one.get("error") for one in found] == [None, None, found[2]["failed"][2]]
    results = results_of([run_of(peer, at, one) for at, one in enumerate(found)])
    (point,) = summary.drains(results["runs"], 2)
    assert (point["runs"], point["failed"]) == (2, 5)
    page = report.page(results, "2000-01-01", [])
    assert f"| {peer.name} | 3 | 5 | **1** | RunFailed: 980 rows |" in page


def test_an_error_of_the_driver_itself_is_none_of_a_run(monkeypatch, tmp_path):
    with pytest.raises(TypeError):
        attempts(monkeypatch, tmp_path, TypeError("ours"))


#: A bench that has measured all there are goals for, and what it finds; the first tenth of the backlog is twice as fast.
EVERYTHING = [
    run_of(Scenario("start"), 0, drained(Scenario("start"), cpu_us=0, first_receive_ms=35.0) | {"seconds": 0}),
    run_of(Scenario("start", tls=True), 0, drained(Scenario("start"), cpu_us=0, first_receive_ms=50.0) | {"seconds": 0}),
    a_drain(8.0, mb=17),
    a_drain(12.0, tls=True, mb=23),
    *(a_drain(cost, program=name, ledger=False) for name, cost in (("floor_curl", 10), ("floor_sockets", 4))),
    *(a_drain(cost, program=name, ledger=False) for name, cost in (("go", 72), ("bento", 160), ("python-single", 400))),
    a_drain(800, program="node", ledger=False, latency_ms=20),
    *(
        a_drain(8.0, latency_ms=20, concurrency=receivers, rate=rate)
        for receivers, rate in ((1, 480), (8, 3_800), (32, 15_000), (128, 33_000))
    ),
    a_drain(200.0, body_bytes=2000),
    a_drain(200.0, body_bytes=64000, mb=81, rate=2_000),
    run_of(Scenario("idle", seconds=40), 0, {"core_percent": 0.004, "wakeups_a_second": 1, "most_kb": 12_000}),
    run_of(Scenario("idle", seconds=40, tls=True), 0, {"core_percent": 0.06, "wakeups_a_second": 1, "most_kb": 12_000}),
    run_of(Scenario("age", per_second=10), 0, {"age_ms": {"p99": 3.0}}),
    run_of(Scenario("age", per_second=100), 0, {"age_ms": {"p99": 9.5}}),
    run_of(Scenario("age", per_second=10, latency_ms=20), 0, {"age_ms": {"p99": 31.0}}),
]


def backlog(messages, then=10_000, number=0, **more):
    """At 20,000 a second and 12 MiB, and from the middle on at another rate with a MiB more."""
    samples, seconds = [], 0.0
    for at in range(1000):
        samples.append([seconds, at * messages // 1000, 0, (12 + (at > 500)) * 1024, 0, 0, 0])
        seconds += messages / 1000 / (20_000 if at < 500 else then)
    scenario = Scenario("curve", messages=messages)
    found = drained(scenario) | {"seconds": seconds, "ledger_bytes": 1, "samples": samples} | more
    return run_of(scenario, number, found)


def verdicts(runs):
    found = goals.verdicts(results_of(runs))
    assert [goal.text for goal in goals.GOALS] == [verdict["goal"] for verdict in found]
    return {verdict["goal"]: verdict for verdict in found}


def test_goals_are_met_or_missed():
    found = verdicts([*EVERYTHING, backlog(10_000_000)])
    told = {name: (verdict["measured"], verdict["met"]) for name, verdict in found.items() if verdict["met"] is not None}
    assert told == {
        "CPU of a message": (8.0, True),
        "CPU to that of floor_curl (no mask, signature, ledger)": (0.8, True),
        "CPU to that of floor_sockets (the same without libcurl)": (2.0, True),
        "https more than http": (4.0, False),
        "CPU less than go's (no ledger)": (9.0, True),
        "CPU less than bento's (no ledger)": (20.0, True),
        "CPU less than python-single's (no ledger)": (50.0, False),
        "20 ms, 128 receivers": (33_000, True),
        "20 ms, more receivers: exponent until a limit": (pytest.approx(0.5687, abs=1e-4), False),
        "resident memory": (17.0, False),
        "resident memory, https": (23.0, True),
        "resident memory anywhere: the memory limit and 16": (81.0, False),
        "start to first receive, tables there": (35.0, True),
        "idle": (0.06, False),
        "age, p99, no latency": (9.5, True),
        "age, p99, 20 ms latency taken off once": (11.0, False),
        "ten million messages: last tenth's rate to the first's": (0.5, False),
    }
    assert found["resident memory anywhere: the memory limit and 16"]["raw"] == "at 64kB, 0 ms, 32 receivers, http"
    assert found["https more than http"]["by"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["20 ms, 128 receivers"]["by"] == pytest.approx(0.1)
    raw = found["20 ms, more receivers: exponent until a limit"]["raw"]
    assert raw.startswith("1: 480/s (latency); 8: 3,800/s, × 7.92, exponent 0.99 (latency); 32: 15,000/s")
    assert "20,000/s and 12.0 MiB, then 10,000/s and 13.0 MiB" in found[goals.GOALS[-1].text]["raw"]
    assert found["CPU less than node's (no ledger)"]["raw"] == "no drain of node"  # it is there, but at another latency


def test_memory_anywhere_is_the_backlogs_too():
    runs = [run | ({"most_kb": 90 * 1024} if run["scenario"]["kind"] == "curve" else {}) for run in [*EVERYTHING, backlog(1)]]
    found = verdicts(runs)["resident memory anywhere: the memory limit and 16"]
    assert (found["measured"], found["raw"]) == (90.0, "in the backlog")


def test_a_limit_ends_what_must_be_linear():
    """The same rates, and the worker has no more processor to use at the last."""
    rates = ((1, 480), (8, 3_800), (32, 15_000), (128, 33_000))
    runs = [a_drain(30.0 if rate > 30_000 else 8.0, latency_ms=20, concurrency=many, rate=rate) for many, rate in rates]
    found = verdicts(runs)["20 ms, more receivers: exponent until a limit"]
    assert found["met"] and found["measured"] == pytest.approx(0.99, abs=0.01)
    assert found["raw"].endswith("exponent 0.57 (worker)")


def test_what_others_used_is_no_limit_of_ours():
    """On a busy machine each of the three gets less than it would take."""
    alone, disturbed = a_drain(10.0), a_drain(10.0)
    disturbed |= {"others_cpu_us": 13_000_000, "watched_s": 10.0}
    for run, cores, limit in ((alone, 0.0, "round trips"), (disturbed, 1.3, "processors (others)")):
        (point,) = summary.drains([run], 2)
        assert (
            point["cores"] == {"worker": 0.2, "server": 0.2, "PostgreSQL": 0.2, "others": cores} and point["limit"] == limit
        )
    assert "**The machine had other things to do**, 1.30 processors' worth" in report.page(
        results_of([disturbed]), "some", []
    )
    near_all = a_drain(10.0, latency_ms=20, concurrency=1, rate=460) | {"others_cpu_us": 20_000_000, "watched_s": 10.0}
    assert summary.drains([near_all], 2)[0]["limit"] == "latency"
    assert "other things to do" not in report.page(results_of([alone]), "some", [])


def test_a_tenth_is_all_the_time_that_it_took():
    """Most of its stretches are as fast as ever, but once it stood still for as long as all of them take."""
    curve = backlog(10_000_000)
    for sample in curve["samples"][50:]:
        sample[0] += 45.0  # at 20,000 a second the nine hundredths take as long
    (_, first, *_), (_, last, *_) = summary.ends(curve)
    assert (first, last) == (pytest.approx(10_000), pytest.approx(10_000))
    for sample in curve["samples"][950:]:
        sample[0] += 100.0
    assert summary.ends(curve)[1][1] == pytest.approx(5_000, rel=0.02)


def test_a_backlog_with_few_samples():
    """There is one each half second, and a tenth of not many messages may take less."""
    curve = backlog(500_000)
    curve["samples"] = curve["samples"][::150]
    (_, first, *_), (_, last, *_) = summary.ends(curve)
    assert (first, last) == (pytest.approx(20_000), pytest.approx(10_000))
    curve["samples"] = curve["samples"][:1]
    assert summary.ends(curve) is None
    assert goals.verdicts(results_of([curve]))[-1]["raw"] == "no backlog"


def test_a_smaller_backlog_is_none():
    found = verdicts([backlog(500_000)])[goals.GOALS[-1].text]
    assert found["met"] is None and found["raw"].startswith("500,000 messages: 20,000/s")


def backlogs(*rates, **more):
    return [backlog(10_000_000, then=rate, number=at, **more) for at, rate in enumerate(rates)]


def section(page, name):
    return page.partition(f"\n## {name}\n\n")[2].partition("\n\n## ")[0]


def test_of_several_backlogs_the_median_stands_for_all():
    """The goal, the ten lines and the plot; the page has each. A smaller one and one that failed are not among them."""
    smaller, failed = backlog(500_000, then=2_000), {**backlog(10_000_000), "error": "gone"}
    runs = backlogs(18_000, 10_000, 19_000)
    found = verdicts([smaller, *runs, failed])[goals.GOALS[-1].text]
    assert (found["measured"], found["met"]) == (0.9, False)
    assert found["raw"].endswith(" 20,000/s and 12.0 MiB, then 18,000/s and 13.0 MiB (0.50–0.95 ×, runs: 3)")
    assert plots.drain([smaller, *runs, failed]) == plots.drain(runs[:1]) != plots.drain(runs[2:])
    page = report.page(results_of(runs), "some", [])
    line = "the first tenth at 20,000 a second, the last at 18,000 and with 13 MiB (the median of 3 runs)"
    assert line in " ".join(page.split())
    assert section(page, "A large backlog") == (
        "- Run 1: 10,000,000 messages in 527.8 s; the ledger has 0 MB.\n"
        "- Run 2: 10,000,000 messages in 750.0 s; the ledger has 0 MB.\n"
        "- Run 3: 10,000,000 messages in 513.2 s; the ledger has 0 MB.\n"
        "\n"
        "|  | messages/s | CPU µs/message | PostgreSQL µs/message | RSS MiB |\n"
        "|---|---|---|---|---|\n"
        "| run 1, first tenth | 20,000 | 0.0 | 0.0 | 12.0 |\n"
        "| run 1, last tenth | 18,000 | 0.0 | 0.0 | 13.0 |\n"
        "| run 2, first tenth | 20,000 | 0.0 | 0.0 | 12.0 |\n"
        "| run 2, last tenth | 10,000 | 0.0 | 0.0 | 13.0 |\n"
        "| run 3, first tenth | 20,000 | 0.0 | 0.0 | 12.0 |\n"
        "| run 3, last tenth | 19,000 | 0.0 | 0.0 | 13.0 |\n"
        "\n"
        "The last tenth's rate to the first's is 0.90 in run 1, the median of 0.50, 0.90, 0.95: goal, ten lines and plot are "
        "of that run.\n"
    )


def test_of_two_backlogs_the_worse_stands_for_both():
    assert verdicts(backlogs(20_000, 12_000))[goals.GOALS[-1].text]["measured"] == 0.6


def test_a_single_backlog_is_told_of_as_before():
    """As in files from before there were several, which do not say what was in the page cache."""
    results = results_of(backlogs(10_000))
    page = report.page(results, "some", [])
    assert section(page, "A large backlog") == (
        "10,000,000 messages in 750.0 s; the ledger has 0 MB.\n"
        "\n"
        "|  | messages/s | CPU µs/message | PostgreSQL µs/message | RSS MiB |\n"
        "|---|---|---|---|---|\n"
        "| first tenth | 20,000 | 0.0 | 0.0 | 12.0 |\n"
        "| last tenth | 10,000 | 0.0 | 0.0 | 13.0 |\n"
    )
    assert "runs:" not in goals.verdicts(results)[-1]["raw"] and "median of" not in section(page, "In short")


def test_a_filled_page_cache_is_told_of():
    page = report.page(results_of(backlogs(10_000, page_cache_filled_mb=21_000)), "some", [])
    assert "; the ledger has 0 MB; the page cache had been filled with 21,000 MiB more.\n\n" + report.FILLED in page


def read_so_far():
    """Bytes that this process has asked files for."""
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def test_the_page_cache_is_filled_with_a_hole(tmp_path):
    """It is read to its end, and takes no disk; and it goes, whatever happens meanwhile."""
    size, before = 3 * page_cache.PIECE + 5, read_so_far()
    with suppress(KeyError), page_cache.filled(tmp_path, size) as more:
        (file,) = tmp_path.iterdir()
        assert read_so_far() - before >= size and more >= 0
        assert (file.stat().st_size, file.stat().st_blocks) == (size, 0)
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def resident_kb_of(file):
    """Of its mapping in this process; None: there is none."""
    found = re.search(rf"{re.escape(str(file))}\n(?:.+\n)*?Rss: +(\d+) kB", Path("/proc/self/smaps").read_text())
    return int(found[1]) if found else None


def test_what_is_filled_is_mapped(tmp_path):
    file, size = tmp_path / "some", 3 * page_cache.PIECE
    file.write_bytes(b"x" * size)
    with page_cache.mapped(file, size):
        assert resident_kb_of(file) in (0, size >> 10)  # an older kernel maps none beforehand
    assert resident_kb_of(file) is None


def test_a_containers_limit_of_memory_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(page_cache, "meminfo", {"MemFree": 8 << 30}.get)
    limits = [tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes"]
    assert page_cache.size_wanted(limits) == (8 << 30) + page_cache.MORE  # no such files
    limits[0].write_text("max\n")
    assert page_cache.size_wanted(limits) == (8 << 30) + page_cache.MORE
    limits[1].write_text(f"{3 << 30}\n")
    assert page_cache.size_wanted(limits) == 3 << 30
    limits[0].write_text(f"{2 << 30}\n")
    assert page_cache.size_wanted(limits) == 2 << 30


def test_only_before_the_large_backlog_memory_is_filled(monkeypatch, tmp_path):
    """And only there the filling takes time by the estimate."""
    monkeypatch.setattr(page_cache, "size_wanted", lambda: 5_000_000)
    world, filled, took = SimpleNamespace(folder=tmp_path), [], []
    for plan in (scenarios.quick([]), scenarios.full([])):
        (scenario,) = (scenario for scenario in plan if scenario.kind == "curve")
        with measure.memory_used_before(world, scenario) as filled_mb:
            filled.append((filled_mb is not None, [file.stat().st_size for file in tmp_path.iterdir()]))
        took.append(estimate.of_run(scenario) - scenario.messages / estimate.CURVE_RATE - estimate.CURVE_AROUND)
    assert filled == [(False, []), (True, [5_000_000])]
    assert took == [0.0, pytest.approx(0.005 * estimate.FILL_S_PER_GB)]


def test_a_drain_without_more_than_its_start_says_nothing():
    """As with `--messages 10`: no message costs nothing, and nothing is a share of that."""
    start = run_of(Scenario("start"), 0, drained(Scenario("start"), cpu_us=0, first_receive_ms=35.0) | {"cpu_us": 20_000})
    found = verdicts([start, a_drain(8.0), a_drain(8.0, program="floor_curl", ledger=False)])
    assert [verdict["goal"] for verdict in found.values() if verdict["met"] is not None] == [
        "start to first receive, tables there"
    ]
    results = results_of([start, a_drain(8.0), a_drain(72.0, program="go", ledger=False)])
    page = report.page(results, "2000-01-01", [])
    assert "| loginetl, ledger | 0 ms | 0.0 (0.0–0.0) | – |" in page and "µs of CPU a message" not in page


def test_what_was_not_measured_is_said(tmp_path):
    """Also of a file that was written before there were goals."""
    file = tmp_path / "old.json"
    file.write_text(json.dumps(results_of([])))
    bench.render(bench.read(file))
    page = file.with_suffix(".md").read_text()
    head, *rows = page[page.index("| goal |") :].partition("\n\n")[0].split("\n")[1:]
    assert page.startswith("# What a message costs, 2000-01-01\n\n## Goals\n")
    assert len(rows) == len(goals.GOALS) and all("| – | not measured | no" in row for row in rows)
    kept = json.loads(file.read_text())
    assert [goal["met"] for goal in kept["goals"]] == [None] * len(goals.GOALS) and kept["runs"] == []


def test_goals_are_not_of_other_builds():
    page = report.page(results_of(EVERYTHING) | {"build": "Debug"}, "2000-01-01", [])
    assert (
        "**This was a Debug build**" in page
        and "| idle | ≤ 0.05 % of a core | 0.0600 % of a core | **missed** by 20 % |" in page
    )


BRIEF = """\
170-byte logins, 32 receivers, signed, with the ledger; 2 × a processor, PostgreSQL 15.1, 2000-01-01:

- 8.0 µs of CPU a message, 12.0 over https; floors without mask, signature, ledger: 10.0 with bare libcurl, 4.0 with
  bare sockets
- others, without a ledger: go 72 µs (9 ×), bento 160 µs (20 ×), python-single 400 µs (50 ×)
- 20,000 messages a second (limit: round trips); 33,000 at 20 ms a request and 128 receivers (limit: round trips)
- PostgreSQL's share of a message: 8.0 µs of CPU and 0 B of WAL with the ledger
- 0.20 requests a message in a backlog
- 17.0 MiB resident, 23.0 over https, 81.0 at most with 64 kB messages
- first messages 35 ms after the start; idle 0.060 % of a core; 99 of 100 logins committed within 9.5 ms of arrival
- 10,000,000 messages in 750 s, the first tenth at 20,000 a second, the last at 10,000 and with 13 MiB

CPU and rates are medians (of 1), memory is the most of any run. CPU is the worker's own. Rates are what worker, load
server and PostgreSQL (without fsync) reach together on these 2 processors, over loopback: AWS's latency is in none of
them.
"""


def summary_of(folder, runs):
    file = folder / "some.json"
    file.write_text(json.dumps(results_of(runs)))
    return subprocess.run(driver("--summary", file), stdout=subprocess.PIPE, text=True, check=True).stdout


def test_the_summary(tmp_path):
    runs = [*EVERYTHING, backlog(10_000_000)]
    assert summary_of(tmp_path, runs) == BRIEF
    page = report.page(results_of(runs), "some", [])
    assert BRIEF in page and "\n- PostgreSQL's settings: fsync = off\n" in page
    assert "| loginetl, ledger | 0 ms | 8.0 (8.0–8.0) | 1.0 × |" in page


def test_the_summary_of_a_queue_far_away_and_of_requests():
    runs = [
        a_drain(),
        a_drain(ledger=False),
        a_drain(13.5, latency_ms=20, concurrency=8, tls=True, rate=3_800),
        a_drain(12.2, latency_ms=20, concurrency=128, tls=True, rate=34_400),
        run_of(Scenario("age", per_second=100, latency_ms=20), 0, {"age_ms": {"p99": 25.0}, "messages": 100, "requests": 110}),
    ]
    page = report.page(results_of(runs), "some", [])
    told = " ".join(section(page, "In short").split())
    assert "over https at 20 ms a request: 8 receivers 3,800 a second at 14 µs, 128 receivers 34,400 a second at 12 µs" in told
    assert "with the ledger, 10.0 µs of CPU and 0 B of WAL without" in told
    assert "0.20 requests a message in a backlog; 1.1 at 100 messages a second" in told
    assert "| 20 | 100 | 25.0 | 5.0 | 1.10 |" in page


def test_the_summary_says_when_the_machine_was_busy(tmp_path):
    run = a_drain(10.0) | {"others_cpu_us": 13_000_000, "watched_s": 10.0}
    assert "\nThe machine had other things to do, 1.30 processors' worth: the figures say little." in summary_of(
        tmp_path, [run]
    )


def test_the_summary_leaves_out_what_was_not_measured(tmp_path):
    assert "\n- " not in summary_of(tmp_path, [])
    assert "\n- 8.0 µs of CPU a message, its start in it\n" in summary_of(tmp_path, [a_drain(8.0)])
    assert "| 8.0 (8.0–8.0, its start in it) |" in report.page(results_of([a_drain(8.0)]), "some", [])
