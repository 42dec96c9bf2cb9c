# SPDX-License-Identifier: Apache-2.0
"""./dev run answers within seconds, shows what it promises, and stops cleanly."""
import re
import signal
import subprocess
import sys

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
