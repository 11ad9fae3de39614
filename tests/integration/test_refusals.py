"""Whatever AWS, or what stands before it, says to wrong settings: one line that names the setting to look at, and never a
server's own words."""

import pytest

from lib.processes import free_port
from lib.scripted import error, page

SECRET = "explicit-deny-of-a-policy"
DENY = f"User: arn:aws:iam::111111111111:user/x is not authorized to perform: sqs:getqueueurl with an {SECRET}"
KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or --profile"
CLOCK = "check AWS_SECRET_ACCESS_KEY, --region and this machine's clock"
ACCOUNT = "in this region ({code}): enable it for the account, or check --region and whose credentials these are"
KEY = "GetQueueUrl on queue login-queue: its KMS key cannot be used ({code}): enable the key, or give the queue another one"
STRANGER = "answered GetQueueUrl as SQS does not (status {code}): check --endpoint-url, and whether a proxy or a portal"

# What is answered, what it is called by the Query protocol, its status, what is said of it
CODES = [
    ("InvalidClientTokenId", None, 403, KEYS),
    ("UnrecognizedClientException", None, 400, KEYS),
    ("InvalidSecurity", None, 403, KEYS),
    ("MissingAuthenticationToken", None, 403, KEYS),
    ("SignatureDoesNotMatch", None, 403, CLOCK),
    ("InvalidSignatureException", None, 400, CLOCK),
    ("RequestExpired", None, 400, CLOCK),
    ("ExpiredToken", None, 403, "AWS_SESSION_TOKEN, or renew the profile's"),
    ("ExpiredTokenException", None, 400, "AWS_SESSION_TOKEN, or renew the profile's"),
    ("AccessDenied", None, 403, "GetQueueUrl on queue login-queue is denied ({code}): allow the action sqs:GetQueueUrl in the policy"),
    ("AccessDeniedException", None, 400, "is denied ({code}): allow the action sqs:GetQueueUrl in the policy"),
    ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400, "queue login-queue does not exist at {url} ({code}): check --queue and --region"),
    ("InvalidAddress", None, 404, "queue login-queue does not exist at {url} ({code}): check --queue and --region"),
    ("OptInRequired", None, 403, "the account may not use SQS " + ACCOUNT),
    ("SubscriptionRequired", None, 403, "the account may not use SQS " + ACCOUNT),
    ("KmsOptInRequired", "KMS.OptInRequired", 403, "the account may not use KMS " + ACCOUNT),
    ("KmsAccessDenied", "KMS.AccessDeniedException", 400, "({code}): allow the action sqs:GetQueueUrl and kms:Decrypt, kms:GenerateDataKey"),
    ("KmsDisabled", "KMS.DisabledException", 400, KEY),
    ("KmsNotFound", "KMS.NotFoundException", 400, KEY),
    ("KmsInvalidState", "KMS.InvalidStateException", 400, KEY),
    ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400, "{url} refused GetQueueUrl ({code}): check --endpoint-url and --queue-url"),
]
PAGES = [(status, {}) for status in (400, 401, 403, 404, 407)] + [(status, {"Location": "https://portal.example/"}) for status in (301, 302, 307)]


def expect(program, scripted, database, protocol, words):
    """Of a drain in its last line, and of check in its line for the queue."""
    env = {"AWS_ENDPOINT_URL": scripted.url, "DATABASE_URL": database.url, "LOGINETL_SQS_PROTOCOL": protocol}
    drain = program.run("--drain", env=env)
    said = [event["text"] for event in drain.events if event.get("level") == "error"]
    assert drain.status == 1 and len(said) == 1 and words in said[0], (words, drain)
    check = program.run("check", env=env)
    said = [line for line in check.stdout.splitlines() if line.startswith("FAIL")]
    assert check.status == 1 and len(said) == 1 and said[0].startswith("FAIL  queue  ") and words in said[0], (words, check)
    assert SECRET not in drain.stdout + drain.stderr + check.stdout + check.stderr


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_codes(program, scripted, database, protocol):
    for code, old_code, status, words in CODES:
        scripted.answers["*"] = error(code, status, DENY, old_code)
        said = old_code if old_code and protocol == "query" else code
        expect(program, scripted, database, protocol, words.format(code=said, url=scripted.url))


@pytest.mark.parametrize("setting", ["--queue", "--queue-url"])
def test_a_queue_of_no_such_account(program, scripted, database, setting):
    """Who names an account may have named a wrong one."""
    scripted.answers["*"] = error("QueueDoesNotExist", 400, DENY, "AWS.SimpleQueueService.NonExistentQueue")
    named = {"--queue": "arn:aws:sqs:us-east-1:210987654321:login-queue", "--queue-url": f"{scripted.url}/210987654321/login-queue"}
    env = {"AWS_ENDPOINT_URL": scripted.url, "DATABASE_URL": database.url}
    result = program.run("check", setting, named[setting], env=env)
    words = f"(QueueDoesNotExist): check {setting}, its account 210987654321, and --region\n"
    assert result.status == 1 and f"queue login-queue does not exist at {scripted.url} {words}" in result.stdout, result


