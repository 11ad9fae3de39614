"""Counts what a step of run.sh ran: count.py KIND FILE prints `PASSED FAILED SKIPPED`.

    ctest   ctest's JUnit file; a program's cmocka tests are counted one by one, another program counts as one test
    pytest  a log that ends with pytest's summary, which is there even when pytest was interrupted
    lines   a log of which the last line that says `N passed, N failed` counts
"""

import re
import sys
import xml.etree.ElementTree

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#x?[0-9a-fA-F]+;")


def text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def count_ctest(path):
    passed = failed = skipped = 0
    # A test may print what XML cannot hold.
    for case in xml.etree.ElementTree.fromstring(CONTROL.sub("", text(path))).iter("testcase"):
        output = case.findtext("system-out") or ""
        passed_inside = output.count("[       OK ] ")
        failed_inside = sum(map(int, re.findall(r"(\d+) FAILED TEST\(S\)", output)))
        skipped_inside = output.count("[  SKIPPED ] ") // 2
        skipped += skipped_inside
        passed += passed_inside
        if case.get("status") == "run":
            passed += passed_inside == 0 and skipped_inside == 0
        else:
            failed += max(failed_inside, 1)
    return passed, failed, skipped


def count_pytest(path):
    lines = re.findall(r"^=+ (.*\b(?:passed|failed|errors?|skipped)\b.*) in [0-9.]+s.* =+$", text(path), re.MULTILINE)
    found = re.findall(r"(\d+) (\w+)", lines[-1] if lines else "")
    count = {word.rstrip("s"): int(number) for number, word in found}
    return count.get("passed", 0), count.get("failed", 0) + count.get("error", 0), count.get("skipped", 0)


def count_lines(path):
    found = re.findall(r"\b(\d+) passed, (\d+) failed$", text(path), re.MULTILINE)
    return (*map(int, found[-1]), 0) if found else (0, 0, 0)


def main():
    count = {"ctest": count_ctest, "pytest": count_pytest, "lines": count_lines}[sys.argv[1]]
    try:
        print(*count(sys.argv[2]))
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        # The step did not get so far: run.sh makes a failure of a step that counted nothing.
        print(f"count.py: {error}", file=sys.stderr)
        print(0, 0, 0)


if __name__ == "__main__":
    main()
