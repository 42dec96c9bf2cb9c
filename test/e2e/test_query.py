# SPDX-License-Identifier: Apache-2.0
"""The query language and the Loki API over what agents shipped and clients pushed, by HTTP and by
the `seyir` command."""
import base64
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

import pytest

import harness


@pytest.fixture(scope="module")
def filled():
    """1,000 JSON lines, 100 logfmt lines and 10 plain ones, for tests that only ask."""
    folder = tempfile.mkdtemp(prefix="seyir-e2e-")
    site = harness.Site(folder)
    levels = ["debug", "info", "warn", "error"]
    (site.logs / "json.log").write_text("".join(
        json.dumps({"level": levels[i % 4], "status": 200 + 100 * (i % 4), "duration": f"{i}ms", "path": f"/p/{i % 10}",
                    "size": f"{i}KB", "user": {"id": i}}) + "\n" for i in range(1000)))
    (site.logs / "fmt.log").write_text("".join(f'level=warn took={i}ms msg="hello {i}"\n' for i in range(100)))
    (site.logs / "plain.log").write_text("".join(f"Plain line {i} from 10.0.0.{i}\n" for i in range(10)))
    try:
        site.collector.start()
        site.add_agent().start()
        site.wait_count(1110)
        yield site
    finally:
        site.close()
    reports = site.sanitizer_reports()
    assert not reports, reports[:5]
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("query, rows", [
    ('{input="app"}', 1110),
    ('{input="nothing"}', 0),
    ('{input=~"a.+", env!="prod"}', 1110),
    ('{input="app"} |= "Plain line"', 10),
    ('{input="app"} |= "plain line"', 0),
    ('{input="app"} |~ "(?i)plain LINE [0-4]"', 5),
    ('{input="app"} != "level" !~ "10.0.0.[12]$"', 8),
    ('{input="app"} |= "user" | json | status >= 400', 500),
    ('{input="app"} |= "user" | json | level="error"', 250),
    ('{input="app"} |= "user" | json | level=~"warn|error", status > 400', 250),
    ('{input="app"} |= "user" | json | duration > 990ms', 9),
    ('{input="app"} |= "user" | json | size >= 999KB', 1),
    ('{input="app"} |= "user" | json | user_id = 7', 1),
    ('{input="app"} |= "user" | json | level="error" or level="debug"', 500),
    ('{input="app"} |= "user" | json | (level="error" and path="/p/3") or duration < 1ms', 51),
    ('{input="app"} |= "took=" | logfmt | took > 97ms', 2),
    ('{input="app"} |= "took=" | logfmt | msg="hello 5"', 1),
])
def test_log_queries_select(filled, query, rows):
    got = filled.query_all(query)
    assert len(got) == rows, [row.line for row in got[:3]]


def test_rows_that_do_not_parse_pass_number_filters_as_in_loki(filled):
    rows = filled.query_all('{input="app"} | json | status >= 400')
    assert len(rows) == 500 + 110 and sum("__error__" in row.labels for row in rows) == 110


def test_filename_selects_as_an_attribute(filled):
    assert len(filled.query_all(f'{{input="app"}} | filename="{filled.logs}/plain.log"')) == 10


@pytest.mark.parametrize("query, value", [
    ('sum(count_over_time({input="app"}[10y]))', 1110),
    ('sum(count_over_time({input="app"} |= "Plain" [10y]))', 10),
    ('sum(count_over_time({input="app"} | json | status="500" [10y]))', 250),
])
def test_metric_queries_count(filled, query, value):
    assert filled.instant(query) == value


def test_sum_by_groups(filled):
    answer = filled.get("/loki/api/v1/query", query='sum by (level) (count_over_time({input="app"} |= "user" | json [10y]))')
    data = json.loads(answer.body)["data"]
    assert data["resultType"] == "vector"
    assert {r["metric"]["level"]: float(r["value"][1]) for r in data["result"]} == {
        "debug": 250, "info": 250, "warn": 250, "error": 250}


def test_rate_over_a_range_is_a_matrix(filled):
    now = time.time_ns()
    answer = filled.query_range('sum(rate({input="app"}[5m]))', start=now - 600 * 10**9, end=now + 10**9, step="60s")
    assert answer.status == 200, answer.body
    data = json.loads(answer.body)["data"]
    assert data["resultType"] == "matrix"
    peak = max(float(v[1]) for series in data["result"] for v in series["values"])
    assert abs(peak - 1110 / 300) < 0.01


