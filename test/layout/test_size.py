# SPDX-License-Identifier: Apache-2.0
"""Files, functions and folders stay small enough to be read in one sitting."""
import collections
import os
import re

import tree

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
FOLDER_UNITS_MAX = 15
# Tables and generated text are exempt by name.
EXEMPT = re.compile(r"(_table|_generated)\.(cpp|hpp)$")
SCOPE = re.compile(r"^(inline\s+)?(namespace|class|struct|union|enum|extern|TEST_SUITE)\b")
PREFIX = re.compile(r"^(template\s*<(?:[^<>]|<[^<>]*>)*>\s*|\[\[[^\]]*\]\]\s*|(public|private|protected)\s*:\s*|requires\s*\([^()]*\)\s*)+")
AFTER_HEADER = re.compile(r"(\)|\}|\b(const|noexcept|override|final|mutable|try)|->\s*[\w:<>,*&\s]+)\s*$")


def kind_of(header):
    """What the brace after this text opens at namespace or class level."""
    header = PREFIX.sub("", header.strip())
    if SCOPE.match(header) and not re.search(r"\)\s*(const|noexcept|override|final)*\s*$", header.replace('("")', "")):
        return "scope"
    if re.match(r"(struct|class|enum|union)\b", header) and "(" not in header:
        return "scope"
    if "(" in header and AFTER_HEADER.search(header) and not header.endswith("="):
        return "function"
    return "other"


def functions(text):
    """(line, lines, name) of each function with a body; nested lambdas count to their function."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), tree.strip_cpp(text), flags=re.M)
    stack, header_begin, found = [], 0, []
    for match in re.finditer(r"[{};]", code):
        at, brace = match.start(), match.group()
        inside = stack and stack[-1][0] != "scope"
        if brace == "{":
            header = code[header_begin:at]
            kind = "other" if inside else kind_of(header)
            stack.append((kind, at, header))
            if kind != "other":
                header_begin = at + 1
        elif brace == "}" and stack:
            kind, begin, header = stack.pop()
            if kind == "function":
                name = re.search(r"([\w:~]+)\s*\(", header)
                begin_line, end_line = tree.line_of(code, begin), tree.line_of(code, at)
                found.append((begin_line, end_line - begin_line + 1, name.group(1) if name else "?"))
            if kind != "other":
                header_begin = at + 1
        elif brace == ";" and not inside:
            header_begin = at + 1
    return found


def long_functions(path, text):
    return [f"{path}:{line}: {name} has {lines} lines, more than {FUNCTION_LINES_MAX}"
            for line, lines, name in functions(text) if lines > FUNCTION_LINES_MAX]


def long_file(path, text):
    lines = text.count("\n")
    if lines > FILE_LINES_MAX and not EXEMPT.search(path):
        return [f"{path}: {lines} lines, more than {FILE_LINES_MAX}"]
    return []


def test_files_are_short():
    named = [f for f in tree.files() if f.endswith(tree.CPP + (".py", ".build", ".md")) or f == "dev"]
    tree.report([p for f in named for p in long_file(f, tree.read(f))])


def test_functions_are_short():
    tree.report([p for f in tree.cpp_files() for p in long_functions(f, tree.read(f))])


def test_folders_are_flat_and_small():
    units = collections.defaultdict(set)
    for path in tree.cpp_files("agent", "collector", "common", "ctl", "plugins"):
        units[os.path.dirname(path)].add(os.path.splitext(os.path.basename(path))[0])
    problems = [f"{folder}: {len(names)} units (x.hpp and x.cpp are one), more than {FOLDER_UNITS_MAX}"
                for folder, names in units.items() if len(names) > FOLDER_UNITS_MAX]
    problems += [f"{folder}: deeper than three levels" for folder in units if folder.count("/") > 3]
    tree.report(problems)


def test_the_parser_finds_functions():
    body = "    work();\n" * 80
    assert long_functions("x.cpp", "namespace a {\nvoid f(int x) {\n" + body + "}\n}\n")
    assert long_functions("x.cpp", "Foo::Foo(int a) : a_{a}, b_(2) {\n" + body + "}\n")
    assert long_functions("x.cpp", "class A {\n  public:\n    int f() const override {\n" + body + "    }\n};\n")
    assert long_functions("x.cpp", "template <class T>\nauto f(T t) -> Result<T> {\n" + body + "}\n")
    assert long_functions("x.cpp", 'TEST_SUITE("a") {\nTEST_CASE("b") {\n' + body + "}\n}\n")
    assert not long_functions("x.cpp", "namespace a {\n" + "void f() { work(); }\n" * 90 + "}\n")
    assert not long_functions("x.cpp", "constexpr int kTable[] = {\n" + "    1,\n" * 90 + "};\n")
    assert not long_functions("x.cpp", "class A {\n" + "    int f();\n" * 90 + "};\n")
    assert not long_functions("x.cpp", '// a {\nconst char* t = "{(";\nstruct S {\n' + "    int a = f(1);\n" * 90 + "};\n")
    assert long_file("x.cpp", "\n" * 801)
