# SPDX-License-Identifier: Apache-2.0
"""One co_await per statement, its operands named, never in a condition (docs/adr/0002-clang-19.md)."""
import re

import tree

CONDITION = re.compile(r"\b(if|while|switch|for)\s*(constexpr\s*)?$")


def is_block(code, at):
    """A `{` that opens statements, not a value: clang-format puts a blank or a line before it."""
    before = code[:at]
    if not before or not before[-1].isspace():
        return False
    return not re.search(r"([=,(&|?:]|\breturn|\bco_return)\s*$", before)


def statement_bounds(code, at):
    begin = at
    depth = 0
    while begin > 0:
        c = code[begin - 1]
        if c in ")]":
            depth += 1
        elif c in "([":
            depth -= 1
        elif (c == ";" and depth >= 0) or c == "}" or (c == "{" and is_block(code, begin - 1)):
            break
        begin -= 1
    end = at
    while end < len(code) and code[end] not in ";" and not (code[end] == "{" and is_block(code, end)):
        end += 1
    return begin, end


def open_before(code, begin, at):
    """Brackets opened in [begin, at) and still open at `at`: (character, position), innermost last."""
    stack = []
    for i in range(begin, at):
        if code[i] in "([{":
            stack.append((code[i], i))
        elif code[i] in ")]}" and stack:
            stack.pop()
    return stack


def check_await(path, code, at):
    begin, end = statement_bounds(code, at)
    where = f"{path}:{tree.line_of(code, at)}"
    statement = code[begin:end]
    problems = []
    if len(re.findall(r"\bco_await\b", statement)) > 1:
        problems.append(f"{where}: two co_await in one statement: name the first result")
    for bracket, position in open_before(code, begin, at):
        if bracket == "(" and CONDITION.search(code[:position]):
            problems.append(f"{where}: co_await in a condition: name its result in a statement before")
        if bracket == "{":
            problems.append(f"{where}: co_await inside braces: name its result in a statement before")
    for brace in re.finditer(r"[\w>(,]\{|[(,]\s+\{", code[at:end]):
        problems.append(f"{where}: `{brace.group().strip()}` in the operands of co_await: name the value before")
    return problems


def check_coroutines(path, text):
    code = tree.strip_cpp(text)
    problems = []
    for match in re.finditer(r"\bco_await\b", code):
        problems += check_await(path, code, match.start())
    return sorted(set(problems))


def test_co_await_stands_alone():
    product = [f for f in tree.cpp_files() if not f.startswith("test/")]
    tree.report([p for f in product for p in check_coroutines(f, tree.read(f))])


BAD = [
    "if (co_await f()) {\n}",
    "while (co_await f()) {\n}",
    "switch (co_await f()) {\n}",
    "for (;;) {\n    if (!co_await f()) {\n    }\n}",
    "auto a = co_await f() + co_await g();",
    "auto a = co_await f(Opt{text, 1});",
    "auto a = co_await f({1, 2});",
    "Opt o{text, co_await g()};",
    "use(Opt{.n = co_await g()});",
    "if (auto r = co_await f(); !r) {\n}",
]
GOOD = [
    "auto a = co_await f(x, y);\nif (a) {\n    co_await g();\n}",
    "SEYIR_CO_TRY(auto n, co_await f(x));",
    "co_return co_await f();",
    "for (int i = 0; i < 3; ++i) {\n    auto a = co_await f(i);\n}",
    'auto a = co_await f("{", x);  // if (co_await f({}))',
    "Opt o{text, 1};\nauto a = co_await f(std::move(o));",
    "co_await f([&] { return 1; });",
]


def test_the_lint_catches_each_hazard():
    for snippet in BAD:
        assert check_coroutines("x.cpp", "Awaitable<void> h() {\n" + snippet + "\n}\n"), snippet
    for snippet in GOOD:
        assert not check_coroutines("x.cpp", "Awaitable<void> h() {\n" + snippet + "\n}\n"), snippet
