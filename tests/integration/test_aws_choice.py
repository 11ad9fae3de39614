"""Which credentials, region and endpoint are chosen: ours and botocore's, from the same files and variables.

Nothing is asked of anybody: botocore's sources that would ask are told what to answer, and choice_tool only says which it
would ask. Where one refuses, so must the other.
"""

import json
import os
import subprocess
import textwrap

import botocore.credentials
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from lib.processes import built_tool

WORDS = {
    "env": "environment",
    "assume-role": "assume-role",
    "assume-role-with-web-identity": "web-identity",
    "sso": "sso",
    "shared-credentials-file": "profile",
    "config-file": "profile",
    "custom-process": "process",
    "container-role": "container",
    "iam-role": "instance",
}

CALLER = b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "envsecret"}
WEB_IDENTITY = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/w"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}


def keys(name):
    return f"aws_access_key_id = {name}KEY\naws_secret_access_key = {name}secret\n"


def role(name, more):
    return f"role_arn = arn:aws:iam::111111111111:role/{name}\n{more}\n"


SSO = "sso_account_id = 111111111111\nsso_role_name = r\n"
SESSION = "[sso-session corp]\nsso_start_url = https://x.example/start\nsso_region = eu-west-1\n"
SSO_IN = "[default]\nsso_start_url = https://x.example/start\nsso_region = %s\n" + SSO
SESSION_IN = "[default]\nsso_session = corp\n" + SSO + "%s" + SESSION.replace("eu-west-1", "%s")
SSO_TOKEN = {"accessToken": "t", "expiresAt": "2100-01-01T00:00:00Z"}
SSO_CLIENT = {"clientId": "c", "clientSecret": "s", "refreshToken": "r", "registrationExpiresAt": "2100-01-01T00:00:00Z"}
DEFAULT_AND_WORK = "[default]\n" + keys("D") + "[work]\n" + keys("W")

