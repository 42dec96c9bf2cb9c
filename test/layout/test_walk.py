# SPDX-License-Identifier: Apache-2.0
"""ARCHITECTURE.md stays true: what it and the other pages name exists where they say."""
import glob
import os
import re

import tree

CODE = re.compile(r"`([^`\n]+)`")
TYPE = re.compile(r"^[A-Z][A-Za-z0-9]+$")
TOP = ("agent", "collector", "common", "ctl", "plugins", "configs", "test", "bench", "docs", "packaging", "tools",
       "changelog.d")
PAGES = ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"]


def paths_named(text):
    """Paths of this tree in backticks, and link targets."""
    named = [word.split()[0].rstrip("/") for word in CODE.findall(text) if word.split()[0].startswith(tuple(t + "/" for t in TOP))]
    return [n for n in named if not re.search(r"[<>{}…*]", n)]


def links(text):
    return [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]


def defines(header_text, type_name):
    return re.search(rf"\b(class|struct|enum class|enum|concept)\s+(\[\[\w+\]\]\s+)?{type_name}\b(?!\s*;)|\busing\s+{type_name}\s*=",
                     header_text) is not None


def walk_types(text):
    """Types in the rows of tables whose head has the column `room`."""
    found, inside = [], False
    for line in text.splitlines():
        if line.startswith("|"):
            inside = inside or "| room |" in line
            if inside:
                found += [word for word in CODE.findall(line) if TYPE.match(word)]
        else:
            inside = False
    return found


def missing_paths(page, text):
    folder = os.path.dirname(page)
    problems = [f"{page}: `{p}` does not exist" for p in paths_named(text) if not os.path.exists(os.path.join(tree.ROOT, p))]
    problems += [f"{page}: the link {p} leads nowhere" for p in links(text)
                 if not os.path.exists(os.path.join(tree.ROOT, folder, p))]
    return problems


def missing_types(text, headers):
    texts = {h: tree.strip_cpp(tree.read(h)) for h in headers if os.path.exists(os.path.join(tree.ROOT, h))}
    return [f"ARCHITECTURE.md: `{name}` is defined in no header it names" for name in sorted(set(walk_types(text)))
            if not any(defines(t, name) for t in texts.values())]


def test_each_file_a_page_names_exists():
    pages = PAGES + [os.path.relpath(p, tree.ROOT) for p in glob.glob(tree.ROOT + "/docs/**/*.md", recursive=True)]
    pages += [f for f in tree.files() if f.endswith("/README.md")]
    tree.report([p for page in pages for p in missing_paths(page, tree.read(page))])


def test_each_type_of_the_walk_is_defined_where_it_says():
    text = tree.read("ARCHITECTURE.md")
    headers = [p for p in paths_named(text) if p.endswith(".hpp")]
    assert len(set(walk_types(text))) >= 10, "the walk names its types"
    tree.report(missing_types(text, headers))


def test_each_module_is_in_the_architecture():
    text = tree.read("ARCHITECTURE.md")
    folders = {os.path.dirname(f) for f in tree.cpp_files("agent", "collector", "common", "ctl", "plugins")}
    tree.report([f"ARCHITECTURE.md does not name {f}" for f in sorted(folders) if f not in text])


def test_each_decision_that_sources_name_exists():
    problems = []
    for path in tree.files():
        if path.endswith(tree.CPP + (".build", ".py", ".md")):
            for name in re.findall(r"\badr/(\d{4}-[a-z0-9-]+)", tree.read(path)):
                if not os.path.exists(os.path.join(tree.ROOT, "docs/adr", name + ".md")):
                    problems.append(f"{path}: docs/adr/{name}.md does not exist")
    tree.report(problems)


def test_the_lints_catch_what_is_gone():
    assert missing_paths("x.md", "see `common/nowhere/x.hpp`")
    assert missing_paths("docs/x.md", "[y](nowhere.md)")
    assert not missing_paths("README.md", "see `common/base/result.hpp` and [this](LICENSE)")
    table = "| # | room | in |\n|---|---|---|\n| 1 | `x` | `NoSuchType` |\n"
    assert missing_types(table, ["common/base/result.hpp"])
    assert not missing_types(table.replace("NoSuchType", "Result"), ["common/base/result.hpp"])
