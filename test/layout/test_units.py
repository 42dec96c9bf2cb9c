# SPDX-License-Identifier: Apache-2.0
"""The systemd units are sound and hardened: a score of at most 1.6, as the README promises."""
import re
import shutil
import subprocess

import pytest

import tree

SCORE_MAX = 1.6
UNITS = ["seyir-agent", "seyir-collector"]


def analyze(folder, unit, text):
    """The exposure level of a unit file; /bin/true stands for the program, which need not exist."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    path = folder / f"{unit}.service"
    path.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", text, flags=re.M))
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)],
                          capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    complaints = [line for line in done.stderr.splitlines() if "Unknown" in line or "Failed to parse" in line]
    assert not complaints, complaints
    return float(level.group(1))


@pytest.mark.parametrize("unit", UNITS)
def test_the_shipped_unit_is_hardened(tmp_path, unit):
    assert analyze(tmp_path, unit, tree.read(f"packaging/systemd/{unit}.service.in")) <= SCORE_MAX


def test_the_score_tells_a_bare_unit_from_a_hardened_one(tmp_path):
    assert analyze(tmp_path, "bare", "[Service]\nExecStart=/bin/true\n") > 9


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_knows_the_programs_contract(unit):
    text = tree.read(f"packaging/systemd/{unit}.service.in")
    for line in ("Type=notify", "RestartPreventExitStatus=78", f"User={unit}", f"StateDirectory={unit}"):
        assert f"\n{line}\n" in text, line
