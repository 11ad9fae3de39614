"""Real SQS servers on loopback, each on a port of its own, for as long as the tests run."""

import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request

from .processes import TOOLS, Process, free_port, tied, wait_until
from .queues import Sqs

ACCOUNT = "000000000000"

ELASTICMQ = """
include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-hostname = "127.0.0.1", bind-port = {port}, sqs-limits = strict }}
rest-stats {{ enabled = false }}
generate-node-address = false
aws {{ region = us-east-1, accountId = {account} }}
queues {{ }}
"""

# Its command line logs every request, which halves its rate, so it is started as a library.
FAUXQS = "import('fauxqs').then(m => m.startFauxqs({{port: {port}, logger: false, host: '127.0.0.1'}}))"


def tool(path, target):
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: tests/integration/servers/install.sh {target}")
    return path


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


class Server:
    """Started at once, retried on another port if somebody was faster; ready when it answers."""

    def __init__(self, name, folder, command, health, env=None, query_only=False):
        for _ in range(3):
            self.port = free_port()
            self.url = f"http://127.0.0.1:{self.port}"
            words, cwd = command(self.port)
            self.process = Process(
                name, tied(words), folder, env=dict(os.environ, **(env or (lambda port: {}))(self.port)), cwd=cwd
            )
            wait_until(lambda: answers(self.url + health) or not self.process.running(), self.process.tail, every=0.05)
            if self.process.running():
                break
        else:
            raise AssertionError(self.process.tail())
        self.sqs = Sqs(self.url, query_only)

    def stop(self):
        self.process.stop()


def ministack(folder):
    program = tool(TOOLS / "ministack/bin/ministack", "ministack")
    return Server(
        "ministack",
        folder,
        lambda port: ([program], folder),
        "/_ministack/health",
        lambda port: {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "sqs,sns,sts,events", "LOG_LEVEL": "WARNING"},
    )


def elasticmq_of(target, folder, **how):
    jars = tool(TOOLS / target / "lib", target)

    def command(port):
        config = folder / f"{target}.conf"
        config.write_text(ELASTICMQ.format(port=port, account=ACCOUNT))
        # One collector thread and the first compiler only: the machine is shared with what is tested.
        return (
            [
                "java",
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                f"-Dconfig.file={config}",
                "-cp",
                f"{jars}/*",
                "org.elasticmq.server.Main",
            ],
            folder,
        )

    return Server(target, folder, command, **how)


def elasticmq(folder):
    return elasticmq_of("elasticmq", folder, health="/health")


def elasticmq_0(folder):
    return elasticmq_of("elasticmq-0", folder, health="/?Action=ListQueues", query_only=True)


def node():
    """The installed one if it is new enough, else the one that came with the server."""
    own = TOOLS / "fauxqs/node"
    if own.exists():
        return own
    found = shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout if found else ""
    if not (match := re.match(r"v(\d+)", version)) or int(match[1]) < 20:
        raise FileNotFoundError("no node >= 20: tests/integration/servers/install.sh fauxqs")
    return found


def fauxqs(folder):
    home = tool(TOOLS / "fauxqs/node_modules", "fauxqs").parent
    return Server("fauxqs", folder, lambda port: ([node(), "-e", FAUXQS.format(port=port)], home), "/health")


def localstack_of(target, folder, arguments, **how):
    python = tool(TOOLS / target / "bin/python", target)
    home = folder / target
    home.mkdir(exist_ok=True)
    return Server(
        target,
        folder,
        lambda port: ([python, *arguments], home),
        "/_localstack/health",
        lambda port: {
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            "SERVICES": "sqs",
            "EAGER_SERVICE_LOADING": "0",
            "SQS_ENDPOINT_STRATEGY": "path",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "PERSISTENCE": "0",
            "LS_LOG": "warn",
            "FILESYSTEM_ROOT": str(home / "files"),
        },
        **how,
    )


def localstack(folder):
    return localstack_of("localstack", folder, ["-m", "localstack.runtime.main"])


def localstack_2(folder):
    start = "from localstack.services import infra; infra.start_infra()"
    return localstack_of("localstack-2", folder, ["-c", start], query_only=True)


def moto_of(target, folder, **how):
    program = tool(TOOLS / target / "bin/moto_server", target)
    command = [program, "-H", "127.0.0.1", "-p"]
    return Server(target, folder, lambda port: ([*command, port], folder), "/moto-api/", **how)


def moto(folder):
    return moto_of("moto", folder)


def moto_4(folder):
    return moto_of("moto-4", folder, query_only=True)
