# SPDX-License-Identifier: Apache-2.0
"""The operator's commands on real files and running programs: test, graph, top, dead letters."""
import json
import shutil
import subprocess

import pytest

import harness

PIPELINE = """\
version: 1
data_dir: {folder}/data
listen: {{ http: 127.0.0.1:{http} }}
inputs:
  web: {{ type: http }}
filters:
  fields: {{ type: parse, format: json, on_error: dead_letter, promote: [level] }}
  quiet: {{ type: drop, if: '| level="debug"' }}
  private: {{ type: redact, rules: [{{ rule: card }}] }}
outputs:
  store: {{ type: store }}
routes:
  - {{ name: all, from: ["*"], through: [private, fields, quiet], to: [store] }}
tests:
  - name: debug lines are dropped
    feed: {{ at: web, lines: ['{{"level":"debug"}}', '{{"level":"info"}}'] }}
    expect: [{{ at: store, count: 1 }}, {{ at: store, that: '| level="info"', count: 1 }}]
  - name: card numbers never leave
    feed: {{ at: private, lines: ['{{"p":"4111 1111 1111 1111"}}'] }}
    expect: [{{ at: store, record: {{ line: '{{"p":"[card]"}}' }} }}]
    golden: {folder}/cards.jsonl
  - name: this one is wrong
    feed: {{ at: web, lines: ['{{"a":1}}'] }}
    expect_none: [store]
"""


@pytest.fixture
def piped(site):
    site.configure_collector(PIPELINE.format(folder=site.folder, http=site.http_port))
    return site


def run(site, *arguments):
    return site.seyir(*arguments, server=False)


def test_tests_in_a_configuration_pass_fail_and_update_their_golden_files(piped):
    config = piped.folder / "collector.yaml"
    done = run(piped, "test", config)
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "ok     debug lines are dropped (collector.yaml:" in text
    assert "`seyir test --update` writes it" in text
    assert "FAILED this one is wrong" in text and "store must get nothing, but got:" in text
    assert "1 passed, 2 failed" in text
    run(piped, "test", config, "--update")
    golden = [json.loads(line) for line in (piped.folder / "cards.jsonl").read_text().splitlines()]
    assert [line["record"]["body"] for line in golden] == ['{"p":"[card]"}']
    text = run(piped, "test", config, "--coverage").stdout.decode()
    assert "2 passed, 1 failed" not in text.splitlines()[0] and "5 of 5 components saw a record" in text
    results = [json.loads(line) for line in run(piped, "test", config, "--output", "json").stdout.splitlines()]
    assert [(r["name"], r["ok"]) for r in results] == [
        ("debug lines are dropped", True), ("card numbers never leave", True), ("this one is wrong", False)]


def test_the_graph_shows_every_route_as_text_and_for_graphviz(piped):
    config = piped.folder / "collector.yaml"
    text = run(piped, "graph", config).stdout.decode()
    for line in ("route all", "from     web", "through  fields", "through  private", "to       store"):
        assert line in text, text
    dot = run(piped, "graph", config, "--dot").stdout.decode()
    assert dot.startswith("digraph seyir {") and '"filters.private" -> "filters.fields"' in dot
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot.encode(), check=True, stdout=subprocess.DEVNULL)


def test_records_a_filter_cannot_handle_are_in_the_dead_letter_file_and_nowhere_else(piped):
    piped.collector.start()
    answer = harness.http_get(piped.http_port, "/ingest", method="POST", body=b'{"level":"info"}\nno json\n',
                              headers={"Content-Type": "text/plain"})
    assert answer.status == 200, answer.body
    assert [row.line for row in piped.wait_rows(1, query='{input="web"}')] == [b'{"level":"info"}']
    letters = [json.loads(line) for line in (piped.folder / "data/dead_letter/records.jsonl").read_text().splitlines()]
    assert [letter["body"] for letter in letters] == ["no json"]
    assert letters[0]["attributes"]["dead_letter.component"] == "fields"
    assert letters[0]["attributes"]["dead_letter.route"] == "all"


def test_dead_letters_of_a_filter_before_a_redaction_carry_nothing_of_the_record(piped):
    text = PIPELINE.format(folder=piped.folder, http=piped.http_port)
    piped.configure_collector(text.replace("[private, fields, quiet]", "[fields, private, quiet]"))
    piped.collector.start()
    answer = harness.http_get(piped.http_port, "/ingest", method="POST", body=b"pan 4111 1111 1111 1111\n",
                              headers={"Content-Type": "text/plain"})
    assert answer.status == 200, answer.body
    letters = (piped.folder / "data/dead_letter/records.jsonl").read_text()
    assert '"dead_letter.component":"fields"' in letters and "4111" not in letters


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_top_shows_every_component_and_ends_with_q(piped):
    piped.collector.start()
    session = f"seyir-top-{piped.http_port}"
    command = f"{harness.program('seyir')} top --server unix:{piped.folder}/data/admin.sock"
    subprocess.run(["tmux", "-L", session, "new-session", "-d", "-s", session, "-x", "120", "-y", "30", command],
                   check=True)
    try:
        def page():
            done = subprocess.run(["tmux", "-L", session, "capture-pane", "-p", "-t", session], capture_output=True)
            return done.stdout.decode()
        harness.wait_until(lambda: "filter  private" in page(), "top shows the components")
        text = page()
        for word in ("input   web", "filter  quiet", "output  store", "q ends", "HEALTH"):
            assert word in text, text
        harness.http_get(piped.http_port, "/ingest", method="POST", body=b'{"a":1}\n' * 100)
        harness.wait_until(lambda: any(line.startswith("output  store") and line.split()[2] != "0"
                                       for line in page().splitlines()), "top shows a rate")
        subprocess.run(["tmux", "-L", session, "send-keys", "-t", session, "q"], check=True)
        harness.wait_until(lambda: subprocess.run(["tmux", "-L", session, "has-session", "-t", session],
                                                  capture_output=True).returncode != 0, "top ends")
    finally:
        subprocess.run(["tmux", "-L", session, "kill-server"], capture_output=True)


def test_a_multiline_filter_first_in_a_route_joins_lines_in_the_tail_input_itself(site):
    site.collector.start()
    http_port, = harness.free_ports(1)
    agent = site.add_agent(http_port=http_port, text=f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  app: {{ type: tail, include: ['{site.logs}/*.log'] }}
filters:
  traces: {{ type: multiline, preset: python, flush_timeout: 500ms }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
routes:
  - {{ name: all, through: [traces], to: [central] }}
""").start()
    trace = b"Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    1/0\nZeroDivisionError: division by zero"
    (site.logs / "a.log").write_bytes(b"before\n" + trace + b"\nafter\n")
    rows = site.wait_rows(3)
    assert [row.line for row in rows] == [b"before", trace, b"after"]
    agent.kill9()
    agent.start()
    with open(site.logs / "a.log", "ab") as f:
        f.write(b"more\n")
    assert [row.line for row in site.wait_rows(4)] == [b"before", trace, b"after", b"more"]
