"""A hot standby of a cluster, which can take its place."""

import subprocess
from urllib.parse import urlsplit

from .postgres import PASSWORD, Cluster, binaries
from .processes import wait_until


class Standby(Cluster):
    def __init__(self, folder, primary, **settings):
        self.primary = primary
        super().__init__(folder, **settings)

    def _initdb(self):
        command = [*self.prefix, binaries() / "pg_basebackup", "-D", self.data, "--write-recovery-conf", "--no-sync"]
        command += ["--checkpoint=fast", "--wal-method=stream", "-d", self.primary.url("postgres")]
        subprocess.run(command, check=True, capture_output=True, cwd=self.home)

    def keep_up(self):
        """From now on the primary confirms nothing that has not arrived here."""
        with self.primary.connect() as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("SELECT pg_reload_conf()")
            state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            wait_until(lambda: admin.execute(state).fetchone()[0] == 1, self.process.tail)

    def promote(self):
        with self.connect() as admin:
            assert admin.execute("SELECT pg_promote()").fetchone()[0]


def url_of(database, *clusters):
    """That finds the database on whichever of these takes writes."""
    hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in clusters)
    user = urlsplit(database.url).username
    return f"postgresql://{user}:{PASSWORD}@{hosts}/{database.name}"