def test_labels_values_and_series(filled):
    labels = json.loads(filled.get("/loki/api/v1/labels").body)
    assert labels["status"] == "success"
    assert {"env", "host", "input", "service_name"} <= set(labels["data"]) and "filename" not in labels["data"]
    assert json.loads(filled.get("/loki/api/v1/label/input/values").body)["data"] == ["app"]
    series = json.loads(filled.get("/loki/api/v1/series", **{"match[]": '{input="app"}'}).body)["data"]
    assert len(series) == 1 and series[0]["env"] == "test"


def test_data_source_health_check_of_grafana(filled):
    answer = json.loads(filled.get("/loki/api/v1/query", query="vector(1)+vector(1)").body)
    assert answer["data"]["resultType"] == "vector" and answer["data"]["result"][0]["value"][1] == "2"


def test_ready_health_and_metrics_answer(filled):
    assert filled.get("/ready").status == 200
    assert filled.get("/health").status == 200
    metrics = filled.metrics()
    assert metrics and all(re.match(r"[a-zA-Z_:][\w:]*(\{.*\})?$", name) for name in metrics)
    assert any(value == 1110 for value in metrics.values()), "some counter holds the number of stored records"


@pytest.mark.parametrize("query", ['{input="app"', '{}', '{input="app"} | jsn', 'sum(', '{input=~"("}', "", "count_over_time({a=\"b\"})"])
def test_a_bad_query_is_a_400_that_says_where(filled, query):
    answer = filled.query_range(query)
    assert answer.status == 400, answer
    assert len(answer.body) > 20


def test_a_limit_keeps_the_newest_and_pages_continue(filled):
    newest = filled.get("/loki/api/v1/query_range", query='{input="app"}', limit=10, start=0, end=9 * 10**18,
                        direction="backward", line_encoding="base64")
    rows = harness.rows_of(newest.body)
    every = filled.query_all()
    assert [row.ts for row in rows] == [row.ts for row in every[-10:]]


def with_loki_input(site):
    config = site.folder / "collector.yaml"
    config.write_text(config.read_text().replace("outputs:", "  loki: { type: loki }\noutputs:"))
    site.collector.start()


def push(site, body, content_type="application/json"):
    return harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body, token=site.token, tls=site.tls,
                            headers={"Content-Type": content_type})


@pytest.mark.parametrize("start", [lambda site: site.collector.start(), with_loki_input],
                         ids=["without an input", "with an input"])
def test_loki_push_is_stored_and_its_retry_is_not_stored_twice(site, start):
    start(site)
    now = time.time_ns()
    body = json.dumps({"streams": [{"stream": {"job": "push", "env": "x"}, "values": [
        [str(now), "one"], [str(now + 1), "two", {"trace_id": "abc"}], [str(now + 2), "one"]]}]})
    for _ in range(3):
        assert push(site, body).status == 204
    rows = site.query_all('{job="push"}')
    assert [row.line for row in rows] == [b"one", b"two", b"one"] and [row.ts for row in rows] == [now, now + 1, now + 2]
    assert len(site.query_all('{job="push"} | trace_id="abc"')) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", '{"streams":1}', '{"streams":[{"stream":{"a":1},"values":[]}]}',
                                  '{"streams":[{"stream":{"a":"b"},"values":[["x","y"]]}]}'])
def test_a_bad_push_is_a_400(site, body):
    site.collector.start()
    answer = push(site, body)
    assert answer.status == 400 and answer.body, answer
    assert push(site, b"\xff\x00\x01", "application/x-protobuf").status == 400
    assert site.collector.alive()


# --- the seyir command ---

def test_seyir_query_prints_lines_jsons_and_bytes(filled):
    human = filled.seyir("query", '{input="app"} |= "Plain line 3"', "--since", "1h", "--limit", "10")
    assert human.returncode == 0, human.stderr
    assert b"Plain line 3 from 10.0.0.3" in human.stdout and b"\x1b[" not in human.stdout
    as_json = filled.seyir("query", '{input="app"} |= "Plain"', "--since", "1h", "--limit", "100", "--output", "json")
    lines = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert len(lines) == 10 and any("Plain line 9" in json.dumps(line) for line in lines)
    raw = filled.seyir("query", '{input="app"} |= "Plain line 3"', "--since", "1h", "--output", "raw")
    assert raw.stdout == b"Plain line 3 from 10.0.0.3\n"