def test_pages(program, scripted, database):
    """Of a captive portal, of a proxy, of a web server."""
    for status, headers in PAGES:
        scripted.answers["*"] = page(status, f"<html><body>{SECRET}</body></html>", **headers)
        expect(program, scripted, database, "auto", STRANGER.format(code=status))


def test_what_passes(program, scripted, database):
    """These are tried again, and what is waited for is said at once. What a proxy's URL holds is nobody else's: there may be a
    password in it."""
    scripted.answers["*"] = page(200, f"<html>{SECRET}</html>")
    closed = f"127.0.0.1:{free_port()}"
    none = {"AWS_REGION": "eu-west-1", "DATABASE_URL": database.url}
    cases = {
        "is not one of SQS: does --endpoint-url name an SQS service, and should it be https://?": {**none, "AWS_ENDPOINT_URL": scripted.url},
        "check --region, the proxy that https_proxy names, NO_PROXY": {**none, "https_proxy": f"http://{closed}"},
        "check --endpoint-url, the proxy that http_proxy names, NO_PROXY": {**none, "http_proxy": f"http://{closed}", "AWS_ENDPOINT_URL": "http://sqs.test"},
        "check --endpoint-url, the proxy that all_proxy names, NO_PROXY": {**none, "all_proxy": f"http://{closed}", "AWS_ENDPOINT_URL": "http://sqs.test"},
        "(the proxy's URL is malformed): check --region, the proxy that HTTPS_PROXY": {**none, "HTTPS_PROXY": f"xyz://me:{SECRET}@{closed}"},
        "check --endpoint-url or the network": {**none, "AWS_ENDPOINT_URL": f"http://{closed}"},
    }
    runs = {words: program.start("--drain", env=env) for words, env in cases.items()}
    for words, run in runs.items():
        run.wait_event("queue_away")
        assert words in run.events("queue_away")[0]["text"]
        run.stop()
        assert SECRET not in run.stdout() + run.stderr(), words


def test_https_where_there_is_none(program, scripted, database):
    env = {"AWS_ENDPOINT_URL": scripted.url.replace("http", "https"), "DATABASE_URL": database.url}
    result = program.run("--drain", env=env)
    assert result.status == 1 and "check --endpoint-url, or its scheme" in result.stderr, result


@pytest.mark.parametrize("profile", [{"args": ["--profile", "nobody"]}, {"env": {"AWS_PROFILE": "nobody"}}], ids=["option", "variable"])
def test_a_profile_that_is_not_there(program, profile):
    result = program.run("--drain", *profile.get("args", []), env=profile.get("env"))
    assert result.status == 2, result
    source = "AWS_PROFILE" if "env" in profile else "the command line"
    assert result.stderr == f'loginetl: --profile: "nobody" is in neither of the AWS configuration files (from {source})\n'


def test_a_file_that_may_not_be_read(program, tmp_path):
    """Nobody may read memory at its first address, whoever he is."""
    result = program.run("--drain", env={"AWS_SHARED_CREDENTIALS_FILE": "/proc/self/mem"})
    assert result.status == 2 and "AWS_SHARED_CREDENTIALS_FILE: /proc/self/mem cannot be read" in result.stderr, result


@pytest.mark.parametrize("protocol", ["json", "query"])
@pytest.mark.parametrize("code, old_code, words", [("AccessDenied", None, "allow the action sqs:ReceiveMessage in the policy"),
                                                   ("KmsAccessDenied", "KMS.AccessDeniedException", "kms:Decrypt")])
def test_a_receive_that_is_denied(program, scripted, database, protocol, code, old_code, words):
    """Even a service ends: nobody but a person can mend it."""
    scripted.answers["ReceiveMessage"] = error(code, 400, DENY, old_code)
    result = program.run(env={"AWS_ENDPOINT_URL": scripted.url, "DATABASE_URL": database.url, "LOGINETL_SQS_PROTOCOL": protocol})
    assert result.status == 1 and words in result.stderr and SECRET not in result.stderr, result


def test_a_service_waits_for_its_key(program, scripted, database):
    """It may be enabled again, and credentials come back as well."""
    scripted.answers["ReceiveMessage"] = error("KmsDisabled", 400, DENY)
    run = program.start(env={"AWS_ENDPOINT_URL": scripted.url, "DATABASE_URL": database.url})
    run.wait_event("queue_failed")
    assert "ReceiveMessage on queue login-queue: its KMS key cannot be used (KmsDisabled)" in run.events("queue_failed")[0]["text"]
    scripted.answers["ReceiveMessage"] = error("InvalidClientTokenId", 403, DENY)
    run.wait_event("queue_failed", code="InvalidClientTokenId")
    del scripted.answers["ReceiveMessage"]
    run.wait_event("queue_recovered")
    assert run.terminate() == 0
