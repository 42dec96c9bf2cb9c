# SPDX-License-Identifier: Apache-2.0
"""./dev run answers within seconds, shows what it promises, and stops cleanly."""
import pathlib
import re
import signal
import subprocess
import sys

import pytest

import harness

DEMO = [sys.executable, str(harness.ROOT / "tools" / "run_demo.py"), "--build-dir", str(harness.BUILD)]


def test_the_demo_answers_and_stops_by_itself():
    done = subprocess.run([*DEMO, "--seconds", "6"], capture_output=True, text=True, timeout=harness.PATIENCE_S,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    first = re.search(r"first records answer after ([\d.]+) s", done.stdout)
    assert first and (harness.SANITIZED or float(first.group(1)) < 5), done.stdout
    figures = re.findall(r"records in\s+([\d,]+)\s+acknowledged\s+([\d,]+)\s+on disk\s+([\d.]+) MB", done.stdout)
    assert figures and int(figures[-1][1].replace(",", "")) > 0, done.stdout
    assert "seyir-agent stopped with status 0" in done.stdout
    assert "seyir-collector stopped with status 0" in done.stdout


def test_ctrl_c_stops_all_cleanly():
    demo = subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    try:
        for line in demo.stdout:
            if line.startswith("records in"):
                break
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=harness.PATIENCE_S)
    finally:
        demo.kill()
    assert demo.returncode == 0 and rest.count("stopped with status 0") == 2, rest


def running_in(folder):
    """Programs whose configuration is in the folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [words] if folder in words else []
    return found


@pytest.mark.parametrize("is_interrupted", [True, False], ids=["ctrl_c", "reader_gone"])
def test_a_reader_that_leaves_leaves_nothing_running(is_interrupted):
    """`./dev run | tee`: Ctrl-C ends tee as well; `| head` ends by itself."""
    demo = subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    folder = None
    try:
        for line in demo.stdout:
            folder = folder or re.search(r"files (\S+)", line)
            if line.startswith("records in"):
                break
        assert len(running_in(folder.group(1))) == 2
        demo.stdout.close()
        if is_interrupted:
            demo.send_signal(signal.SIGINT)
        demo.wait(timeout=harness.PATIENCE_S)
        complaint = demo.stderr.read()
    finally:
        demo.kill()
        demo.stderr.close()
    assert demo.returncode == 0 and complaint == "", complaint
    assert running_in(folder.group(1)) == [] and not pathlib.Path(folder.group(1)).exists()