# name: (config, credentials, environment, arguments); None: there is no such file
CASES = {
    "nothing": (None, None, {}, []),
    "nothing-and-no-instance": (None, None, {"AWS_EC2_METADATA_DISABLED": "TRUE"}, []),
    "instance-not-disabled": (None, None, {"AWS_EC2_METADATA_DISABLED": "1"}, []),
    "instance-endpoint": (None, None, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://a:1"}, []),
    "instance-endpoint-of-profile": ("[default]\nec2_metadata_service_endpoint = http://p:3\n", None, {}, []),
    "instance-endpoint-before-profile-s": (
        "[default]\nec2_metadata_service_endpoint = http://p:3\n", None, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://a:1"}, []),
    "instance-endpoint-before-mode": (
        "[default]\nec2_metadata_service_endpoint = http://p:3\n", None, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, []),
    "instance-endpoint-is-none": (None, None, {**ENV_KEYS, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "169.254.169.254"}, []),
    "instance-endpoint-of-profile-is-none": ("[default]\nec2_metadata_service_endpoint = a b\n", None, {}, []),
    "instance-mode": (None, None, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, []),
    "instance-mode-of-profile": ("[default]\nec2_metadata_service_endpoint_mode = ipv6\n", None, {}, []),
    "instance-mode-before-profile-s": (
        "[default]\nec2_metadata_service_endpoint_mode = IPv6\n", None, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPV4"}, []),
    "instance-mode-is-none": (None, None, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "6"}, []),
    "instance-mode-of-profile-is-none": ("[default]\nec2_metadata_service_endpoint_mode = dual\n", None, {}, []),
    "instance-mode-is-none-and-not-needed": (None, None, {**ENV_KEYS, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "6"}, []),
    "instance-by-ipv6": (None, None, {"AWS_IMDS_USE_IPV6": "TRUE"}, []),
    "instance-by-ipv6-of-profile": ("[default]\nimds_use_ipv6 = true\n", None, {}, []),
    "instance-not-by-ipv6": ("[default]\nimds_use_ipv6 = true\n", None, {"AWS_IMDS_USE_IPV6": "1"}, []),
    "instance-mode-before-ipv6": (
        "[default]\nec2_metadata_service_endpoint_mode = ipv4\n", None, {"AWS_IMDS_USE_IPV6": "true"}, []),
    "instance-numbers": (None, None, {"AWS_METADATA_SERVICE_TIMEOUT": "70", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "20"}, []),
    "instance-numbers-of-profile": ("[default]\nmetadata_service_timeout = 5\nmetadata_service_num_attempts = 4\n", None, {}, []),
    "instance-numbers-before-profile-s": (
        "[default]\nmetadata_service_timeout = 5\nmetadata_service_num_attempts = 4\n", None, {"AWS_METADATA_SERVICE_TIMEOUT": "6"}, []),
    "instance-timeout-is-none": (None, None, {"AWS_METADATA_SERVICE_TIMEOUT": "1s"}, []),
    "instance-attempts-are-none": (None, None, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "many"}, []),
    "instance-attempts-of-profile-are-none": ("[default]\nmetadata_service_num_attempts = 1.5\n", None, ENV_KEYS, []),
    "instance-is-not-asked-so-often": (
        None, None, {**ENV_KEYS, "AWS_METADATA_SERVICE_TIMEOUT": "0", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "1001"}, []),
    "instance-is-disabled-and-never-asked": (
        "[default]\nmetadata_service_num_attempts = 0\n", None, {"AWS_EC2_METADATA_DISABLED": "true"}, []),
    "instance-never-by-version-1": (None, None, {"AWS_EC2_METADATA_V1_DISABLED": "what"}, []),
    "environment": (None, None, ENV_KEYS, []),
    "environment-before-default": (None, DEFAULT_AND_WORK, ENV_KEYS, []),
    "environment-before-named": (None, DEFAULT_AND_WORK, {**ENV_KEYS, "AWS_PROFILE": "work"}, []),
    "argument-before-environment": (None, DEFAULT_AND_WORK, ENV_KEYS, ["--profile", "work"]),
    "argument-before-variable": (None, DEFAULT_AND_WORK, {"AWS_PROFILE": "default"}, ["--profile", "work"]),
    "default-profile-variable-first": (None, DEFAULT_AND_WORK, {"AWS_PROFILE": "default", "AWS_DEFAULT_PROFILE": "work"}, []),
    "id-without-secret": (None, None, {"AWS_ACCESS_KEY_ID": "ENVKEY"}, []),
    "default": (None, DEFAULT_AND_WORK, {}, []),
    "named": (None, DEFAULT_AND_WORK, {"AWS_PROFILE": "work"}, []),
    "unknown-profile": (None, DEFAULT_AND_WORK, {"AWS_PROFILE": "other"}, []),
    "unknown-profile-with-keys": (None, None, {**ENV_KEYS, "AWS_PROFILE": "other"}, []),
    "config-keys": ("[profile work]\n" + keys("C"), None, {"AWS_PROFILE": "work"}, []),
    "config-default-with-word": ("[profile default]\n" + keys("C"), None, {}, []),
    "config-default-the-last-counts": ("[default]\n" + keys("A") + "[profile default]\n" + keys("B"), None, {}, []),
    "config-bare-name-is-none": ("[work]\n" + keys("C"), None, {"AWS_PROFILE": "work"}, []),
    "config-quoted": ('[profile "my work"]\n' + keys("C"), None, {"AWS_PROFILE": "my work"}, []),
    "config-quote-open": ('[profile "work]\n' + keys("C"), None, {"AWS_PROFILE": "work"}, []),
    "config-three-words": ("[profile my work]\n" + keys("C"), None, {"AWS_PROFILE": "work"}, []),
    "credentials-before-config": ("[profile work]\n" + keys("C"), "[work]\n" + keys("W"), {"AWS_PROFILE": "work"}, []),
    "credentials-quotes-stay": (None, '["work"]\n' + keys("W"), {"AWS_PROFILE": '"work"'}, []),
    "credentials-case": (None, "[work]\nAWS_ACCESS_KEY_ID: U\nAws_Secret_Access_Key:s\n", {"AWS_PROFILE": "work"}, []),
    "credentials-half": (None, "[default]\naws_access_key_id = A\n", {}, []),
    "credentials-secret-only": (None, "[default]\naws_secret_access_key = s\n", {"AWS_EC2_METADATA_DISABLED": "true"}, []),
    "all-sections-default": (None, "[DEFAULT]\n" + keys("ALL") + "[work]\nregion = eu-west-2\n", {"AWS_PROFILE": "work"}, []),
    "comment-behind-value": ("[default]\nregion = eu-west-1 ; part of it\n", None, {**ENV_KEYS, "AWS_DEFAULT_REGION": None}, []),
    "comment-lines": (None, "# a\n[default]\n ; b\naws_access_key_id = A\n#c\naws_secret_access_key = s\n", {}, []),
    "equals-in-secret": (None, "[default]\naws_access_key_id=A\naws_secret_access_key=a=b:c==\n", {}, []),
    "crlf": (None, "[default]\r\naws_access_key_id = A\r\naws_secret_access_key = s\r\n", {}, []),
    "cr": (None, "[default]\raws_access_key_id = A\raws_secret_access_key = s\r", {}, []),
    "byte-order-mark": (None, "\ufeff[default]\n" + keys("A"), {}, []),
    "indented": (None, "  [default]\n  aws_access_key_id = A\n  aws_secret_access_key = s\n", {}, []),
    "indented-twice": (None, "[default]\naws_access_key_id = A\n  aws_secret_access_key = s\n", {}, []),
    "indented-first-key": (None, "[default]\n   aws_access_key_id = A\naws_secret_access_key = s\n", {}, []),
    "behind-bracket": (None, "[default] trailing\n" + keys("A"), {}, []),
    "brackets-in-name": (None, "[a]b]\n" + keys("A"), {"AWS_PROFILE": "a]b"}, []),
    "duplicate-section": (None, "[a]\nx = 1\n[a]\ny = 1\n", ENV_KEYS, []),
    "duplicate-key": (None, "[a]\nx = 1\nX = 2\n", ENV_KEYS, []),
    "no-section": (None, "x = 1\n", ENV_KEYS, []),
    "no-delimiter": (None, "[a]\nx\n", ENV_KEYS, []),
    "empty-section-name": (None, "[]\nx = 1\n", ENV_KEYS, []),
    "no-key": (None, "[a]\n= 1\n", ENV_KEYS, []),
    "nested-without-equals": ("[default]\ns3 =\n  what\n", None, ENV_KEYS, []),
    "region-of-profile": ("[default]\nregion = ap-south-1\n", DEFAULT_AND_WORK, {"AWS_DEFAULT_REGION": None}, []),
    "region-of-credentials-file": (None, "[default]\nregion = sa-east-1\n" + keys("A"), {"AWS_DEFAULT_REGION": None}, []),
    "region-of-variable": ("[default]\nregion = ap-south-1\n", None, {**ENV_KEYS, "AWS_DEFAULT_REGION": "us-west-2"}, []),
    "region-nowhere": (None, None, {**ENV_KEYS, "AWS_DEFAULT_REGION": None}, []),
    "endpoint-for-sqs": (None, None, {**ENV_KEYS, "AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_SQS": "http://b:2"}, []),
    "endpoint-for-all": (None, None, {**ENV_KEYS, "AWS_ENDPOINT_URL": "http://a:1"}, []),
    "endpoint-of-profile": ("[default]\nendpoint_url = http://p:3\n", None, ENV_KEYS, []),
    "endpoint-of-services": (
        "[default]\nservices = s\nendpoint_url = http://p:3\n[services s]\nsqs =\n  endpoint_url = http://q:4\nsts = \n endpoint_url = http://t:5\n",
        None, ENV_KEYS, []),
    "endpoint-of-another-service": (
        "[default]\nservices = s\nendpoint_url = http://p:3\n[services s]\nsts = \n endpoint_url = http://t:5\n", None, ENV_KEYS, []),
    "endpoint-variable-before-services": (
        "[default]\nservices = s\n[services s]\nsqs =\n  endpoint_url = http://q:4\n", None, {**ENV_KEYS, "AWS_ENDPOINT_URL": "http://a:1"}, []),
    "services-missing": ("[default]\nservices = s\n", None, ENV_KEYS, []),
    "services-missing-but-not-needed": ("[default]\nservices = s\n", None, {**ENV_KEYS, "AWS_ENDPOINT_URL": "http://a:1"}, []),
    "endpoint-ignored": (
        "[default]\nendpoint_url = http://p:3\n", None,
        {**ENV_KEYS, "AWS_ENDPOINT_URL": "http://a:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []),
    "endpoint-ignored-by-profile": ("[default]\nendpoint_url = http://p:3\nignore_configured_endpoint_urls = True\n", None, ENV_KEYS, []),
    "endpoint-not-ignored": (
        "[default]\nendpoint_url = http://p:3\nignore_configured_endpoint_urls = true\n", None,
        {**ENV_KEYS, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, []),
    "fips": (None, None, {**ENV_KEYS, "AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "fips-of-profile": ("[default]\nuse_fips_endpoint = true\n", None, ENV_KEYS, []),
    "fips-in-govcloud": (None, None, {**ENV_KEYS, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-gov-west-1"}, []),
    "fips-and-own-endpoint": (None, None, {**ENV_KEYS, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": "http://a:1"}, []),
    "dualstack": (None, None, {**ENV_KEYS, "AWS_USE_DUALSTACK_ENDPOINT": "true"}, []),
    "dualstack-in-china": (None, None, {**ENV_KEYS, "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_DEFAULT_REGION": "cn-north-1"}, []),
    "dualstack-and-fips": (None, None, {**ENV_KEYS, "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "china": (None, None, {**ENV_KEYS, "AWS_DEFAULT_REGION": "cn-northwest-1"}, []),
    "isolated": (None, None, {**ENV_KEYS, "AWS_DEFAULT_REGION": "us-iso-east-1"}, []),
    "isolated-b": (None, None, {**ENV_KEYS, "AWS_DEFAULT_REGION": "us-isob-east-1"}, []),
    "web-identity": (None, None, WEB_IDENTITY, []),
    "web-identity-before-keys": (None, DEFAULT_AND_WORK, WEB_IDENTITY, []),
    "web-identity-behind-environment": (None, None, {**WEB_IDENTITY, **ENV_KEYS}, []),
    "web-identity-not-with-argument": (None, DEFAULT_AND_WORK, WEB_IDENTITY, ["--profile", "work"]),
    "web-identity-without-role": (None, None, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"}, []),
    "web-identity-of-profile": ("[default]\n" + role("w", "web_identity_token_file = /nowhere/t"), DEFAULT_AND_WORK, {}, []),
    "web-identity-of-profile-without-role": ("[default]\nweb_identity_token_file = /nowhere/t\n", None, {}, []),
    "role": ("[profile a]\n" + role("a", "source_profile = work"), DEFAULT_AND_WORK, {"AWS_PROFILE": "a"}, []),
    "role-behind-environment": ("[profile a]\n" + role("a", "source_profile = work"), DEFAULT_AND_WORK, {"AWS_PROFILE": "a", **ENV_KEYS}, []),
    "role-before-web-identity": ("[profile a]\n" + role("a", "source_profile = work"), DEFAULT_AND_WORK, {"AWS_PROFILE": "a", **WEB_IDENTITY}, []),
    "role-before-keys": ("[default]\n" + role("a", "source_profile = work") + keys("X"), "[work]\n" + keys("W"), {}, []),
    "role-of-itself": ("[default]\n" + role("a", "source_profile = default") + keys("X"), None, {}, []),
    "role-of-itself-without-keys": ("[default]\n" + role("a", "source_profile = default"), None, {}, []),
    "role-chain": (
        "[profile a]\n" + role("a", "source_profile = b") + "[profile b]\n" + role("b", "source_profile = work"),
        DEFAULT_AND_WORK, {"AWS_PROFILE": "a"}, []),
    "role-chain-ends-at-keys": (
        "[profile a]\n" + role("a", "source_profile = b") + "[profile b]\n" + role("b", "source_profile = work") + keys("B"),
        DEFAULT_AND_WORK, {"AWS_PROFILE": "a"}, []),
    "role-circle": (
        "[profile a]\n" + role("a", "source_profile = b") + "[profile b]\n" + role("b", "source_profile = a"), None, {"AWS_PROFILE": "a"}, []),
    "role-from-nowhere": ("[default]\n" + role("a", ""), None, {}, []),
    "role-from-both": ("[default]\n" + role("a", "source_profile = work\ncredential_source = Environment"), DEFAULT_AND_WORK.replace("[default]", "[d]"), {}, []),
    "role-from-unknown": ("[default]\n" + role("a", "source_profile = other"), None, {}, []),
    "role-from-empty": ("[default]\n" + role("a", "source_profile = b") + "[profile b]\nregion = eu-west-1\n", None, {}, []),
    "role-from-environment": ("[profile a]\n" + role("a", "credential_source = Environment"), None, ENV_KEYS, ["--profile", "a"]),
    "role-from-environment-empty": ("[profile a]\n" + role("a", "credential_source = Environment"), None, {}, ["--profile", "a"]),
    "role-from-instance": ("[default]\n" + role("a", "credential_source = Ec2InstanceMetadata"), None, {}, []),
    "role-from-instance-disabled": (
        "[default]\n" + role("a", "credential_source = Ec2InstanceMetadata"), None, {"AWS_EC2_METADATA_DISABLED": "true"}, []),
    "role-from-instance-elsewhere": (
        "[default]\n" + role("a", "credential_source = Ec2InstanceMetadata\nec2_metadata_service_endpoint = http://p:3"), None, {}, []),
    "role-from-container": (
        "[default]\n" + role("a", "credential_source = EcsContainer"), None, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, []),
    "role-from-container-missing": ("[default]\n" + role("a", "credential_source = EcsContainer"), None, {}, []),
    "role-from-misspelt": ("[default]\n" + role("a", "credential_source = environment"), None, ENV_KEYS, ["--profile", "default"]),
    "role-from-process": ("[default]\n" + role("a", "source_profile = b") + "[profile b]\ncredential_process = /bin/x\n", None, {}, []),
    "role-from-web-identity": (
        "[default]\n" + role("a", "source_profile = b") + "[profile b]\n" + role("b", "web_identity_token_file = /t"), None, {}, []),
    "role-from-sso": ("[default]\n" + role("a", "source_profile = b") + "[profile b]\nsso_session = corp\n" + SSO + SESSION, None, {}, []),
    "sts-endpoint-for-it": (None, None, {**WEB_IDENTITY, "AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_STS": "http://b:2"}, []),
    "sts-endpoint-for-all": (None, None, {**WEB_IDENTITY, "AWS_ENDPOINT_URL": "http://a:1"}, []),
    "sts-endpoint-not-the-queue-s": (None, None, {**WEB_IDENTITY, "AWS_ENDPOINT_URL_SQS": "http://a:1"}, []),
    "sts-endpoint-of-profile": ("[default]\nendpoint_url = http://p:3\n", None, WEB_IDENTITY, []),
    "sts-endpoint-of-services": (
        "[default]\nservices = s\nendpoint_url = http://p:3\n[services s]\nsqs =\n  endpoint_url = http://q:4\nsts = \n endpoint_url = http://t:5\n",
        None, WEB_IDENTITY, []),
    "sts-endpoint-ignored": (
        "[default]\nendpoint_url = http://p:3\n", None,
        {**WEB_IDENTITY, "AWS_ENDPOINT_URL_STS": "http://b:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []),
    "sts-of-the-first-profile-s-region": (
        "[profile a]\nregion = ap-south-1\n" + role("a", "source_profile = b") + "[profile b]\nregion = us-west-1\n" + keys("B"), None,
        {"AWS_PROFILE": "a", "AWS_DEFAULT_REGION": None}, []),
    "sts-legacy": (None, None, {**WEB_IDENTITY, "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, []),
    "sts-legacy-of-profile": ("[default]\nsts_regional_endpoints = legacy\n", None, WEB_IDENTITY, []),
    "sts-regional-before-profile-s": (
        "[default]\nsts_regional_endpoints = legacy\n", None, {**WEB_IDENTITY, "AWS_STS_REGIONAL_ENDPOINTS": "regional"}, []),
    "sts-legacy-in-a-newer-region": (
        None, None, {**WEB_IDENTITY, "AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_DEFAULT_REGION": "eu-south-1"}, []),
    "sts-legacy-in-china": (None, None, {**WEB_IDENTITY, "AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_DEFAULT_REGION": "cn-north-1"}, []),
    "sts-legacy-and-endpoint": (
        None, None, {**WEB_IDENTITY, "AWS_STS_REGIONAL_ENDPOINTS": "legacy", "AWS_ENDPOINT_URL_STS": "http://b:2"}, []),
    "sts-fips": (None, None, {**WEB_IDENTITY, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-east-2"}, []),
    "sts-fips-in-govcloud": (None, None, {**WEB_IDENTITY, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-gov-west-1"}, []),
    "sts-fips-and-legacy": (None, None, {**WEB_IDENTITY, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, []),
    "sts-dualstack": (None, None, {**WEB_IDENTITY, "AWS_USE_DUALSTACK_ENDPOINT": "true"}, []),
    "sts-dualstack-and-fips": (None, None, {**WEB_IDENTITY, "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "sts-isolated": (None, None, {**WEB_IDENTITY, "AWS_DEFAULT_REGION": "us-isob-east-1"}, []),
    "sso": ("[default]\nsso_session = corp\n" + SSO + SESSION, None, {}, []),
    "sso-before-keys": ("[default]\nsso_session = corp\n" + SSO + SESSION, "[default]\n" + keys("D"), {}, []),
    "sso-older": ("[default]\nsso_start_url = https://x.example/start\nsso_region = eu-west-1\n" + SSO, None, {}, []),
    "sso-session-missing": ("[default]\nsso_session = other\n" + SSO + SESSION, None, {}, []),
    "sso-incomplete": ("[default]\nsso_start_url = https://x.example/start\n" + SSO, None, {}, []),
    "sso-in-disagreement": ("[default]\nsso_session = corp\nsso_region = us-east-1\n" + SSO + SESSION, None, {}, []),
    "sso-elsewhere": (SSO_IN % "cn-north-1", None, {}, []),
    "sso-in-govcloud": (SSO_IN % "us-gov-west-1", None, {"AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "sso-fips": (SSO_IN % "us-east-1", None, {"AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "sso-dualstack": (SSO_IN % "us-east-1", None, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, []),
    "sso-fips-and-dualstack": (
        SSO_IN % "us-gov-west-1", None, {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, []),
    "sso-in-no-region": (SSO_IN % "eu_west_1", None, {}, []),
    "sso-endpoint": (SSO_IN % "us-east-1", None, {"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_SSO": "http://b:2/x"}, []),
    "sso-endpoint-for-all": (SSO_IN % "us-east-1", None, {"AWS_ENDPOINT_URL": "http://a:1"}, []),
    "sso-endpoint-for-sqs": (SSO_IN % "us-east-1", None, {"AWS_ENDPOINT_URL_SQS": "http://a:1"}, []),
    "sso-endpoint-of-services": (
        SSO_IN % "us-east-1" + "services = s\nendpoint_url = http://p:3\n[services s]\nsso =\n  endpoint_url = http://q:4\n", None, {}, []),
    "sso-endpoint-of-profile": (SSO_IN % "us-east-1" + "endpoint_url = http://p:3\n", None, {}, []),
    "sso-endpoint-ignored": (
        SSO_IN % "us-east-1" + "endpoint_url = http://p:3\n", None,
        {"AWS_ENDPOINT_URL_SSO": "http://b:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []),
    "oidc-elsewhere": (SESSION_IN % ("", "cn-north-1"), None, {}, []),
    "oidc-in-govcloud": (SESSION_IN % ("", "us-gov-west-1"), None, {"AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "oidc-isolated": (SESSION_IN % ("", "us-iso-east-1"), None, {}, []),
    "oidc-fips": (SESSION_IN % ("", "us-east-1"), None, {"AWS_USE_FIPS_ENDPOINT": "true"}, []),
    "oidc-dualstack": (SESSION_IN % ("", "us-east-1"), None, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, []),
    "oidc-fips-and-dualstack": (
        SESSION_IN % ("", "us-gov-west-1"), None, {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, []),
    "oidc-endpoint": (
        SESSION_IN % ("", "us-east-1"), None,
        {"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_SSO_OIDC": "http://b:2/x", "AWS_ENDPOINT_URL_SSO": "http://c:3"}, []),
    "oidc-endpoint-for-sso": (SESSION_IN % ("", "us-east-1"), None, {"AWS_ENDPOINT_URL_SSO": "http://a:1"}, []),
    "oidc-endpoint-for-all": (SESSION_IN % ("", "us-east-1"), None, {"AWS_ENDPOINT_URL": "http://a:1"}, []),
    "oidc-endpoint-of-services": (
        SESSION_IN % ("services = s\nendpoint_url = http://p:3\n", "us-east-1")
        + "[services s]\nsso =\n  endpoint_url = http://q:4\nsso_oidc =\n  endpoint_url = http://r:5\n", None, {}, []),
    "oidc-endpoint-of-profile": (SESSION_IN % ("endpoint_url = http://p:3\n", "us-east-1"), None, {}, []),
    "oidc-endpoint-ignored": (
        SESSION_IN % ("endpoint_url = http://p:3\n", "us-east-1"), None,
        {"AWS_ENDPOINT_URL_SSO_OIDC": "http://b:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []),
    "process": ("[default]\ncredential_process = /bin/x --y\n", None, {}, []),
    "process-behind-credentials": ("[default]\ncredential_process = /bin/x\n", "[default]\n" + keys("D"), {}, []),
    "process-before-config": ("[default]\ncredential_process = /bin/x\n" + keys("C"), None, {}, []),
    "container": (None, None, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, []),
    "container-behind-keys": (None, DEFAULT_AND_WORK, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, []),
    "container-https": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://any.example/x"}, []),
    "container-loopback": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.9.9.9:1/x"}, []),
    "container-eks": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/x"}, []),
    "container-eks-ipv6": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[fd00:ec2::23]/x"}, []),
    "container-anybody": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://any.example/x"}, []),
    "container-looks-like-loopback": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example/x"}, []),
    "container-user": (None, None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1@any.example/x"}, []),
}


def ours(environment, arguments):
    result = subprocess.run([built_tool("choice_tool"), "send", "-", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=True)
    return dict(line.split(" ", 1) for line in result.stdout.splitlines())


class Botocore:
    """What botocore chooses, without what it would ask of others."""

    def __init__(self, monkeypatch):
        self.sources = []
        self.metadata = {}
        monkeypatch.setattr(botocore.credentials.ContainerProvider, "_retrieve_or_fail", self.container)
        monkeypatch.setattr(botocore.credentials.InstanceMetadataProvider, "load", lambda provider: self.instance(provider._role_fetcher))
        monkeypatch.setattr(botocore.credentials.ProcessProvider, "_retrieve_credentials_using", self.process)
        monkeypatch.setattr(botocore.utils.SSOTokenLoader, "__call__", lambda _loader, *_of, **_more: SSO_TOKEN)
        monkeypatch.setattr(botocore.credentials.AssumeRoleCredentialFetcher, "__init__", lambda _fetcher, **given: self.role(**given))

    @staticmethod
    def container(provider):
        if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ:
            provider._fetcher._validate_allowed_url(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        return Credentials("CONTAINER", "s", method="container-role")

    def instance(self, fetcher):
        self.metadata = {"instance": fetcher.get_base_url().rstrip("/")}
        if fetcher._timeout != 1:  # which is what it is when nobody says
            self.metadata["instance-timeout"] = str(fetcher._timeout)
        if fetcher._num_attempts != 1:
            self.metadata["instance-attempts"] = str(fetcher._num_attempts)
        return None if fetcher._disabled else Credentials("INSTANCE", "s", method="iam-role")

    @staticmethod
    def process(_provider, _command):
        return {"access_key": "PROCESS", "secret_key": "s"}

    @staticmethod
    def portal(session, credentials):
        """Where SSO is asked for them."""
        urls = []

        def answer(request, **_more):
            urls.append(request.url)
            response = AWSResponse(request.url, 200, {}, None)
            given = {"accessKeyId": "SSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4102444800000}
            response._content = json.dumps({"roleCredentials": given}).encode()
            return response

        session.register("before-send.sso.GetRoleCredentials", answer)
        assert credentials.access_key == "SSO"
        return urls[0].partition("/federation/credentials?role_name=r&account_id=111111111111")[0].rstrip("/")

    @staticmethod
    def renewal(credentials):
        """Where the token of SSO is renewed; None: it cannot be."""
        provider, urls = credentials._refresh_using.__self__._token_provider, []
        if provider is None:
            return None

        def answer(request, **_more):
            urls.append(request.url)
            response = AWSResponse(request.url, 200, {}, None)
            response._content = json.dumps({"accessToken": "n", "expiresIn": 60}).encode()
            return response

        provider._client.meta.events.register("before-send.sso-oidc.CreateToken", answer)
        assert provider._attempt_create_token(SSO_CLIENT)["accessToken"] == "n"
        return urls[0].removesuffix("/token")

    def role(self, source_credentials, **_more):
        self.sources.append(source_credentials)

    @staticmethod
    def place(session, service, operation, content):
        """Region and endpoint, as a request would have them."""
        requests = []

        def answer(request, **_more):
            requests.append(request)
            response = AWSResponse(request.url, 200, {}, None)
            response._content = content
            return response

        client = session.create_client(service, aws_access_key_id="x", aws_secret_access_key="x")
        client.meta.events.register(f"before-send.{service}", answer)
        getattr(client, operation)()
        scope = requests[0].headers["Authorization"].decode().partition("Credential=")[2].split("/")
        return scope[2], requests[0].url.rstrip("/")

    def choose(self, profile):
        session = botocore.session.Session(profile=profile)
        session.get_scoped_config()
        region, endpoint = self.place(session, "sqs", "list_queues", b"{}")
        found = botocore.credentials.create_credential_resolver(session).load_credentials()
        result = {"source": WORDS[found.method] if found else "none", "region": region, "endpoint": endpoint}
        last = found
        if result["source"] == "assume-role":
            last = self.sources[0]
            result.update(roles=str(len(self.sources)), **{"with": WORDS[last.method]})
        if result["source"] == "assume-role" or WORDS.get(getattr(last, "method", None)) == "web-identity":
            result["sts-region"], result["sts"] = self.place(session, "sts", "get_caller_identity", CALLER)
        if last and WORDS[last.method] in ("environment", "profile"):
            result["key"] = last.access_key
        if last and last.method == "iam-role":
            result.update(self.metadata)
        if last and last.method == "sso":
            result["sso"] = self.portal(session, last)
            result.update({name: url for name, url in [("oidc", self.renewal(last))] if url})
        return result


def surroundings(folder, config, credentials, changes):
    """The environment, with HOME and the files in it."""
    files = folder / ".aws"
    files.mkdir()
    for name, text in (("config", config), ("credentials", credentials)):
        if text is not None:
            (files / name).write_bytes(text.encode())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOGINETL_", "BOTO"))}
    environment.update(REGION, HOME=str(folder))
    environment.update({name: value for name, value in changes.items() if value is not None})
    return {name: value for name, value in environment.items() if changes.get(name, value) is not None}


def theirs(monkeypatch, environment, arguments):
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", environment)
        try:
            return Botocore(patch).choose(arguments[1] if arguments else None)
        except (BotoCoreError, ValueError) as error:
            return {"error": str(error)}


@pytest.mark.parametrize("name", CASES)
def test_choice_is_botocores(name, tmp_path, monkeypatch):
    config, credentials, changes, arguments = CASES[name]
    environment = surroundings(tmp_path, config, credentials, changes)
    wanted = theirs(monkeypatch, environment, arguments)
    got = ours(environment, arguments)
    refused = "error" in got and "login_session" not in got["error"]
    assert refused == ("error" in wanted), (got, wanted)
    if not refused:
        got.pop("error", None)
        got.pop("cache", None)
        assert got == wanted


def test_cache_of_sso_is_botocores(tmp_path, monkeypatch):
    """The token lies under the session's name, else under the start URL."""
    for number, text in enumerate((CASES["sso"][0], CASES["sso-older"][0])):
        folder = tmp_path / str(number)
        folder.mkdir()
        session = "corp" if number == 0 else None
        wanted = botocore.utils.SSOTokenLoader()._generate_cache_key("https://x.example/start", session)
        assert ours(surroundings(folder, text, None, {}), [])["cache"] == wanted + ".json"


def test_files_that_variables_name(tmp_path, monkeypatch):
    """~ and variables in the names are replaced; HOME may end in a slash."""
    (tmp_path / "there").write_text("[default]\n" + keys("T"))
    for value, home in (("~/there", ""), ("~/there", "/"), ("$PLACE/there", ""), ("${PLACE}/there", ""), ("$NONE/there", "")):
        folder = tmp_path / str(abs(hash((value, home))))
        folder.mkdir()
        environment = surroundings(folder, None, None, {"AWS_SHARED_CREDENTIALS_FILE": value, "AWS_EC2_METADATA_DISABLED": "true"})
        environment.update(HOME=str(tmp_path) + home, PLACE=str(tmp_path))
        assert ours(environment, []).get("key") == theirs(monkeypatch, environment, []).get("key")


def test_region_variable_before_botocores(tmp_path):
    """AWS_REGION, which other SDKs read and botocore does not, comes first."""
    environment = surroundings(tmp_path, "[default]\nregion = ap-south-1\n", None, {**ENV_KEYS, "AWS_REGION": "us-west-1"})
    assert ours(environment, [])["region"] == "us-west-1"


def test_mfa_is_refused(tmp_path):
    text = "[default]\n" + role("a", "source_profile = work\nmfa_serial = arn:aws:iam::111111111111:mfa/x")
    assert "mfa_serial" in ours(surroundings(tmp_path, text, "[work]\n" + keys("W"), {}), [])["error"]


@pytest.mark.parametrize("changes", [{}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}], ids=["aws", "emulator"])
@pytest.mark.parametrize("roles", ["", "[profile r]\n" + role("a", "source_profile = console")], ids=["own", "role"])
def test_a_console_login_is_refused(program, tmp_path, changes, roles):
    """Made-up keys are for those who have given nothing."""
    text = "[profile console]\nlogin_session = arn:aws:iam::111111111111:user/x\n" + roles
    environment = surroundings(tmp_path, text, None, {**changes, "AWS_PROFILE": "r" if roles else "console"})
    error = ours(environment, [])["error"]
    assert error.startswith("profile console has login_session")
    assert error.endswith("credential_process = aws configure export-credentials --profile console")
    names = ("HOME", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
    env = {name: environment.get(name) for name in names} | dict.fromkeys([*ENV_KEYS, "AWS_ENDPOINT_URL_SQS"])
    for command in ("check", "--drain"):
        result = program.run(command, env=env)
        assert result.status == 2 and f"loginetl: {error}" in result.stderr, result


def test_malformed_file_is_told_by_line(tmp_path):
    text = textwrap.dedent("""\
        [default]
        aws_access_key_id = A
        aws_secret_access_key
        topsecret
        """)
    error = ours(surroundings(tmp_path, None, text, {}), [])["error"]
    assert "/.aws/credentials line 3 " in error
    assert "secret" not in error


def test_no_secret_is_said(program, tmp_path):
    """What check prints names the source and no more."""
    environment = surroundings(tmp_path, None, DEFAULT_AND_WORK, {"AWS_PROFILE": "work", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    names = ("HOME", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
    env = {name: environment[name] for name in names} | dict.fromkeys(ENV_KEYS)
    result = program.run("check", env=env)
    assert "from the profile work in the credentials file" in result.stdout
    assert "Wsecret" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "profile, variables, words",
    [
        ("", {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "v6"}, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6"),
        ("ec2_metadata_service_endpoint_mode = v6", {}, "the profile's ec2_metadata_service_endpoint_mode is neither IPv4 nor IPv6"),
        ("ec2_metadata_service_endpoint = v6", {}, "the profile's ec2_metadata_service_endpoint is not an http:// or https:// URL"),
        ("", {"AWS_METADATA_SERVICE_TIMEOUT": "0"}, "AWS_METADATA_SERVICE_TIMEOUT is not a whole number from 1 to 3600"),
        ("", {"AWS_METADATA_SERVICE_TIMEOUT": "3601"}, "AWS_METADATA_SERVICE_TIMEOUT is not a whole number from 1 to 3600"),
        ("metadata_service_num_attempts = -1", {}, "the profile's metadata_service_num_attempts is not a whole number from 1 to 1000"),
        ("", {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "9" * 40}, "AWS_METADATA_SERVICE_NUM_ATTEMPTS is not a whole number from 1 to 1000"),
    ],
    ids=["mode", "mode of profile", "endpoint", "no time", "too long", "less than none", "too many"],
)
def test_what_is_wrong_with_an_instance_is_named(tmp_path, profile, variables, words):
    """In the environment or the profile, whichever says it."""
    environment = surroundings(tmp_path, f"[default]\n{profile}\n", None, variables)
    assert ours(environment, [])["error"].startswith(words)


NAMED = "[profile work]\nrole_arn = arn:aws:iam::111111111111:role/r\ncredential_source = {}\n"


@pytest.mark.parametrize(
    "config, credentials, variables, words",
    [
        (None, "[work]\naws_access_key_id = A\n", {}, "profile work: its aws_secret_access_key is missing or empty"),
        (None, "[work]\naws_access_key_id =\naws_secret_access_key = s\n", {}, "profile work: its aws_access_key_id is missing or empty"),
        (NAMED.format("Environment"), None, {}, "credential_source Environment has no credentials: AWS_ACCESS_KEY_ID is not set"),
        (NAMED.format("EcsContainer"), None, {}, "credential_source EcsContainer has no credentials: neither AWS_CONTAINER_"),
        (NAMED.format("Ec2InstanceMetadata"), None, {"AWS_EC2_METADATA_DISABLED": "true"}, "AWS_EC2_METADATA_DISABLED is true"),
    ],
    ids=["no secret", "empty id", "environment", "container", "instance"],
)
def test_what_is_missing_is_named(tmp_path, config, credentials, variables, words):
    assert words in ours(surroundings(tmp_path, config, credentials, {"AWS_PROFILE": "work", **variables}), [])["error"]
