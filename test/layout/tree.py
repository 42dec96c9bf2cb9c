# SPDX-License-Identifier: Apache-2.0
"""The source tree as the layout tests see it: files, their text, and C++ without its comments."""
import functools
import os
import re

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SKIPPED = re.compile(r"^(build|\.git$|\.cache$|\.pytest_cache$|__pycache__$)")
CPP = (".cpp", ".hpp", ".h")
CODE_FOLDERS = ("agent", "collector", "common", "ctl", "plugins", "test", "bench", "tools")


@functools.lru_cache(maxsize=None)
def files():
    """Every file of the project, relative to its root, sorted."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not SKIPPED.match(f)]
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted(f for f in found if f != ".git")


def cpp_files(*folders):
    return [f for f in files() if f.endswith(CPP) and f.startswith(tuple(x + "/" for x in folders or CODE_FOLDERS))]


@functools.lru_cache(maxsize=None)
def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'',
    re.S,
)


def strip_cpp(text):
    """Comments become blanks, literals become empty ones; line numbers stay."""

    def blank(match):
        token = match.group()
        newlines = "\n" * token.count("\n")
        if token.startswith("/"):
            return newlines or " "
        return ("''" if token.startswith("'") else '""') + newlines

    return TOKEN.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def report(problems):
    """What a failing lint prints: one problem a line."""
    assert not problems, "\n" + "\n".join(problems)
