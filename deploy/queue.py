#!/usr/bin/env python3
"""The few SQS calls that the quickstart needs, with nothing but Python's own library.

    queue.py ENDPOINT create NAME        makes the queue NAME and its dead-letter queue NAME-dlq
    queue.py ENDPOINT dead-letters NAME  lists what stands in NAME-dlq, and leaves it there

For emulators only: the signature is a dummy, which they do not check and AWS refuses.
"""

import json
import sys
import urllib.request

SIGNATURE = "AWS4-HMAC-SHA256 Credential=none/20250101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=none"


def call(endpoint, operation, **arguments):
    request = urllib.request.Request(
        endpoint,
        json.dumps(arguments).encode(),
        {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AmazonSQS." + operation,
            "Authorization": SIGNATURE,
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"{}")


def create(endpoint, name):
    dead_letters = call(endpoint, "CreateQueue", QueueName=name + "-dlq")["QueueUrl"]
    arn = call(endpoint, "GetQueueAttributes", QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    print(call(endpoint, "CreateQueue", QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"])


def reason(message):
    attributes = {name: value.get("StringValue") for name, value in (message.get("MessageAttributes") or {}).items()}
    words = [attributes.get("loginetl_" + name) for name in ("reason", "key")]
    return ": ".join(word for word in words if word) or "(no reason: not rejected by loginetl)"


def dead_letters(endpoint, name):
    url = call(endpoint, "GetQueueUrl", QueueName=name + "-dlq")["QueueUrl"]
    seen = {}
    while True:
        # Taken for a moment, until none is left that was not seen, and given back at the end.
        answer = call(
            endpoint,
            "ReceiveMessage",
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=60,
            MessageAttributeNames=["All"],
        )
        fresh = [message for message in answer.get("Messages") or [] if message["MessageId"] not in seen]
        if not fresh:
            break
        seen.update((message["MessageId"], message) for message in fresh)
    for message in seen.values():
        print(f"{reason(message)}\n    {message['Body'][:200]}")
        call(endpoint, "ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def main():
    commands = {"create": create, "dead-letters": dead_letters}
    if len(sys.argv) != 4 or sys.argv[2] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[2]](sys.argv[1], sys.argv[3])


if __name__ == "__main__":
    main()
