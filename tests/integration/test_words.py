"""Command lines taken apart: by us, and by Python's shlex, which botocore takes credential_process apart with."""

import random
import shlex
import subprocess

from lib.processes import built_tool

LINES = 20000
SEED = 20150830
ALPHABET = "ab'\"\\ \t\r\n$#;|&*~é\x0b"


def theirs(line):
    try:
        return shlex.split(line)
    except ValueError:
        return None


def ours(lines):
    """The words of each line; None: malformed."""
    text = "".join(line + "\0" for line in lines).encode()
    answers = subprocess.run([built_tool("words_tool")], input=text, capture_output=True, timeout=60, check=True).stdout
    for answer in answers.decode().split("\n")[:-1]:
        yield None if answer == "malformed" else [bytes.fromhex(word).decode() for word in answer.split(" ")[1:]]


def test_words_are_shlexs():
    dice = random.Random(SEED)
    lines = ["".join(dice.choice(ALPHABET) for _ in range(dice.randint(0, 12))) for _ in range(LINES)]
    lines += ["/usr/bin/helper --profile 'my work' --json", r"C:\x", "a=b 'c'\\''d'", '"$(x)"']
    wanted = [theirs(line) for line in lines]
    assert any(words is None for words in wanted) and any(words and "" in words for words in wanted)
    for line, words, got in zip(lines, wanted, ours(lines), strict=True):
        assert got == words, repr(line)
