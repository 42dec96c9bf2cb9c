# SPDX-License-Identifier: Apache-2.0
"""The plugin ABI only grows: abidiff compares the header with the description kept of version 1.0."""
import shutil
import subprocess

import pytest

import harness

FIXTURES = harness.ROOT / "test" / "plugin_fixtures"
HEADER = harness.ROOT / "plugins" / "include" / "seyir" / "plugin.h"


def difference(folder, header_text):
    """abidiff's status for a header: 0 = nothing that 1.x may not do."""
    for tool in ("gcc", "abidiff"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: gcc, abigail-tools)")
    (folder / "seyir").mkdir(exist_ok=True)
    (folder / "seyir" / "plugin.h").write_text(header_text)
    surface = folder / "surface.so"
    subprocess.run(["gcc", "-std=c99", "-g", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{folder}",
                    str(FIXTURES / "abi_surface.c"), "-o", str(surface)], check=True)
    done = subprocess.run(["abidiff", "--suppressions", str(FIXTURES / "plugin-abi.suppr"),
                           str(FIXTURES / "plugin-abi-1.0.abi"), str(surface)], capture_output=True, text=True)
    return done.returncode, done.stdout


def changed(old, new):
    text = HEADER.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_the_header_is_compatible_with_version_1_0(folder):
    status, said = difference(folder, HEADER.read_text())
    assert status == 0, said


def test_a_struct_may_grow_at_its_end(folder):
    last = "const void* (*extension)(const struct seyir_host* host, const char* name);"
    status, said = difference(folder, changed(last, last + "\n    void (*newer)(void);"))
    assert status == 0, said


@pytest.mark.parametrize("old, new", [
    ("SEYIR_FATAL = 3,", "SEYIR_FATAL = 9,"),
    ("    uint32_t abi_major;\n    uint32_t abi_minor;\n    uint32_t reserved;",
     "    uint32_t abi_minor;\n    uint32_t abi_major;\n    uint32_t reserved;"),
    ("    char message[504];", "    char message[508];"),
    ("int32_t (*set_ts)(struct seyir_batch* batch, uint32_t row, int64_t ts_ns);",
     "int32_t (*set_ts)(struct seyir_batch* batch, uint64_t row, int64_t ts_ns);"),
])
def test_the_gate_catches_what_breaks_old_plugins(folder, old, new):
    status, _ = difference(folder, changed(old, new))
    assert status != 0