def test_seyir_raw_output_keeps_every_byte(site):
    line = b"\xff\xfe bytes \x00 and \x1b[31m stay \r"
    (site.logs / "raw.log").write_bytes(line + b"\n")
    site.collector.start()
    site.add_agent().start()
    site.wait_count(1)
    raw = site.seyir("query", '{input="app"}', "--since", "1h", "--output", "raw")
    assert raw.stdout == line + b"\n"
    human = site.seyir("query", '{input="app"}', "--since", "1h")
    assert b"bytes" in human.stdout


def test_seyir_labels_and_status(filled):
    labels = filled.seyir("labels")
    assert labels.returncode == 0 and b"service_name" in labels.stdout
    status = filled.seyir("status")
    assert status.returncode == 0 and b"1110" in status.stdout.replace(b",", b"")


def test_seyir_tail_follows(site):
    path = site.logs / "a.log"
    path.write_bytes(b"")
    site.collector.start()
    site.add_agent().start()
    tail = subprocess.Popen([harness.program("seyir"), "--server", f"http://127.0.0.1:{site.http_port}", "tail",
                             '{input="app"} |= "follow me"', "--output", "raw"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        seen, turn, deadline = b"", 0, time.monotonic() + harness.PATIENCE_S
        while b"follow me" not in seen:
            assert tail.poll() is None, tail.stderr.read()
            assert time.monotonic() < deadline, "nothing followed"
            with open(path, "ab") as log:
                log.write(b"follow me %d\nnot this\n" % turn)
            turn += 1
            if select.select([tail.stdout], [], [], 1)[0]:
                seen += os.read(tail.stdout.fileno(), 65536)
        assert b"not this" not in seen
    finally:
        tail.terminate()
        tail.wait(30)


@pytest.mark.parametrize("arguments, words", [
    (["query", "{oops"], [b"1"]),
    (["query"], [b"seyir"]),
    (["querry", "{}"], [b"query"]),
    (["query", '{input="app"}', "--limit", "many"], [b"many"]),
    (["query", '{input="app"}', "--since", "15 days"], [b"15"]),
])
def test_seyir_failures_say_what_to_do(filled, arguments, words):
    done = filled.seyir(*arguments)
    assert done.returncode not in (0, -6, -11), done
    for word in words:
        assert word in done.stderr, done.stderr


def test_seyir_names_the_server_it_cannot_reach(site):
    done = site.seyir("query", '{input="app"}')
    assert done.returncode != 0 and str(site.http_port).encode() in done.stderr


def test_seyir_validate_accepts_the_fixed_examples(site):
    site.add_agent()
    for name in ("collector.yaml", "agent.yaml"):
        done = site.seyir("validate", site.folder / name, server=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_million_rows_are_answered_streamed(site):
    count = 100_000 if harness.SANITIZED else 1_000_000
    with open(site.logs / "many.log", "wb") as log:
        for start in range(0, count, 10000):
            log.write(b"".join(b"row %07d\n" % i for i in range(start, start + 10000)))
    site.collector.start()
    site.add_agent().start()
    site.wait_count(count)
    rows = site.query_all(limit=1_000_000)
    assert len(rows) == count
    assert all(row.line == b"row %07d" % i for i, row in enumerate(rows))
    limit = site.query_range('{input="app"}', limit=1_000_001)
    assert limit.status == 400 and b"1000000" in limit.body.replace(b",", b"")
    if not harness.SANITIZED:
        assert site.collector.rss_bytes() < 1500 * 1024 * 1024


def test_invalid_utf8_is_shown_as_replacement_characters_in_json(site):
    (site.logs / "a.log").write_bytes(b"bad \xff end\n")
    site.collector.start()
    site.add_agent().start()
    site.wait_count(1)
    answer = site.query_range('{input="app"}')
    value = json.loads(answer.body)["data"]["result"][0]["values"][0][1]
    assert value == "bad \ufffd end"
    exact = site.query_range('{input="app"}', line_encoding="base64")
    assert base64.b64decode(json.loads(exact.body)["data"]["result"][0]["values"][0][1]) == b"bad \xff end"
