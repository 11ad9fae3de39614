"""A PostgreSQL cluster of the tests' own, and a database in it for each test."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from .processes import Process, free_port, wait_until

PASSWORD = "not-a-secret"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",  # in its own folder: what is killed leaves nothing in /dev/shm
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
}


def binaries():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).parent
    raise FileNotFoundError("PostgreSQL is not installed: deps/install.sh quickstart")


class Cluster:
    """PostgreSQL refuses to run as root; then it runs as the user postgres, in a folder of that user's."""

    homes = None  # the folder of these folders; None: where temporary files go

    def __init__(self, folder, initdb=(), **settings):
        """initdb: more options for it."""
        self.folder = Path(folder)
        self.settings = dict(SETTINGS, **settings)
        self.options = initdb
        self.home = Path(tempfile.mkdtemp(prefix="loginetl-postgres-", dir=self.homes))
        self.data = self.home / "data"
        self.prefix = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.home, user.pw_uid, user.pw_gid)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.under = []  # words of a command that becomes the server
        self._initdb()
        self.process = None
        self.port = free_port()
        self.start()

    def _initdb(self):
        password_file = self.home / "password"
        password_file.write_text(PASSWORD)
        password_file.chmod(0o644)
        subprocess.run(
            [
                *self.prefix,
                binaries() / "initdb",
                "-D",
                self.data,
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--no-sync",
                *self.options,
            ],
            check=True,
            capture_output=True,
            cwd=self.home,
        )

    def start(self):
        """Starts it, on the same port when it ran before."""
        for _ in range(3):
            options = [
                word
                for name, value in dict(self.settings, port=self.port).items()
                for word in ("-c", f"{name}={value}")
            ]
            prefix = self.prefix or ["setpriv"]
            self.process = Process(
                "postgres",
                [*self.under, *prefix, "--pdeathsig", "INT", binaries() / "postgres", "-D", self.data, *options],
                self.folder,
                cwd=self.home,
            )
            wait_until(lambda: self.accepts() or not self.process.running(), self.process.tail, every=0.05)
            if self.process.running():
                return
            self.port = free_port()
        raise AssertionError(self.process.tail())

    def accepts(self):
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            return True
        except psycopg.OperationalError:
            return False

    def url(self, database, user="postgres", password=PASSWORD):
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres"):
        return psycopg.connect(self.url(database), autocommit=True)

    def halt(self, how=signal.SIGINT):
        """Ends the server and leaves its data: SIGINT is pg_ctl's fast, SIGQUIT its immediate, SIGTERM its smart."""
        self.process.stop(60, how)

    def stop(self):
        self.halt()
        shutil.rmtree(self.home, ignore_errors=True)


class Database:
    """One test's database, with a role that owns it and nothing else."""

    COLUMNS = "user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date"

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        with cluster.connect() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD))
            )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(name))
            )
        self.connect()

    def connect(self):
        self.connection = self.cluster.connect(self.name)
        # Tables that a test makes belong to the program's role, as they would where it is used.
        self.connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(self.name)))

    @property
    def url(self):
        return self.cluster.url(self.name, self.name)

    def execute(self, statement, *values):
        return self.connection.execute(statement, values or None)

    def fetch(self, statement, *values):
        return self.execute(statement, *values).fetchall()

    def value(self, statement, *values):
        return self.fetch(statement, *values)[0][0]

    def has_table(self, table="user_logins"):
        return self.value("SELECT to_regclass(%s) IS NOT NULL", table)

    def rows(self, table="user_logins"):
        return self.fetch(f"SELECT {self.COLUMNS} FROM {table}")

    def count(self, table="user_logins"):
        """0 while the program has not made the table yet."""
        return self.value(f"SELECT count(*) FROM {table}") if self.has_table(table) else 0

    def ledger(self, table="loginetl_ledger"):
        """The message ids that the ledger holds."""
        return {str(row[0]) for row in self.fetch(f"SELECT message_id FROM {table}")}

    @contextmanager
    def locked(self, table="user_logins"):
        """Nobody can insert. To be asked for when the program is ready: preparing a statement waits for the lock too."""
        with self.cluster.connect(self.name) as other, other.transaction():
            other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            yield

    def connections(self):
        """Connections to this database but our own."""
        return self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", self.name
        )

    def drop(self):
        self.connection.close()
        with self.cluster.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(self.name)))


class TlsCluster(Cluster):
    """A cluster whose certificate and rules of who may connect how can be changed while it runs."""

    def __init__(self, folder, pki):
        super().__init__(folder)
        self.pki = pki
        self.rules = (self.data / "pg_hba.conf").read_text()
        (self.data / "clients.pem").write_text(pki.root.cert.read_text())
        self._own("clients.pem")
        self.admin = self.connect()  # for what a new session is not needed for: each takes a while
        self._look()
        self.present(pki.database)

    def _own(self, *names):
        status = (self.data / "PG_VERSION").stat()
        for name in names:
            os.chown(self.data / name, status.st_uid, status.st_gid)
            (self.data / name).chmod(0o600)

    def _look(self):
        """When it has read its settings last. A new session knows; it waits for nobody."""
        with self.connect() as connection:
            self.loaded = connection.execute("SELECT pg_conf_load_time()").fetchone()
        return self.loaded

    def _change(self, *statements):
        """A new session has what the server itself has loaded."""
        for statement in (*statements, "SELECT pg_reload_conf()"):
            self.admin.execute(statement)
        before = self.loaded
        wait_until(lambda: self._look() != before, "the server has not taken its new settings")

    def present(self, certificate):
        """From now on it is this server certificate that clients see."""
        names = [f"{certificate.name}.{what}" for what in ("crt", "key")]
        for name, path in zip(names, (certificate.chain, certificate.key)):
            shutil.copy(path if path.read_text() else certificate.cert, self.data / name)
        self._own(*names)
        self._change(
            f"ALTER SYSTEM SET ssl_cert_file = '{names[0]}'",
            f"ALTER SYSTEM SET ssl_key_file = '{names[1]}'",
            "ALTER SYSTEM SET ssl_ca_file = 'clients.pem'",
            "ALTER SYSTEM SET ssl = on",
        )

    def admit(self, *lines):
        """Lines of pg_hba.conf that go before all others."""
        (self.data / "pg_hba.conf").write_text("".join(f"{line}\n" for line in lines) + self.rules)
        self._change()

    def stop(self):
        self.admin.close()
        super().stop()
