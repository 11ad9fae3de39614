"""Told to end, the program ends within its --shutdown-timeout, whatever its network does; what it could not finish comes
again, and is stored once."""

import pytest

from lib.fault_proxy import CLOSE, RESET
from lib.fault_world import OUTAGES, faults, make_faults, tls_faults  # noqa: F401 (fixtures)
from lib.processes import wait_until

#: Seconds, of which the program is given two; the others are the machine's.
PATIENCE = 30


def start(faults):
    return faults.service("--shutdown-timeout", "2")


def begin_on_both(faults, outage):
    for proxy in faults.sides.values():
        OUTAGES[outage](proxy)


def end_in_the_middle(faults, run):
    assert run.terminate(PATIENCE) in (0, 1), run.tail()
    assert run.summary()["in_flight"] == 0
    faults.heal()
    faults.world.drain_until_empty()
    faults.check()


def get_stuck(faults):
    """With rows that the database does not take, deletes and releases that the queue does not hear of."""
    run = start(faults)
    faults.load(100, seed=350, bad=0.03)
    wait_until(lambda: faults.world.database.count() > 0, run.tail)
    faults.database.hold()
    faults.load(100, seed=351, bad=0.03)
    wait_until(lambda: faults.world.queue.counts()[1] > 0 and faults.database.count["held"] > 0, run.tail)
    faults.queue.hold()
    return run


@pytest.mark.long
def test_silence_on_both_sides_under_load(faults):
    end_in_the_middle(faults, get_stuck(faults))


def test_silence_on_both_sides_under_load_over_tls(tls_faults):
    end_in_the_middle(tls_faults, get_stuck(tls_faults))


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_idle_service_is_cut_off(faults, outage):
    run = start(faults)
    connections = faults.database.count["connections"]
    begin_on_both(faults, outage)
    if outage == "silence":  # after this it connects, and is left with that
        for proxy in faults.sides.values():
            proxy.cut_all(RESET)
        wait_until(lambda: faults.database.count["connections"] > connections, run.tail)
    else:
        run.wait_event("database_unavailable")
    end_in_the_middle(faults, run)


@pytest.mark.parametrize("outage", OUTAGES)
def test_nothing_has_ever_been_reached(faults, outage):
    begin_on_both(faults, outage)
    run = faults.program.start("--shutdown-timeout", "2")
    run.wait_event("start")
    if outage == "silence":
        wait_until(lambda: all(proxy.count["connections"] for proxy in faults.sides.values()), run.tail)
    assert run.terminate(PATIENCE) == 0, run.tail()
    assert run.summary()["received"] == 0


def test_rows_that_a_silent_database_does_not_take_are_given_back(faults):
    """At once, and each of them has cost one receive."""
    run = faults.service("--shutdown-timeout", "6", "--visibility-timeout", "600")  # half of it to give back in
    faults.database.hold()
    faults.load(50, seed=352, bad=0)
    wait_until(lambda: faults.world.queue.counts() == (0, 50), run.tail)
    assert run.terminate(PATIENCE) in (0, 1), run.tail()
    assert run.summary()["released"] == 50
    assert faults.world.queue.counts() == (50, 0)
    again = faults.world.queue.receive(visibility=0)
    assert again and all(message["Attributes"]["ApproximateReceiveCount"] == "2" for message in again)
    faults.database.cut_all(CLOSE)  # what it was sent before is not stored after all, or it is: either will do
    faults.heal()
    faults.world.drain_until_empty()
    faults.check()


@pytest.mark.long
@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("side", ["queue", "database"])
def test_a_drain_gives_up(faults, side, outage):
    """It does not wait for ever for what cron would try again tomorrow."""
    faults.load(100, seed=353, bad=0)
    OUTAGES[outage](faults.sides[side])
    run = faults.program.start("--drain")
    assert run.wait() == 1, run.tail()
    assert "giving up" in run.stderr()
    faults.heal()
    faults.world.drain_until_empty()
    faults.check()
