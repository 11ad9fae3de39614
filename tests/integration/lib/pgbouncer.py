"""pgbouncer between the program and a cluster."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from .postgres import PASSWORD
from .processes import Process, free_port, tied, wait_until

SETTINGS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "default_pool_size": 4,
    "server_login_retry": 0.2,
    "max_client_conn": 100,
}


def binary():
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise FileNotFoundError("pgbouncer is not installed: deps/install.sh all")
    return found


class PgBouncer:
    """Refuses to run as root, as the server does, and then runs as the same user."""

    def __init__(self, folder, database, mode, **settings):
        """For one test's database and its role."""
        self.folder, self.database = folder, database
        self.home = Path(tempfile.mkdtemp(prefix="loginetl-pgbouncer-"))
        self.home.chmod(0o755)
        self.settings = {**SETTINGS, "pool_mode": mode, "auth_file": self.home / "users", **settings}
        (self.home / "users").write_text(f'"{database.name}" "{PASSWORD}"\n')
        self.port = free_port()
        self.process = None
        self.start()

    def _configure(self):
        lines = ["[databases]", f"* = host=127.0.0.1 port={self.database.cluster.port}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in dict(self.settings, listen_port=self.port).items()]
        (self.home / "config").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            for path in (self.home, self.home / "users", self.home / "config"):
                os.chown(path, user.pw_uid, user.pw_gid)

    def start(self):
        """On the same port as before."""
        for _ in range(3):
            self._configure()
            command = [*self.database.cluster.prefix, *tied([binary(), self.home / "config"])]
            self.process = Process("pgbouncer", command, self.folder, cwd=self.home)
            wait_until(lambda: self.accepts() or not self.process.running(), self.process.tail, every=0.05)
            if self.process.running():
                return
            self.port = free_port()
        raise AssertionError(self.process.tail())

    @property
    def url(self):
        parts = urlsplit(self.database.url)
        return urlunsplit(parts._replace(netloc=f"{self.database.name}:{PASSWORD}@127.0.0.1:{self.port}"))

    def accepts(self):
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
            return True
        except psycopg.OperationalError:
            return False

    def halt(self, how):
        self.process.stop(60, how)

    def stop(self):
        self.process.stop()
        shutil.rmtree(self.home, ignore_errors=True)
