"""Certificates of a test run's own, by the openssl command: a root, an authority below it that signs the servers', and what is
wrong with certificates, with dates relative to now."""

import subprocess
from datetime import datetime, timedelta, timezone

DAY = timedelta(days=1)
ADDRESS = "IP:127.0.0.1"

#: Names of database servers, as RDS and as nobody in particular would call them.
RDS_HOST = "logins.abc123.eu-west-1.rds.amazonaws.com"
HOST = "db.loginetl.example"

CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/{name}.index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
[leaf]
subjectAltName = {names}
"""


def stamp(moment):
    return moment.strftime("%Y%m%d%H%M%SZ")


class Certificate:
    """Its files: cert, key, and chain, which a server sends: the certificate and the authorities between it and a root."""

    def __init__(self, folder, name):
        self.name = name
        self.cert, self.key, self.chain = (folder / f"{name}.{what}" for what in ("pem", "key", "chain"))


class Pki:
    def __init__(self, folder):
        self.folder = folder
        self.root = self.make("root", None, authority=True)
        self.between = self.make("between", self.root, authority=True)
        self.other_root = self.make("other", None, authority=True)

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=self.folder)

    def make(self, name, issuer, names=ADDRESS, authority=False, begins=-DAY, ends=DAY, subject=None):
        """Signed by the issuer, by itself without one."""
        made = Certificate(self.folder, name)
        config, request = self.folder / f"{name}.conf", self.folder / f"{name}.csr"
        config.write_text(CONFIG.format(folder=self.folder, name=name, names=names))
        (self.folder / f"{name}.index").write_text("")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self._openssl("req", "-new", *curve, "-subj", f"/CN={subject or name}", "-config", config, "-keyout", made.key, "-out", request)
        by = ["-cert", issuer.cert, "-keyfile", issuer.key] if issuer else ["-selfsign", "-keyfile", made.key]
        now = datetime.now(timezone.utc)
        dates = ["-startdate", stamp(now + begins), "-enddate", stamp(now + ends)]
        section = "authority" if authority else "leaf"
        words = ["-batch", "-notext", "-config", config, "-extensions", section, "-in", request, "-out", made.cert]
        self._openssl("ca", *by, *dates, *words)
        above = issuer.chain.read_text() if issuer and issuer.chain.exists() else ""
        made.chain.write_text(made.cert.read_text() + above if issuer else "")
        return made

    def __getattr__(self, name):
        """Made when a test first asks for it."""
        how = {
            "queue": lambda: self.make(name, self.between),
            "database": lambda: self.make(name, self.between, f"{ADDRESS},DNS:{HOST},DNS:{RDS_HOST}"),
            "elsewhere": lambda: self.make(name, self.between, "DNS:elsewhere.example"),
            "expired": lambda: self.make(name, self.between, f"{ADDRESS},DNS:{HOST}", begins=-3 * DAY, ends=-DAY),
            "not_yet": lambda: self.make(name, self.between, f"{ADDRESS},DNS:{HOST}", begins=DAY, ends=3 * DAY),
            "stranger": lambda: self.make(name, self.other_root, f"{ADDRESS},DNS:{HOST}"),
            "own": lambda: self.make(name, None, f"{ADDRESS},DNS:{HOST}"),
            "client": lambda: self.make(name, self.between, "DNS:client.example", subject="client_by_certificate"),
        }
        if name not in how:
            raise AttributeError(name)
        setattr(self, name, how[name]())
        return getattr(self, name)
