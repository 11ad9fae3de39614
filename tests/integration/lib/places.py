"""Where a database behind TLS is, as a libpq string: by the name in its certificate, at our own address."""

from .pki import HOST


def place(database, host=HOST, **more):
    """Another value for a keyword, or None for a default of libpq's."""
    words = {"host": host, "hostaddr": "127.0.0.1", "port": database.cluster.port, "dbname": database.name}
    words |= {"user": database.name, "sslmode": "verify-full", "sslrootcert": database.cluster.pki.root.cert, **more}
    return " ".join(f"{key}='{value}'" for key, value in words.items() if value is not None)
