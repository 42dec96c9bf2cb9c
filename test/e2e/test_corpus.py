# SPDX-License-Identifier: Apache-2.0
"""Every line of every file is queryable once, byte for byte."""
import random

import pytest

import harness


def copy_corpora(site):
    shared = harness.shared_folder()
    if shared is None:
        pytest.skip("the test corpora are not on this machine")
    files = {}
    for source in sorted([*shared.glob("corpora/loghub/*.log"), *shared.glob("corpora/weblogs/*.log")]):
        target = site.logs / source.name
        content = source.read_bytes()
        files[target] = content if content.endswith(b"\n") else content + b"\n"  # an open end waits for its writer
        target.write_bytes(files[target])
    assert files
    return files


def awkward_files(site, lines_each=3000):
    """What corpora hold and what they do not: CRLF, empty lines, bad UTF-8, NUL, long and equal
    lines. The same bytes each time."""
    rng = random.Random(7)
    words = [b"error", b"GET /index.html", b"\xff\xfe\xfa", b"\x00", "İstanbul ığüşöç".encode(), b"", b"\t", b'{"a":1}',
             b"user=42 status=500", b"\x1b[31mred\x1b[0m", b"x" * 5000, b"\xe2\x82", b"\r"]
    files = {}
    for name, end in (("unix", b"\n"), ("windows", b"\r\n"), ("mixed", None)):
        content = bytearray()
        for i in range(lines_each):
            line = b" ".join(rng.choice(words) for _ in range(rng.randrange(4)))
            if rng.random() < 0.7:
                line = b"%06d " % i + line
            content += line.replace(b"\n", b"") + (end or rng.choice([b"\n", b"\r\n"]))
        files[site.logs / f"{name}.log"] = bytes(content)
    files[site.logs / "equal.log"] = b"the same line\n" * 2000
    for path, content in files.items():
        path.write_bytes(content)
    return files


def total_lines(files):
    return sum(len(harness.split_lines(content)) for content in files.values())


def test_real_logs_are_stored_once_and_byte_exact(site):
    files = copy_corpora(site)
    site.collector.start()
    site.add_agent().start()
    rows = site.wait_rows(total_lines(files))
    harness.assert_files_stored_once(rows, files)


def test_awkward_lines_are_stored_once_and_byte_exact(site):
    files = awkward_files(site)
    site.collector.start()
    site.add_agent().start()
    rows = site.wait_rows(total_lines(files))
    harness.assert_files_stored_once(rows, files)


def test_a_line_written_in_pieces_is_one_line(site):
    path = site.logs / "a.log"
    path.write_bytes(b"whole\nbegun ")
    site.collector.start()
    agent = site.add_agent().start()
    site.wait_count(1)
    with open(path, "ab") as log:
        log.write(b"and gone on ")
    agent.restart()
    with open(path, "ab") as log:
        log.write(b"and ended\n")
    rows = site.wait_rows(2)
    assert [row.line for row in rows] == [b"whole", b"begun and gone on and ended"]


def test_labels_and_times_of_a_tailed_line(site):
    path = site.logs / "a.log"
    path.write_bytes(b"one\ntwo\nthree\n")
    site.collector.start()
    site.add_agent().start()
    rows = site.wait_rows(3, f'{{input="app"}} | filename="{path}"')
    assert [row.line for row in rows] == [b"one", b"two", b"three"]
    assert rows[0].ts < rows[1].ts < rows[2].ts
    labels = rows[0].labels
    assert labels["input"] == "app" and labels["service_name"] == "app" and labels["env"] == "test"
    assert labels["host"] and labels["filename"] == str(path)


def test_an_appended_line_is_answered_after_its_acknowledgement(site):
    path = site.logs / "a.log"
    path.write_bytes(b"")
    site.collector.start()
    site.add_agent().start()
    with open(path, "ab", buffering=0) as log:
        for i in range(20):
            log.write(b"line %d\n" % i)
            rows = site.wait_rows(i + 1)
            assert [row.line for row in rows] == [b"line %d" % n for n in range(i + 1)]


@pytest.mark.parametrize("how", ["rename", "copytruncate", "truncate"])
def test_rotation_loses_and_doubles_nothing(site, how):
    path = site.logs / "app.log"
    path.write_bytes(b"")
    site.collector.start()
    site.add_agent().start()
    expected = []
    for turn in range(4):
        with open(path, "ab", buffering=0) as log:
            for i in range(400 - 100 * turn):  # fewer each turn: the file never grows past its old end
                line = b"%s turn %d line %d" % (how.encode(), turn, i)
                expected.append(line)
                log.write(line + b"\n")
        site.wait_count(len(expected))
        if how == "rename":
            path.rename(path.with_suffix(f".{turn}"))
            path.write_bytes(b"")
        else:
            if how == "copytruncate":
                path.with_suffix(f".{turn}").write_bytes(path.read_bytes())
            with open(path, "r+b") as log:
                log.truncate(0)
    rows = site.wait_rows(len(expected))
    assert [row.line for row in rows] == expected
