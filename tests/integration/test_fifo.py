"""A FIFO queue: the rows of a message group are committed in its order, whatever goes wrong in between."""

import json

import pytest

from lib import logins
from lib.groups import GROUPS, Groups
from lib.processes import wait_until

SERVERS = pytest.mark.parametrize("server", ["ministack", "elasticmq"])


def refuse(world, login, code):
    """A trigger refuses its row with the code, until the table `gate` is empty."""
    world.database.execute("CREATE TABLE gate AS SELECT 1 AS closed")
    world.database.execute(
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.user_id = '{login.row[0]}' AND "
        f"EXISTS (SELECT FROM gate) THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
    )
    world.database.execute("CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION refuse()")


def make_table(world):
    """As the program makes it."""
    world.program.run("--drain", "--max-messages", "1", env={"LOGINETL_QUEUE": world.queue.dlq.name})


@SERVERS
def test_rows_are_committed_in_order(make_world, server, request):
    world = make_world(request.getfixturevalue(server), fifo=True)
    groups = Groups(world, logins.make(120, seed=80, bad=0.03))
    world.program.drain("--connections", "3", "--batch-rows", "7")
    assert groups.check_order() > 120 // 7
    world.check_rows()
    letters = world.check_dead_letters()
    assert letters, "the test's own logins are all good"
    for letter in letters:
        attributes = letter["Attributes"]
        login = world.ids[attributes["MessageDeduplicationId"]]
        group = next(i for i, members in enumerate(groups.groups) if login in members)
        assert attributes["MessageGroupId"] == f"group-{group}"


def test_rows_are_committed_in_order_without_a_ledger(make_world, ministack):
    world = make_world(ministack, fifo=True)
    groups = Groups(world, logins.make(60, seed=86, bad=0.03))
    world.program.drain("--dedupe", "off", "--connections", "3", "--batch-rows", "7")
    assert groups.check_order() > 60 // 7
    world.check_rows()
    world.check_dead_letters()


@SERVERS
def test_a_row_that_is_tried_again_holds_up_its_group_alone(make_world, server, request):
    world = make_world(request.getfixturevalue(server), fifo=True)
    make_table(world)
    some = logins.make(80, seed=81, bad=0)
    refuse(world, some[GROUPS * 5 + 1], "57014")  # the sixth of group 1: it takes too long
    groups = Groups(world, some)
    run = world.program.start("--wait-time", "1")  # a drain would give up
    wait_until(lambda: [groups.count(group) for group in range(GROUPS)] == [20, 5, 20, 20], run.tail)
    world.database.execute("DELETE FROM gate")
    wait_until(lambda: groups.count(1) == 20 and world.queue.is_empty(), run.tail)
    run.terminate()
    groups.check_order()
    world.check_rows()


@SERVERS
def test_a_rejected_row_holds_up_its_group_until_it_is_deleted(make_world, server, request):
    world = make_world(request.getfixturevalue(server), fifo=True)
    make_table(world)
    some = logins.make(80, seed=82, bad=0)
    culprit = some[GROUPS * 5 + 1]
    refuse(world, culprit, "23514")
    groups = Groups(world, some)
    summary = world.program.drain("--batch-rows", "50", status=(3,)).summary()
    assert (summary["inserted"], summary["rejected"], summary["dead_lettered"]) == (79, 1, 1)
    groups.groups[1].remove(culprit)
    groups.check_order()
    (letter,) = world.queue.dlq.take_all(1)
    assert letter["Body"] == culprit.body
    assert letter["Attributes"]["MessageGroupId"] == "group-1"


@SERVERS
def test_one_that_is_left_holds_up_its_group(make_world, server, request):
    world = make_world(request.getfixturevalue(server), fifo=True)
    bad = logins.reject("[]", "not_an_object")
    some = logins.make(40, seed=83, bad=0)
    some[GROUPS * 3 + 1] = bad  # the fourth of group 1
    groups = Groups(world, some)
    run = world.program.drain("--on-reject", "leave", status=(3,))
    summary = run.summary()
    assert (summary["inserted"], summary["rejected"], summary["released"]) == (33, 1, 6)
    assert [groups.count(group) for group in range(GROUPS)] == [10, 3, 10, 10]
    assert run.events("fifo")
    assert sum(world.queue.counts()) == 7


@SERVERS
def test_two_workers_and_kill_9(make_world, server, request):
    world = make_world(request.getfixturevalue(server), fifo=True, visibility=5)
    groups = Groups(world, logins.make(400, seed=84, bad=0))
    args = ("--visibility-timeout", "5", "--batch-rows", "10", "--wait-time", "1")
    runs = [world.program.start(*args) for _ in range(2)]
    for goal in (40, 120):
        wait_until(lambda goal=goal: world.database.has_table() and world.database.count() >= goal, runs[0].tail)
        runs.pop(0).kill9()
        groups.check_order()
        runs.append(world.program.start(*args))
    wait_until(world.queue.is_empty, runs[0].tail)
    for run in runs:
        run.terminate()
    groups.check_order()
    world.check()


@SERVERS
def test_send(make_world, server, request, tmp_path):
    world = make_world(request.getfixturevalue(server), fifo=True)
    lines = [login.body for login in logins.make(12, seed=85, bad=0, unusual=0)]
    (tmp_path / "logins").write_text("\n".join([*lines, lines[0], lines[1], "[]"]))
    assert world.program.run("send", tmp_path / "logins").status == 0
    groups = {}
    for message in world.queue.take_all(15):
        groups.setdefault(message["Attributes"]["MessageGroupId"], []).append(message["Body"])
    assert sorted(groups.values()) == sorted([[line] * (2 if line in lines[:2] else 1) for line in lines] + [["[]"]])
    assert world.program.run("send", "--group-id", "one", tmp_path / "logins").status == 0
    taken = world.queue.take_all(15)
    assert [message["Body"] for message in taken] == [*lines, lines[0], lines[1], "[]"]
    assert {message["Attributes"]["MessageGroupId"] for message in taken} == {"one"}


class Refusing:
    """A FIFO queue that takes no message at its first attempt to be the first of a request: for the moment, it says."""

    def __init__(self):
        self.taken, self.refused = [], set()

    def __call__(self, request):
        answer = {"Successful": [], "Failed": []}
        for place, entry in enumerate(request.fields["Entries"]):
            number = entry["MessageDeduplicationId"]
            if place == 0 and number not in self.refused:
                self.refused.add(number)
                answer["Failed"].append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                self.taken.append((entry["MessageGroupId"], entry["MessageBody"]))
                answer["Successful"].append({"Id": entry["Id"], "MessageId": number})
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()


def test_send_to_a_queue_that_refuses_for_the_moment(program, scripted, tmp_path):
    """A message that is sent again keeps its place in its group."""
    queue = scripted.answers["SendMessageBatch"] = Refusing()
    lines = [json.dumps({"user_id": str(i % 4), "locale": str(i)}) for i in range(24)]
    (tmp_path / "logins").write_text("\n".join(lines))
    result = program.run("send", "--queue-url", f"{scripted.url}/000000000000/q.fifo", tmp_path / "logins")
    assert result.status == 0, result
    assert queue.refused, "the test met what it is for"
    groups = {}
    for group, body in queue.taken:
        groups.setdefault(group, []).append(body)
    assert sorted(groups.values()) == sorted(lines[user::4] for user in range(4))
