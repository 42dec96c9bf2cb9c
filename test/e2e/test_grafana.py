# SPDX-License-Identifier: Apache-2.0
"""The requests Grafana sends (test/cases/grafana), answered by the real collector."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse

import pytest

import clients_cache
import harness

CASES = sorted((pathlib.Path(__file__).resolve().parents[1] / "cases" / "grafana").glob("*.http"))
FORMS = re.compile(r"/(query|query_range|series|index/\w+|detected_.*)$")  # calls that Grafana may POST


class Case:
    def __init__(self, path):
        self.parameters, self.headers = [], {}
        request, _, answer = path.read_text().partition("\n== ")
        for line in request.splitlines():
            if line.startswith("? "):
                name, _, value = line[2:].partition("=")
                self.parameters.append((name, value))
            elif line.startswith(("GET ", "POST ")):
                self.method, self.path = line.split()
            elif line and not line.startswith("#"):
                name, _, value = line.partition(": ")
                self.headers[name] = value
        status, _, shape = answer.partition("\n")
        self.status, self.shape = int(status), json.loads(shape)


class Data:
    """Two services, two hours of them, with times as Grafana writes them."""

    def __init__(self):
        self.end_ns = time.time_ns()
        self.start_ns = self.end_ns - 2 * 3600 * 10**9
        seconds = [self.start_ns // 10**9, self.end_ns // 10**9]
        iso = [time.strftime("%Y-%m-%dT%H:%M:%S.123Z", time.gmtime(s)) for s in (seconds[0], seconds[1] + 1)]
        self.names = dict(start_ns=str(self.start_ns), end_ns=str(self.end_ns), start_iso=iso[0], end_iso=iso[1])

    def fill(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda m: self.names[m.group(1)], text)

    def push(self, site):
        levels, status = ["info", "warn", "error"], [200, 404, 500]

        def checkout(env, i):
            line = json.dumps({"level": levels[i % 3], "status": status[i % 3], "took": f"{i % 10}ms", "user": {"id": i}})
            return [str(self.end_ns - (i + 1) * 10**9 * 59), line, {"trace_id": f"{i:032x}"}]
        streams = [{"stream": {"service_name": "checkout", "env": env},
                    "values": [checkout(env, i) for i in range(120) if i % 2 == side]}
                   for side, env in enumerate(["test", "prod"])]
        streams.append({"stream": {"service_name": "db", "env": "prod"},
                        "values": [[str(self.end_ns - (i + 1) * 10**9), f"slow statement {i}"] for i in range(50)]})
        answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=json.dumps({"streams": streams}),
                                  headers={"Content-Type": "application/json"})
        assert answer.status == 204, answer


@pytest.fixture(scope="module")
def pushed():
    folder = tempfile.mkdtemp(prefix="seyir-e2e-")
    site, data = harness.Site(folder), Data()
    try:
        site.collector.start()
        data.push(site)
        yield site, data
    finally:
        site.close()
    reports = site.sanitizer_reports()
    assert not reports, reports[:5]
    shutil.rmtree(folder, ignore_errors=True)


def is_int_text(value):
    return isinstance(value, str) and re.fullmatch(r"\d+", value) is not None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


KINDS = {
    "$any": lambda value, data: True,
    "$string": lambda value, data: isinstance(value, str),
    "$strings": lambda value, data: isinstance(value, list) and all(isinstance(v, str) for v in value),
    "$int": lambda value, data: isinstance(value, int) and value > 0,
    "$number": lambda value, data: is_number(value),
    "$int_string": lambda value, data: is_int_text(value),
    "$number_string": lambda value, data: isinstance(value, str) and re.fullmatch(r"-?[\d.]+", value) is not None,
    "$ns": lambda value, data: is_int_text(value) and data.start_ns <= int(value) <= data.end_ns,
    "$seconds": lambda value, data: is_number(value) and abs(value - data.end_ns / 1e9) < 3 * 3600,
    "$labels": lambda value, data: isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
    "$parse_error": lambda value, data: re.match(r"parse error at line \d+, col \d+: ", value) is not None,
}


def differences(shape, value, data, place="answer"):
    """What is not as the shape says."""
    if isinstance(shape, str) and shape in KINDS:
        return [] if KINDS[shape](value, data) else [f"{place}: {value!r} is no {shape}"]
    if isinstance(shape, list) and shape[:1] in (["$each"], ["$all"]):
        if not isinstance(value, list) or (shape[0] == "$each" and not value):
            return [f"{place}: {value!r} is no filled list"]
        return [d for i, v in enumerate(value) for d in differences(shape[1], v, data, f"{place}[{i}]")]
    if isinstance(shape, list) and isinstance(value, list) and len(shape) == len(value):
        return [d for i, (s, v) in enumerate(zip(shape, value)) for d in differences(s, v, data, f"{place}[{i}]")]
    if isinstance(shape, dict) and isinstance(value, dict):
        if "$some" in shape:
            return [d for k, v in value.items() for d in differences(shape["$some"], v, data, f"{place}.{k}")] \
                if value else [f"{place}: empty"]
        named = {k: s for k, s in shape.items() if k != "$more"}
        problems = [f"{place}.{k}: missing" for k in named if k not in value]
        problems += [f"{place}.{k}: unexpected" for k in value if k not in named and not shape.get("$more")]
        return problems + [d for k, s in named.items() if k in value for d in differences(s, value[k], data, f"{place}.{k}")]
    return [] if type(shape) is type(value) and shape == value else [f"{place}: {value!r}, not {shape!r}"]


def check(answer, case, data):
    text = answer.body.decode()
    assert answer.status == case.status, text[:2000]
    assert not differences(case.shape, json.loads(text), data), text[:4000]
    if "resultType" in text:
        assert text.index('"resultType"') < text.index('"result":'), "Grafana reads resultType first"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_request_of_grafana_is_answered_as_it_needs(pushed, path):
    site, data = pushed
    case = Case(path)
    parameters = [(name, data.fill(value)) for name, value in case.parameters]
    check(harness.http_get(site.http_port, case.path, parameters, headers=case.headers), case, data)
    if FORMS.search(case.path):
        form = {**case.headers, "Content-Type": "application/x-www-form-urlencoded"}
        check(harness.http_get(site.http_port, case.path, method="POST", body=urllib.parse.urlencode(parameters),
                               headers=form), case, data)


def ask(pushed, path, **parameters):
    site, data = pushed
    answer = site.get("/loki/api/v1/" + path, **{"start": data.start_ns, "end": data.end_ns, **parameters})
    assert answer.status == 200, answer.body[:1000]
    return json.loads(answer.body)


def test_pages_of_a_query_go_on_where_the_last_one_ended(pushed):
    """Explore's "load more": the next page ends at the oldest time of the last one."""
    site, data = pushed
    seen, end = [], data.end_ns
    while True:
        streams = ask(pushed, "query_range", query='{service_name="checkout"}', end=end, limit=7)["data"]["result"]
        page = [(int(value[0]), value[1]) for stream in streams for value in stream["values"]]
        if not page:
            break
        assert all(values == sorted(values, reverse=True)
                   for values in ([int(v[0]) for v in stream["values"]] for stream in streams))
        seen += page
        end = min(ts for ts, _ in page)
    assert len(seen) == 120 and len(set(seen)) == 120
    assert min(ts for ts, _ in seen) >= data.start_ns


