"""Queues of every form that a URL or an ARN can have: where requests go, for whom they are signed, and what they ask for."""

import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lib.queues import CREDENTIALS
from test_aws_choice import ENV_KEYS, ours, surroundings, theirs

# URL, the region that it is signed for, the Host header. Over http here: a proxy that is every host answers.
FORMS = [
    ("http://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1", "sqs.eu-west-1.amazonaws.com"),
    ("http://eu-west-1.queue.amazonaws.com/123456789012/q", "eu-west-1", "eu-west-1.queue.amazonaws.com"),
    ("http://queue.amazonaws.com/123456789012/q", "us-east-1", "queue.amazonaws.com"),
    ("http://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/q", "us-gov-west-1", "sqs-fips.us-gov-west-1.amazonaws.com"),
    ("http://sqs.cn-north-1.amazonaws.com.cn/123456789012/q/", "cn-north-1", "sqs.cn-north-1.amazonaws.com.cn"),
    ("http://vpce-01-ab.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q", "eu-west-1", "vpce-01-ab.sqs.eu-west-1.vpce.amazonaws.com"),
    ("HTTP://SQS.EU-West-1.AmazonAWS.com:80/123456789012/Q-q_1.fifo", "eu-west-1", "sqs.eu-west-1.amazonaws.com"),
    (
        "http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/q",
        "eu-west-1",
        "sqs.eu-west-1.localhost.localstack.cloud:4566",
    ),
    ("http://emulator:4566/queue/eu-west-1/000000000000/q", "eu-west-1", "emulator:4566"),
    ("http://emulator:9324/queue/q/", "us-east-1", "emulator:9324"),
    ("http://[fd00::1]:9324/000000000000/q", "us-east-1", "[fd00::1]:9324"),
]


def signature(request, host, region):
    """As botocore makes it for what arrived."""
    signed = request.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: request.headers[name] for name in signed if name != "host"}
    copy = AWSRequest("POST", f"http://{host}{request.path}", data=request.body, headers=headers)
    copy.context["timestamp"] = request.headers["X-Amz-Date"]
    keys = Credentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    auth = SigV4Auth(keys, "sqs", region)
    return auth.signature(auth.string_to_sign(copy, auth.canonical_request(copy)), copy)


@pytest.mark.parametrize("url, region, host", FORMS, ids=[form[0] for form in FORMS])
def test_a_url_of_each_form(program, scripted, tmp_path, url, region, host):
    (tmp_path / "logins").write_text('{"user_id":"1"}\n')
    result = program.run("send", "--queue-url", url, tmp_path / "logins", env={"http_proxy": scripted.url, "AWS_REGION": None})
    assert result.status == 0, result
    (request,) = scripted.requests
    assert request.operation == "SendMessageBatch" and request.path == "/"
    assert request.fields["QueueUrl"] == url, "it is sent as it is"
    assert request.headers["Host"] == host and request.region == region
    assert request.headers["Authorization"].endswith("Signature=" + signature(request, host, region))


def test_a_folder_is_no_file(program, scripted, tmp_path):
    """It is told before anything is asked, as of a file that is missing."""
    result = program.run("send", tmp_path, env={"AWS_ENDPOINT_URL": scripted.url})
    assert result.status == 2 and f"loginetl: send: {tmp_path} is a folder" in result.stderr and not scripted.requests, result


