# SPDX-License-Identifier: Apache-2.0
"""House rules: licence lines, a README per module, nothing that belongs to one machine."""
import os
import re

import tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
WITH_SPDX = re.compile(r"(\.(cpp|hpp|h|py|sh|service|ini|supp)|^meson\.build|meson_options\.txt|/dev|^dev|\.ci/run|configs/.*\.yaml)$")
BANNED_INCLUDES = {
    "boost/asio.hpp": "include the narrow header: this one costs seconds in each file",
    "boost/beast.hpp": "include the narrow header: this one costs seconds in each file",
    "regex": "RE2 is the project's regular expression engine",
    "iostream": "common/base/log.hpp in services, fmt in ctl",
}
# Built from pieces so that this file does not match itself.
MACHINE = re.compile("|".join([
    r"(?<![\w.])/" + r"work/", r"(?<![\w.])/" + r"tmp/wt\b", r"(?<![\w.])/" + r"farm/", r"(?<![\w.])/" + r"root/",
    r"://[a-z0-9.-]*(" + "|".join(["np" + "m", "py" + "pi", "cra" + "tes", "gol" + "ang"]) + r")",
    r"\b[Ss]ub" + r"agent", r"before" + r"-stop",
]))
TODO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
TEXT = (".cpp", ".hpp", ".h", ".py", ".md", ".build", ".yaml", ".yml", ".service", ".ini", ".txt", ".conf", ".sh", ".in")
BINARY_FOLDERS = ("test/golden/", "test/fuzz/corpus/", "test/data/")
MODULE_PARENTS = ("agent", "collector", "common", "plugins")


def texts():
    return [f for f in tree.files() if (f.endswith(TEXT) or f in ("dev", ".ci/run")) and not f.startswith(BINARY_FOLDERS)]


def check_spdx(path, text):
    lines = text.split("\n", 2)
    first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
    return [] if SPDX in first else [f"{path}: its first line is not `{SPDX}`"]


def check_banned(path, text):
    problems = []
    for name in re.findall(r"^\s*#\s*include\s*<([^>]+)>", text, re.M):
        if name in BANNED_INCLUDES and not (name == "iostream" and path.startswith("ctl/")):
            problems.append(f"{path}: <{name}>: {BANNED_INCLUDES[name]}")
    return problems


def check_machine(path, text):
    return [f"{path}:{tree.line_of(text, m.start())}: `{m.group()}` belongs to one machine or tool, not to the project"
            for m in MACHINE.finditer(text)]


def check_todo(path, text):
    return [f"{path}:{tree.line_of(text, m.start())}: {m.group()} without an issue: write {m.group()}(#N) or do it now"
            for m in TODO.finditer(text)]


def modules():
    """Folders that hold sources of their own."""
    found = {os.path.dirname(f) for f in tree.cpp_files(*MODULE_PARENTS, "ctl", "bench")}
    return sorted(found | {"test/e2e", "test/layout", "packaging", "tools", "configs"})


def test_every_source_names_its_licence():
    tree.report([p for f in texts() if WITH_SPDX.search(f) and tree.read(f) for p in check_spdx(f, tree.read(f))])


def test_every_module_has_a_readme():
    known = set(tree.files())
    tree.report([f"{m}: no README.md" for m in modules() if f"{m}/README.md" not in known])


def test_no_banned_include():
    tree.report([p for f in tree.cpp_files() for p in check_banned(f, tree.read(f))])


def test_nothing_names_one_machine():
    tree.report([p for f in texts() for p in check_machine(f, tree.read(f))])


def test_no_open_end_without_an_issue():
    tree.report([p for f in tree.cpp_files() for p in check_todo(f, tree.read(f))])


def test_headers_are_guarded_by_pragma_once():
    headers = [f for f in tree.cpp_files() if f.endswith(".hpp")]
    tree.report([f"{f}: no #pragma once" for f in headers if "#pragma once" not in tree.read(f)])


def test_the_lints_catch_bad_snippets():
    assert check_spdx("x.cpp", "// Copyright\n// " + SPDX + "\n")
    assert not check_spdx("x", "#!/bin/sh\n# " + SPDX + "\n")
    assert check_banned("common/base/x.cpp", "#include <regex>\n")
    assert check_banned("agent/app/x.cpp", "#include <iostream>\n")
    assert not check_banned("ctl/x.cpp", "#include <iostream>\n")
    assert check_machine("x.md", "see /" + "work/notes")
    assert not check_machine("x.md", "the network/" + "work/load")
    assert check_todo("x.cpp", "// TO" + "DO: later\n")
    assert not check_todo("x.cpp", "// TO" + "DO(#12): later\n")
