"""Our signatures against botocore's own, for a thousand random requests."""

import datetime
import functools
import random
import string
import subprocess
from urllib.parse import quote, urlsplit

import boto3
import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lib.processes import built_tool

REQUESTS = 1000
SEED = 20150830
SERVICES = ("sqs", "sts", "secretsmanager", "rds-db")
REGIONS = ("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1")
TEXT = string.ascii_letters + string.digits + "-._~ !$'()*+,;:@=&/%\"<>[]{}|\\^`é€😀"
HEADER = string.ascii_letters + string.digits + "-._~ !$'()*+,;:@=&/%\"<>[]{}|\\^`"


def text(dice, characters, most):
    return "".join(dice.choice(characters) for _ in range(dice.randint(0, most)))


def random_path(dice):
    """As it would be sent: encoded, and with the segments that a canonical path must not have."""
    segments = [dice.choice(("", ".", "..", "000000000000", quote(text(dice, TEXT, 12), safe=""))) for _ in range(dice.randint(0, 6))]
    return "/" + "/".join(segments)


def random_query(dice):
    names = [quote(text(dice, TEXT, 6), safe="") or "n" for _ in range(dice.randint(0, 6))]
    names += names[:1]
    dice.shuffle(names)
    return "&".join(f"{name}={quote(text(dice, TEXT, 8), safe='')}" for name in names)


def random_headers(dice):
    headers = {f"x-{text(dice, string.ascii_lowercase + '-', 8)}{number}": text(dice, HEADER, 30) for number in range(dice.randint(0, 6))}
    if dice.random() < 0.8:
        headers["content-type"] = "application/x-amz-json-1.0"
        headers["x-amz-target"] = "AmazonSQS.ReceiveMessage"
    return headers


class Case:
    def __init__(self, dice):
        self.moment = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=dice.randrange(3_000_000_000))
        self.service, self.region = dice.choice(SERVICES), dice.choice(REGIONS)
        self.keys = Credentials("AKID" + text(dice, string.ascii_uppercase, 16), "s" + text(dice, string.printable.strip(), 60),
                                dice.choice((None, "token/" + text(dice, string.ascii_letters + "+/=", 900))))
        self.method = dice.choice(("GET", "POST", "PUT"))
        self.path, self.query = random_path(dice), random_query(dice)
        self.host = dice.choice(("sqs.us-east-1.amazonaws.com", "localhost:4566", "127.0.0.1", "[::1]:8080"))
        self.headers = random_headers(dice)
        self.body = text(dice, TEXT, 300).encode() if self.method != "GET" else b""

    def signed(self):
        """botocore's request, signed at the case's moment."""
        url = f"http://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")
        assert urlsplit(url).path == self.path
        request = AWSRequest(self.method, url, data=self.body, headers=self.headers)
        request.context["timestamp"] = self.moment.strftime("%Y%m%dT%H%M%SZ")
        auth = SigV4Auth(self.keys, self.service, self.region)
        auth._modify_request_before_signing(request)
        signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        auth._inject_signature_to_request(request, signature)
        return request

    def line(self, request):
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() != "authorization"}
        headers["host"] = self.host
        fields = [self.region, self.service, self.keys.access_key, self.keys.secret_key, self.method, self.path, self.query]
        octets = [field.encode() for field in fields] + [self.body]
        for name in sorted(headers):
            octets += [name.encode(), headers[name].encode()]
        since = self.moment - datetime.datetime(1970, 1, 1)
        return "\t".join([str(int(since.total_seconds()) * 1000), *(octet.hex() for octet in octets)])


@pytest.fixture(scope="module")
def cases():
    dice = random.Random(SEED)
    return [Case(dice) for _ in range(REQUESTS)]


def test_signatures_are_botocores(cases):
    requests = [case.signed() for case in cases]
    lines = "".join(case.line(request) + "\n" for case, request in zip(cases, requests))
    answer = subprocess.run([built_tool("sign_tool")], input=lines, capture_output=True, text=True, timeout=60, check=True)
    ours = answer.stdout.splitlines()
    assert len(ours) == REQUESTS
    for case, request, line in zip(cases, requests, ours):
        assert line == request.headers["Authorization"], (case.method, case.path, case.query, case.headers)


# ---------------------------------------------------------------------------------------------------------------------
# Tokens for databases: presigned requests

HOSTS = (
    "logins.abc123.eu-west-1.rds.amazonaws.com",
    "Logins.Cluster-abc.us-gov-west-1.rds.amazonaws.com",
    "db.abc123.rds.cn-north-1.amazonaws.com.cn",
    "front.proxy-abc.us-east-1.rds.amazonaws.com",
    "127.0.0.1",
)


@functools.cache
def rds_client(keys):
    session = boto3.session.Session(keys.access_key, keys.secret_key, keys.token, region_name="us-west-2")
    return session.client("rds")


def botocores_token(moment, region, keys, host, port, user):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
        return rds_client(keys).generate_db_auth_token(host, port, user, region)


def token_cases(dice):
    """A client takes a while to make, so that few credentials sign many tokens."""
    for token in (None, "FwoGZXIvYXdzE//token+/==", text(dice, string.ascii_letters + "+/=", 900) + "="):
        keys = Credentials("AKID" + text(dice, string.ascii_uppercase, 16), "s" + text(dice, string.printable.strip(), 60), token)
        for _ in range(40):
            moment = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=dice.randrange(3_000_000_000))
            user = dice.choice(("loader", text(dice, TEXT, 30) + "u", "a+b@example.com", "ü/%20?&=#"))
            yield moment, dice.choice(REGIONS), keys, dice.choice(HOSTS), dice.choice((5432, 6432, 443, 80)), user


def test_tokens_for_databases_are_botocores():
    cases = list(token_cases(random.Random(SEED)))
    lines = ""
    for moment, region, keys, host, port, user in cases:
        fields = (region, keys.access_key, keys.secret_key, keys.token or "", host, str(port), user)
        since = moment - datetime.datetime(1970, 1, 1)
        lines += "\t".join([str(int(since.total_seconds()) * 1000), *(field.encode().hex() for field in fields)]) + "\n"
    answer = subprocess.run([built_tool("sign_tool"), "rds-token"], input=lines, capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.splitlines() == [botocores_token(*case) for case in cases]
