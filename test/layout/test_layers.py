# SPDX-License-Identifier: Apache-2.0
"""Dependencies point one way, and third parties stay inside their fences."""
import re

import tree

BASE = ["common/base", "common/io"]
DATA = BASE + ["common/record", "common/samples", "common/metrics", "common/codec", "common/json"]
COMMON = ["common/" + name for name in (
    "base io time automaton codec metrics json config record samples wire async net pipeline logql multiline alert buffer ship component plugin process service".split())]

# folder -> the folders it may include from. Longest match counts; a folder may include itself.
ALLOWED = {
    "common/base": [],
    "common/io": ["common/base"],
    "common/automaton": ["common/base"],
    "common/codec": BASE,
    "common/time": BASE,
    "common/metrics": BASE,
    "common/json": BASE,
    "common/config": BASE,
    "common/record": BASE + ["common/codec"],
    "common/samples": BASE + ["common/record", "common/codec"],
    "common/async": BASE + ["common/metrics"],
    "common/wire": BASE + ["common/record", "common/codec"],
    "common/net": BASE + ["common/async", "common/metrics", "common/codec"],
    "common/pipeline": DATA + ["common/config", "common/logql"],
    "common/logql": BASE + ["common/automaton", "common/record", "common/json", "common/metrics", "common/time"],
    "common/alert": DATA + ["common/logql"],
    "common/buffer": DATA + ["common/config", "common/pipeline", "common/async"],
    "common/ship": DATA + ["common/config", "common/pipeline", "common/wire", "common/async", "common/net"],
    "common/multiline": BASE + ["common/config"],
    "common/component": DATA + ["common/config", "common/pipeline", "common/logql", "common/net", "common/buffer"],
    # Plugins see seyir/plugin.h, which includes nothing of ours.
    "common/plugin": DATA + ["common/config", "common/pipeline", "common/component"],
    "common/process": BASE,
    # The only common folder above the rooms' interfaces: what main() of both programs shares.
    "common/service": COMMON,
    "plugins": COMMON,
    "agent/checkpoint": DATA + ["common/pipeline", "common/wire"],
    "agent/input": DATA + ["common/config", "common/pipeline", "common/component", "common/multiline", "agent/checkpoint"],
    "agent/input/container": DATA + ["common/config", "common/pipeline", "common/component", "common/multiline",
                              "common/time", "agent/input", "plugins/filter/parse"],
    "agent/input/relay": DATA + ["common/config", "common/wire", "common/pipeline", "common/component", "common/net", "common/async"],
    "agent/hostmetrics": DATA + ["common/config", "common/pipeline", "common/component"],
    "agent/app": COMMON + ["agent", "plugins"],
    "collector/store": DATA + ["common/automaton", "common/config", "common/pipeline", "common/wire"],
    "collector/query": DATA + ["common/automaton", "common/logql", "collector/store"],
    "collector/input": DATA + ["common/config", "common/pipeline", "common/wire", "common/async", "common/net",
                               "common/logql", "common/component", "collector/store", "collector/services"],
    "collector/schedule": BASE + ["common/config", "common/component", "common/time"],
    "collector/retention": DATA + ["common/config", "common/component", "common/logql", "common/net", "collector/schedule",
                            "collector/store"],
    "collector/backup": DATA + ["common/config", "common/component", "common/net", "collector/schedule", "collector/store"],
    "collector/services": DATA + ["common/component", "common/pipeline", "common/alert", "common/net", "collector/store"],
    "collector/output": DATA + ["common/config", "common/pipeline", "common/component", "common/wire", "collector/backup", "collector/retention", "collector/store",
                         "collector/services"],
    "collector/api": DATA + ["common/net", "common/logql", "common/config", "common/pipeline", "common/process",
                             "collector/query", "collector/store"],
    "collector/app": COMMON + ["collector", "plugins"],
    # `seyir validate` checks both programs' files with the schemas they use themselves.
    "ctl": COMMON + ["agent/app", "collector/app", "collector/backup", "collector/input/http", "collector/store",
            "plugins/filter/parse"],
    "tools": COMMON,
}

