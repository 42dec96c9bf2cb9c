# SPDX-License-Identifier: Apache-2.0
"""What authors of plugins have: the installed headers and the `seyir` command, nothing else."""
import os
import pathlib
import shutil
import subprocess

import pytest

import harness


def installed_headers(folder):
    """A prefix with the files for developers, as `meson install` puts them there."""
    prefix = pathlib.Path(folder) / "prefix"
    subprocess.run(["meson", "install", "-C", str(harness.BUILD), "--no-rebuild", "--quiet", "--tags", "devel",
                    "--destdir", str(prefix)], check=True, capture_output=True)
    found = list(prefix.rglob("seyir-plugin-1.pc"))
    assert len(found) == 1, found
    return found[0].parents[2]


def author_environment(folder, compiler="g++"):
    """What a shell of an author has set; PATH finds the built programs first."""
    for tool in (compiler, "meson", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    prefix = installed_headers(folder)
    programs = pathlib.Path(folder) / "bin"
    programs.mkdir()
    for name in ("seyir", "seyir-collector"):
        os.symlink(harness.program(name), programs / name)
    environment = dict(os.environ)
    environment.pop("CPLUS_INCLUDE_PATH", None)
    environment.update({
        "PATH": f"{programs}:{environment['PATH']}",
        "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig"),
        "CXX": compiler,
        "CC": {"g++": "gcc"}.get(compiler, compiler.replace("++", "")),
    })
    if harness.SANITIZED:  # a plugin without a sanitizer, loaded by a program with one
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return environment


def run(command, cwd, environment, ok=True):
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert not ok or done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done
