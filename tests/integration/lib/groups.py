"""Logins in the groups of a FIFO queue, and whether their rows were committed in order.

Transaction ids tell the order: a row of a group is written only when those before it are committed, or with them."""

GROUPS = 4


class Groups:
    """Logins, the next one for the next of some groups, in the order they were sent in."""

    def __init__(self, world, some):
        self.world = world
        self.groups = [some[group::GROUPS] for group in range(GROUPS)]
        for group, members in enumerate(self.groups):
            ids = world.queue.send_group(f"group-{group}", [login.body for login in members])
            world.ids.update(zip(ids, members))
            world.sent += members

    def transactions(self, group):
        """Of each good login of the group, None when it is no row."""
        rows = dict(self.world.database.fetch("SELECT user_id, xmin::text::bigint FROM user_logins"))
        return [rows.get(login.row[0]) for login in self.groups[group] if login.good]

    def check_order(self):
        """What there is of each group is its beginning, committed in its order."""
        statements = set()
        for group in range(GROUPS):
            found = self.transactions(group)
            rows = [transaction for transaction in found if transaction is not None]
            assert found[: len(rows)] == rows, "a row is there, and one before it in its group is not"
            assert rows == sorted(rows), "a row was committed before one that stands before it in its group"
            statements.update(rows)
        return len(statements)

    def count(self, group):
        return sum(transaction is not None for transaction in self.transactions(group))
