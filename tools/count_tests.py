#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints "PASSED FAILED" for one stage of ./dev test: test cases, not programs.

count_tests.py meson  build/meson-logs/testlog.json EXIT   doctest cases of each program
count_tests.py junit  build/e2e.xml EXIT                   pytest cases
count_tests.py check  '' EXIT                              one: did the command succeed?
count_tests.py step   '' EXIT                              nothing, or one failure

A program that dies, times out or writes no summary counts as one failure beside what it reported,
and a stage that failed without any failed case counts as one failure: nothing fails silently.
"""
import json
import re
import sys
import xml.etree.ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def count_meson(text):
    """testlog.json: one JSON object a line, one line a program."""
    passed = failed = 0
    for line in text.splitlines():
        program = json.loads(line)
        summaries = DOCTEST.findall(ANSI.sub("", program.get("stdout") or ""))
        cases_passed = sum(int(s[1]) for s in summaries)
        cases_failed = sum(int(s[2]) for s in summaries)
        ok = program["result"] in ("OK", "EXPECTEDFAIL")
        skipped = program["result"] == "SKIP"
        if not summaries and ok:
            cases_passed = 1
        if not ok and not skipped and cases_failed == 0:
            cases_failed = 1
        passed += cases_passed
        failed += cases_failed
    return passed, failed


def count_junit(text):
    passed = failed = 0
    for suite in xml.etree.ElementTree.fromstring(text).iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
        failed += bad
    return passed, failed


def count(kind, text, exit_status):
    readers = {"meson": count_meson, "junit": count_junit, "check": lambda _: (exit_status == 0, 0),
               "step": lambda _: (0, 0)}
    try:
        passed, failed = readers[kind](text)
    except (ValueError, KeyError, xml.etree.ElementTree.ParseError):
        passed, failed = 0, 1
    if exit_status != 0 and failed == 0:
        failed = 1
    return int(passed), int(failed)


def main():
    kind, path, exit_status = sys.argv[1], sys.argv[2], int(sys.argv[3])
    text = ""
    if path:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            print("0 1")
            return
    print(*count(kind, text, exit_status))


if __name__ == "__main__":
    main()
