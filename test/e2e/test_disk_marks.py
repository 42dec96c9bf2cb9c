# SPDX-License-Identifier: Apache-2.0
"""The marks of the store's disk: what clients are told below them, and that agents lose nothing."""
import json
import subprocess
import time
import urllib.request

import harness

BELOW = "1TiB"  # no test machine has so much free; the highest mark the schema takes


def configure(site, soft="16MiB", hard="16MiB"):
    site.configure_collector(inputs="  loki: { type: loki }\n  web: { type: http, path: /ingest }\n",
                             store=f"min_free: {{ soft: {soft}, hard: {hard} }}, ")


def post(site, path, body, content_type):
    """(status, headers, answer)"""
    request = urllib.request.Request(f"http://127.0.0.1:{site.http_port}{path}", data=body,
                                     headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=harness.PATIENCE_S) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def push(site, line, copies=1):
    values = [[str(time.time_ns()), line]] * copies
    body = {"streams": [{"stream": {"job": "pushed"}, "values": values}]}
    return post(site, "/loki/api/v1/push", json.dumps(body).encode(), "application/json")


def test_below_the_hard_mark_pushes_get_507_and_agents_keep_their_logs(site):
    configure(site, soft=BELOW, hard=BELOW)
    site.collector.start()
    for status, headers, answer in (push(site, "early"), post(site, "/ingest", b"early\n", "text/plain")):
        assert status == 507, answer
        assert int(headers["Retry-After"]) >= 5, dict(headers)
        told = json.loads(answer)
        assert told["error_code"] == "no_space", told
        for word in ("free", "hard mark of 1 TiB", "retention"):
            assert word in answer.decode(), answer
    agent = site.add_agent()
    (site.logs / "app.log").write_text("".join(f"line {i}\n" for i in range(500)))
    agent.start()
    harness.wait_until(lambda: site.metrics().get('seyir_collector_agents_frames_total{input="agents"}', 0) > 0,
                       "the agent ships")
    assert site.count() == 0
    status = site.seyir("status")
    assert b"FAIL" in status.stdout and b"hard mark of 1 TiB" in status.stdout, status.stdout
    assert sum("cannot store" in line for line in site.collector.log_text().splitlines()) == 1
    site.collector.terminate()
    configure(site)
    site.collector.start()
    rows = site.wait_rows(500)
    assert sorted(row.line for row in rows) == sorted(f"line {i}".encode() for i in range(500))
    assert push(site, "late")[0] == 204
    assert [row.line for row in site.query_all('{job="pushed"}')] == [b"late"]


def test_below_the_hard_mark_an_import_waits_for_room(site):
    configure(site, soft=BELOW, hard=BELOW)
    site.collector.start()
    file = site.folder / "records.jsonl"
    file.write_text('{"timestamp":"2026-01-01T00:00:00.000000000Z","labels":{"a":"b"},"body":"row"}\n')
    process = subprocess.Popen([harness.program("seyir"), "--server", f"http://127.0.0.1:{site.http_port}",
                                "import", file], stderr=subprocess.DEVNULL)
    try:
        harness.wait_until(lambda: site.metrics().get('seyir_collector_push_refused_total{input="web"}', 0) >= 3,
                           "the import asks again")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_below_the_soft_mark_clients_are_slowed_down_and_nothing_is_lost(site):
    configure(site, soft=BELOW)
    site.collector.start()
    harness.wait_until(lambda: site.collector.logged("warn", "below its soft mark", "slowed down"), "the warning")
    assert site.status()["store"]["disk"] == "soft_mark"
    assert b"below its soft mark of 1 TiB" in site.seyir("status").stdout
    (site.logs / "app.log").write_text("".join(f"line {i:099d}\n" for i in range(20_000)))
    site.add_agent().start()
    site.wait_rows(20_000)
    answers = []
    while not any(status == 429 for status, _, _ in answers):
        answers.append(push(site, "x" * 200_000 + str(len(answers)), copies=10))
        assert len(answers) < 1000, "more than 2 GB at once"
    assert all(status in (204, 429) for status, _, _ in answers)
    status, headers, answer = answers[-1]
    assert int(headers["Retry-After"]) >= 1 and b"min_free.soft" in answer
    harness.wait_until(lambda: push(site, "after the pause")[0] == 204, "a push is taken again")
    assert sum("below its soft mark" in line for line in site.collector.log_text().splitlines()) == 1