DUALSTACK, FIPS = {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {"AWS_USE_FIPS_ENDPOINT": "true"}
ENDPOINTS = [
    ("us-gov-west-1", {}),
    ("us-iso-east-1", {}),
    ("us-isob-east-1", {}),
    ("eu-isoe-west-1", {}),
    ("us-isof-south-1", {}),
    ("eusc-de-east-1", {}),
    ("eu-west-1", DUALSTACK),
    ("cn-north-1", DUALSTACK),
    ("us-east-1", FIPS),
]


@pytest.mark.parametrize("region, kind", ENDPOINTS)
def test_the_endpoints_of_botocore(tmp_path, monkeypatch, region, kind):
    """Whichever endpoint botocore takes for a region: so do we, and of a queue's URL there the region is found again."""
    environment = surroundings(tmp_path, None, None, {**ENV_KEYS, **kind, "AWS_DEFAULT_REGION": region})
    endpoint = theirs(monkeypatch, environment, [])["endpoint"]
    assert ours(environment, [])["endpoint"] == endpoint
    del environment["AWS_DEFAULT_REGION"]
    got = ours(environment, ["--queue-url", f"{endpoint}/123456789012/q"])
    assert (got["region"], got["endpoint"]) == (region, endpoint)


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_a_queue_of_another_account(program, scripted, database, protocol):
    """By its ARN: its account is named, its region is taken, and its dead-letter queue is looked for in that account."""
    arn = "arn:aws:sqs:eu-west-1:210987654321:login-queue.fifo"
    dead = arn.replace("queue", "dead")
    scripted.attributes = {"QueueArn": arn, "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})}
    env = {"AWS_ENDPOINT_URL": scripted.url, "AWS_REGION": None, "DATABASE_URL": database.url}
    result = program.run("check", "--queue", arn, "--sqs-protocol", protocol, env=env)
    asked = [(request.fields["QueueName"], request.fields.get("QueueOwnerAWSAccountId")) for request in scripted.of("GetQueueUrl")]
    assert asked == [("login-queue.fifo", "210987654321"), ("login-dead.fifo", "210987654321")], result
    assert {request.region for request in scripted.requests} == {"eu-west-1"}
    assert {request.protocol for request in scripted.requests} == {protocol}
    assert f"ok    queue        {scripted.url}/210987654321/login-queue.fifo\n" in result.stdout
    assert f"ok    dead letters {scripted.url}/210987654321/login-dead.fifo\n" in result.stdout


@pytest.mark.parametrize("by_url", [False, True])
def test_whose_dead_letter_queue(program, scripted, database, by_url):
    """A queue that its name alone finds is our own, and so is its account's dead-letter queue. Who gives a URL may mean
    another's: without its account, a queue of that name among our own would get its dead letters."""
    own = "arn:aws:sqs:us-east-1:000000000000:login-"
    scripted.attributes = {"QueueArn": own + "queue", "RedrivePolicy": json.dumps({"deadLetterTargetArn": own + "dead", "maxReceiveCount": 3})}
    env = {"AWS_ENDPOINT_URL": scripted.url, "DATABASE_URL": database.url}
    program.run("check", *(["--queue-url", f"{scripted.url}/000000000000/login-queue"] if by_url else []), env=env)
    asked = [request for request in scripted.of("GetQueueUrl") if request.fields["QueueName"] == "login-dead"]
    assert [request.fields.get("QueueOwnerAWSAccountId") for request in asked] == ["000000000000" if by_url else None]


@pytest.mark.parametrize(
    "args, words",
    [
        (["--queue-url", "http://sqs.eu-west-1.localhost:1/1/q"], "--queue-url names the region eu-west-1"),
        (["--queue", "arn:aws:sqs:eu-west-1:000000000001:q"], "--queue names the region eu-west-1"),
        (["--dlq-url", "http://sqs.eu-west-1.localhost:1/1/q"], "--dlq-url names the region eu-west-1"),
    ],
)
def test_regions_that_differ(program, scripted, database, args, words):
    """As with the SDKs, the region that is given counts; that another is named is told."""
    env = {"AWS_ENDPOINT_URL": scripted.url, "AWS_REGION": "us-west-2", "DATABASE_URL": database.url}
    result = program.run("check", *args, env=env)
    words += ", and requests are signed for us-west-2, by AWS_REGION: a queue is known in its own region only"
    assert f"warn  settings     {words}\n" in result.stdout, result
    assert {request.region for request in scripted.requests} == {"us-west-2"}
    drain = program.run("--drain", *args, env=env)
    assert [event["text"] for event in drain.events if event["event"] == "settings"] == [words], drain


def test_a_profiles_region_that_differs(program, scripted, database, tmp_path):
    """It is said where it comes from, too."""
    (tmp_path / "config").write_text("[default]\nregion = us-west-2\n")
    env = {"AWS_ENDPOINT_URL": scripted.url, "AWS_REGION": None, "AWS_CONFIG_FILE": str(tmp_path / "config"), "DATABASE_URL": database.url}
    result = program.run("check", "--queue", "arn:aws:sqs:eu-west-1:000000000001:q", env=env)
    assert "requests are signed for us-west-2, by the profile's region: a queue is known" in result.stdout, result


def test_regions_that_agree(program, scripted, database):
    """Nothing is told of them."""
    env = {"AWS_ENDPOINT_URL": scripted.url, "AWS_REGION": "eu-west-1", "DATABASE_URL": database.url}
    for args in (["--queue-url", "http://sqs.eu-west-1.localhost:1/1/q"], ["--queue", "arn:aws:sqs:eu-west-1:000000000001:q"]):
        assert "warn  settings" not in program.run("check", *args, env=env).stdout


def test_aws_over_http(program, scripted, database):
    args = ["--queue-url", "http://sqs.us-east-1.amazonaws.com/123456789012/q", "--dlq-url", f"{scripted.url}/1/dead"]
    result = program.run("check", *args, env={"http_proxy": scripted.url, "AWS_REGION": None, "DATABASE_URL": database.url})
    assert "warn  settings     requests go to AWS over http://" in result.stdout, result


COME_BACK = "names the queue itself: rejected messages would come back for ever"
SAME_QUEUE = [
    ("queue/login-queue/", "000000000000/login-queue"),
    ("000000000000/login-queue/", "queue/us-east-1/000000000000/login-queue"),
    ("000000000000/login-queue.fifo", "000000000000/login-queue.fifo"),
]


@pytest.mark.parametrize("name, own", SAME_QUEUE)
def test_dead_letters_that_would_come_back(program, scripted, database, name, own):
    """The queue itself, in another of its server's styles: refused before anything is asked."""
    env = {"AWS_ENDPOINT_URL": scripted.url, "DATABASE_URL": database.url}
    args = ["--queue-url", f"{scripted.url}/{name}", "--dlq-url", f"{scripted.url}/{own}"]
    for command in ("--drain", "check"):
        result = program.run(command, *args, env=env)
        assert result.status == 2 and result.stderr.startswith("loginetl: --dlq-url: ") and COME_BACK in result.stderr, result
    used = program.run("check", *args, "--on-reject", "leave", env=env)
    assert "FAIL  dead letters" not in used.stdout, "it is not used then"


def test_dead_letters_that_would_come_back_to_a_queue_by_name(world):
    """That is known when it has been looked up: a drain and check say the same."""
    drain, check = (world.program.run(command, "--dlq-url", world.queue.url) for command in ("--drain", "check"))
    words = f"--dlq-url {COME_BACK}; name another queue"
    assert drain.status == 1 and [event["text"] for event in drain.events if event["event"] == "failed"] == [words], drain
    assert check.status == 1 and f"FAIL  dead letters {words}\n" in check.stdout, check


@pytest.mark.parametrize("end, dead_end, words", [("", ".fifo", "is a FIFO queue's: "), (".fifo", "", "is a standard queue's: ")])
def test_a_dead_letter_queue_of_another_kind(program, end, dead_end, words):
    """AWS allows none: refused before anything is asked, unless it would not be used."""
    name, url = "login-queue" + end, "http://127.0.0.1:1/000000000000/login-queue"
    dead = f"http://127.0.0.1:1/000000000000/dead{dead_end}"
    for queue in (["--queue", name], ["--queue-url", url + end], ["--queue", f"arn:aws:sqs:us-east-1:000000000000:{name}"]):
        for command in ("check", "run"):
            result = program.run(command, *queue, "--dlq-url", dead, env={"DATABASE_URL": "bad"})
            assert result.status == 2 and "--dlq-url" in result.stderr and words in result.stderr, result
        result = program.run("check", *queue, "--dlq-url", dead, "--on-reject", "leave", env={"DATABASE_URL": "bad"})
        assert result.status == 2 and "--dlq-url" not in result.stderr, result


@pytest.mark.parametrize("server", ["ministack", "elasticmq", "fauxqs"])
def test_a_dead_letter_queue_of_a_queue_by_url(make_world, request, server):
    """Servers know it when its account is named, and an ARN does for the queue itself."""
    world = make_world(request.getfixturevalue(server))
    name = world.queue.url.rpartition("/")[2]
    for args in (["--queue-url", world.queue.url], ["--queue", f"arn:aws:sqs:us-east-1:000000000000:{name}"]):
        result = world.program.run("check", *args)
        assert result.status == 0 and f"ok    dead letters {world.queue.dlq.url}\n" in result.stdout, result