# third-party header -> where it may be named. Everything else (fmt, xxhash) is free.
FENCES = [
    (r"boost/asio|boost/system|openssl/", ["common/async", "common/net", "common/ship", "collector/input", "plugins/input", "plugins/forward", "plugins/output", "plugins/filter/redact", "ctl"]),
    (r"boost/beast", ["common/net"]),
    (r"rocksdb/", ["collector/store"]),
    (r"yaml\.h", ["common/config"]),
    (r"re2/", ["common/logql", "common/multiline", "plugins/filter"]),
    (r"pcre2", ["plugins/filter"]),
    (r"lua|luajit", ["plugins/filter/lua"]),
    (r"curl/", ["plugins/output"]),
    (r"simdjson", ["common/json", "common/logql", "plugins/filter"]),
    (r"rapidjson/", ["common/json"]),
    (r"lz4|zstd|snappy", ["common/codec"]),
    (r"zlib", ["common/net/http", "common/codec"]),
    (r"doctest/", ["test"]),
    (r"benchmark/", ["bench"]),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
UNRULED = ("test", "bench")  # may look at everything


def home_of(path):
    """The longest ruled folder that holds the path."""
    candidates = [f for f in ALLOWED if path.startswith(f + "/")]
    return max(candidates, key=len, default=None)


def within(path, folders):
    return any(path.startswith(f + "/") for f in folders)


def check_direction(path, text):
    problems = []
    if within(path, UNRULED):
        return problems
    home = home_of(path)
    if home is None:
        return [f"{path}: its folder has no row in the table of test/layout/test_layers.py"]
    for quote, name in INCLUDE.findall(text):
        if quote == '"' and not within(name, ALLOWED[home] + [home]):
            problems.append(f"{path}: {home} may not include {name}")
    return problems


def check_fences(path, text):
    problems = []
    for _, name in INCLUDE.findall(text):
        for pattern, folders in FENCES:
            if re.match(pattern, name) and not within(path, folders + list(UNRULED)):
                problems.append(f"{path}: <{name}> belongs to {', '.join(folders)} only")
    return problems


def check_full_paths(path, text):
    """"x.hpp" is found from the root, so an include can be searched for and a layer read off it."""
    known = set(tree.files())
    return [f'{path}: "{name}" is not a path from the root' for quote, name in INCLUDE.findall(text)
            if quote == '"' and name not in known and "/" not in name]


def test_dependencies_point_one_way():
    tree.report([p for f in tree.cpp_files() for p in check_direction(f, tree.read(f))])


def test_third_parties_stay_inside_their_fences():
    tree.report([p for f in tree.cpp_files() for p in check_fences(f, tree.read(f))])


def test_includes_are_full_paths():
    tree.report([p for f in tree.cpp_files() for p in check_full_paths(f, tree.read(f))])


def test_the_table_has_no_circle():
    def reach(folder, seen):
        rows = {row for other in ALLOWED[folder] for row in ALLOWED if row == other or row.startswith(other + "/")}
        for row in rows - {folder}:
            assert row not in seen, f"{folder} and {row} may include each other"
            reach(row, seen | {row})

    for folder in [f for f in ALLOWED if f.startswith("common/")]:
        reach(folder, {folder})


def test_the_lint_catches_a_bad_include():
    assert check_direction("common/base/x.hpp", '#include "common/io/clock.hpp"\n')
    assert check_direction("agent/input/x.hpp", '#include "collector/store/log_store.hpp"\n')
    assert check_direction("agent/input/x.cpp", '#include "agent/app/sender.hpp"\n')
    assert not check_direction("common/io/x.hpp", '#include "common/base/time.hpp"\n')
    assert check_direction("elsewhere/x.hpp", "")
    assert check_fences("agent/input/x.cpp", "#include <rocksdb/db.h>\n")
    assert check_fences("collector/query/x.cpp", "#include <yaml.h>\n")
    assert not check_fences("collector/store/x.cpp", "#include <rocksdb/db.h>\n")
    assert check_full_paths("common/base/x.cpp", '#include "time.hpp"\n')