def test_stats_volume_and_the_histogram_agree_with_the_rows(pushed):
    rows = [value[1] for stream in ask(pushed, "query_range", query='{service_name=~".+"}', limit=1000)["data"]["result"]
            for value in stream["values"]]
    stats = ask(pushed, "index/stats", query='{service_name=~".+"}')
    assert stats["entries"] == len(rows) == 170 and stats["bytes"] == sum(map(len, rows)) and stats["streams"] == 3
    volume = ask(pushed, "index/volume", query='{}', targetLabels="service_name")["data"]["result"]
    assert sum(int(series["value"][1]) for series in volume) == stats["bytes"]
    steps = ask(pushed, "index/volume_range", query='{}', targetLabels="service_name", step="7m")["data"]["result"]
    assert sum(int(value[1]) for series in steps for value in series["values"]) == stats["bytes"]
    levels = ask(pushed, "query_range", step="10m", start=pushed[1].start_ns + 600 * 10**9,
                 query='sum by (detected_level) (count_over_time({service_name="checkout"} [10m]))')["data"]["result"]
    assert {series["metric"]["detected_level"]: sum(int(v[1]) for v in series["values"]) for series in levels} == \
        {"info": 40, "warn": 40, "error": 40}


def test_a_client_library_written_for_loki_reads_lines_labels_and_errors(pushed):
    site, data = pushed
    command, environment = clients_cache.python_client("loki_read.py", site.http_port, data.start_ns, data.end_ns)
    done = subprocess.run(command, env=environment, capture_output=True, timeout=harness.PATIENCE_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    read = json.loads(done.stdout)
    assert read["labels"] == ["env", "service_name"] and read["values"] == ["prod", "test"]
    assert read["series"] == [{"service_name": "checkout", "env": env} for env in ("prod", "test")]
    assert len(read["lines"]) == 120 and all(json.loads(line)["took"].endswith("ms") for _, line in read["lines"])
    assert sorted(labels["detected_level"] for labels in read["counted"]) == ["error", "info", "warn"]
    assert "parse error at line 1, col 30" in read["refused"], read["refused"]
