# SPDX-License-Identifier: Apache-2.0
"""The counters behind the closing line of ./dev test, and the script itself."""
import json
import os
import subprocess
import sys

import tree

sys.path.insert(0, os.path.join(tree.ROOT, "tools"))
import count_tests  # noqa: E402

SUMMARY = "[doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped\n"


def program(result, stdout=""):
    return json.dumps({"name": "unit_x", "result": result, "stdout": stdout})


def test_doctest_cases_are_counted_one_by_one():
    assert count_tests.count("meson", program("FAIL", SUMMARY), 1) == (11, 1)


def test_a_program_that_dies_counts_as_a_failure():
    assert count_tests.count("meson", program("FAIL", "Segmentation fault"), 1) == (0, 1)
    assert count_tests.count("meson", program("TIMEOUT"), 1) == (0, 1)
    clean = SUMMARY.replace("11 passed | 1 failed", "12 passed | 0 failed")
    assert count_tests.count("meson", program("FAIL", clean), 1) == (12, 1)  # a sanitizer spoke at exit


def test_a_stage_that_fails_without_a_case_is_a_failure():
    assert count_tests.count("meson", program("OK"), 1) == (1, 1)
    assert count_tests.count("junit", "not xml", 0) == (0, 1)
    assert count_tests.count("step", "", 1) == (0, 1)
    assert count_tests.count("step", "", 0) == (0, 0)
    assert count_tests.count("check", "", 0) == (1, 0)


def test_pytest_cases_are_counted_without_the_skipped():
    xml = '<testsuites><testsuite errors="1" failures="1" skipped="2" tests="10"/></testsuites>'
    assert count_tests.count("junit", xml, 1) == (6, 2)


def test_dev_answers_help_and_refuses_what_it_does_not_know():
    dev = os.path.join(tree.ROOT, "dev")
    helped = subprocess.run([dev, "--help"], capture_output=True, text=True, check=True)
    for command in "setup build run check test bench soak fuzz install format clean".split():
        assert f"\n  {command}" in helped.stdout, command
    refused = subprocess.run([dev, "biuld"], capture_output=True, text=True)
    assert refused.returncode == 1 and "biuld" in refused.stderr


def test_ci_runs_the_same_command_as_a_developer():
    commands = [line for line in tree.read(".ci/run").splitlines() if line and not line.startswith("#")]
    assert len(commands) == 1 and commands[0].endswith('/../dev" test')
