# SPDX-License-Identifier: Apache-2.0
"""The packages that `./dev deb --quick` made."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ.get("SEYIR_DEBS", ROOT / "build-packages" / "quick"))
NAMES = ("seyir-agent", "seyir-collector", "seyir-ctl", "seyir-plugin-dev")


def package(name):
    found = sorted(FOLDER.glob(f"{name}_*.deb"))
    if not found:
        pytest.skip(f"no package {name} in {FOLDER}: run ./dev deb --quick")
    return found[-1]


def output_of(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def next_version(deb, folder):
    """The same package as a later version."""
    tree = pathlib.Path(folder) / deb.stem
    subprocess.run(["dpkg-deb", "-R", str(deb), str(tree)], check=True)
    control = tree / "DEBIAN" / "control"
    version = output_of("dpkg-deb", "-f", deb, "Version").strip()
    control.write_text(control.read_text().replace(f"Version: {version}", f"Version: {version}+2")
                       .replace(f"(= {version})", f"(= {version}+2)"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(tree), str(folder)], check=True, capture_output=True)
    subprocess.run(["rm", "-r", str(tree)], check=True)
