# SPDX-License-Identifier: Apache-2.0
"""The plugin ABI only grows: the header against the description kept of version 1.0."""
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml

import pytest

import harness

FIXTURES = harness.ROOT / "test" / "plugin_fixtures"
HEADER = harness.ROOT / "plugins" / "include" / "seyir" / "plugin.h"
BASELINE = FIXTURES / "plugin-abi-1.0.abi"
# Those that begin with their size (docs/format/plugin-abi.md).
MAY_GROW = {"seyir_" + name for name in
            "entry host filter_factory filter_type filter_descriptor field config error batch batch_api".split()}


def surface_of(folder, header_text):
    """A shared object, with debug information, that names every type of a header."""
    for tool in ("gcc", "abidiff", "abidw"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: gcc, abigail-tools)")
    (folder / "seyir").mkdir(exist_ok=True)
    (folder / "seyir" / "plugin.h").write_text(header_text)
    surface = folder / "surface.so"
    subprocess.run(["gcc", "-std=c99", "-g", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{folder}",
                    str(FIXTURES / "abi_surface.c"), "-o", str(surface)], check=True)
    return surface


def described(text):
    """{struct: (bits, [(member, offset, type)])}, {enum: {enumerator: value}}"""
    root = xml.fromstring(text)
    by_id = {node.get("id"): node for node in root.iter() if node.get("id")}

    def name_of(type_id, depth=0):
        node = by_id.get(type_id)
        if node is None or depth > 20:
            return "?"
        kind = node.tag
        if kind == "pointer-type-def":
            return name_of(node.get("type-id"), depth + 1) + "*"
        if kind == "qualified-type-def":
            return "const " + name_of(node.get("type-id"), depth + 1)
        if kind == "array-type-def":
            return f"{name_of(node.get('type-id'), depth + 1)}[{node.get('size-in-bits')}]"
        if kind == "function-type":
            given = [name_of(p.get("type-id"), depth + 1) for p in node.iter("parameter")]
            back = name_of(node.find("return").get("type-id"), depth + 1)
            return f"{back}({','.join(given)})"
        return f"{kind} {node.get('name')}"

    structs, enums = {}, {}
    for node in root.iter("class-decl"):
        members = [(m.find("var-decl").get("name"), int(m.get("layout-offset-in-bits")),
                    name_of(m.find("var-decl").get("type-id"))) for m in node.findall("data-member")]
        if members:
            structs[node.get("name")] = (int(node.get("size-in-bits")), members)
    for node in root.iter("enum-decl"):
        enums[node.get("name")] = {e.get("name"): e.get("value") for e in node.iter("enumerator")}
    return structs, enums


def breaks(old_text, new_text):
    """What a plugin built with the old header could not live with."""
    (old_structs, old_enums), (new_structs, new_enums) = described(old_text), described(new_text)
    problems = []
    for name, (bits, members) in old_structs.items():
        new_bits, new_members = new_structs.get(name, (0, []))
        if new_members[:len(members)] != members:
            problems.append(f"{name}: members changed")
        if new_bits != bits and not (name in MAY_GROW and new_bits > bits):
            problems.append(f"{name}: {bits} bits became {new_bits}")
    for name, values in old_enums.items():
        if not values.items() <= new_enums.get(name, {}).items():
            problems.append(f"{name}: enumerators changed")
    return problems


def difference(folder, header_text):
    """Nothing, or what breaks. abidiff finds that nothing changed; a change must be growth."""
    surface = surface_of(folder, header_text)
    if subprocess.run(["abidiff", str(BASELINE), str(surface)], capture_output=True).returncode == 0:
        return []
    dumped = subprocess.run(["abidw", str(surface)], capture_output=True, text=True, check=True).stdout
    return breaks(BASELINE.read_text(), dumped)


def changed(old, new):
    text = HEADER.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_the_header_is_that_of_version_1_0(folder):
    """Once there is a version 1.1 it has a description of its own, and this one asks for growth only."""
    surface = surface_of(folder, HEADER.read_text())
    minor = int(re.search(r"#define SEYIR_ABI_MINOR (\d+)", HEADER.read_text()).group(1))
    done = subprocess.run(["abidiff", str(BASELINE), str(surface)], capture_output=True, text=True)
    assert minor > 0 or done.returncode == 0, done.stdout
    assert difference(folder, HEADER.read_text()) == []


def test_the_description_knows_every_type():
    structs, enums = described(BASELINE.read_text())
    text = HEADER.read_text()
    assert set(re.findall(r"^} (seyir_\w+);", text, re.M)) == set(structs) | set(enums)


def test_a_struct_may_grow_at_its_end(folder):
    last = "const void* (*extension)(const struct seyir_host* host, const char* name);"
    assert difference(folder, changed(last, last + "\n    void (*newer)(void);")) == []


@pytest.mark.parametrize("old, new", [
    ("SEYIR_FATAL = 3,", "SEYIR_FATAL = 9,"),
    ("    uint32_t abi_major;\n    uint32_t abi_minor;\n    uint32_t reserved;",
     "    uint32_t abi_minor;\n    uint32_t abi_major;\n    uint32_t reserved;"),
    ("    char message[504];", "    char message[508];"),
    ("int32_t (*set_ts)(struct seyir_batch* batch, uint32_t row, int64_t ts_ns);",
     "int32_t (*set_ts)(struct seyir_batch* batch, uint64_t row, int64_t ts_ns);"),
    ("    seyir_text name;\n    seyir_value value;\n} seyir_member;",
     "    seyir_text name;\n    seyir_value value;\n    uint64_t more;\n} seyir_member;"),
])
def test_the_gate_catches_what_breaks_old_plugins(folder, old, new):
    assert difference(folder, changed(old, new))
