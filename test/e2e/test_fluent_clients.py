# SPDX-License-Identifier: Apache-2.0
"""Fluentd's forward protocol and Loki's push call between the real programs and real clients."""
import collections
import json
import subprocess
import time

import pytest

import clients_cache
import harness

KEY, USER, PASSWORD = "shared key", "ann", "pass word"
MODES = ("Message", "Forward", "PackedForward", "CompressedPackedForward")

# Where the shared corpus is missing: what breaks careless programs.
NAUGHTY = ["", "\u0000", "\u0001\u001b[31m", "Ω≈ç√∫", "👩‍👩‍👧", "\ufeffbom", "\"quoted\" 'x' `y`", "\\", "line\nbreak\r\n",
           "${HOME} {{.x}} %s%n", "<script>alert(1)</script>", "' OR 1=1 --", "a" * 100_000, "‮right to left", "\ud7ff"]


def naughty_strings():
    shared = harness.shared_folder()
    corpus = shared / "corpora" / "blns" / "blns.json" if shared else None
    return NAUGHTY + (json.loads(corpus.read_text()) if corpus and corpus.exists() else [])


def forward_input(site, more=""):
    """Configures the collector with a forward input; its port."""
    port = harness.free_ports(1)[0]
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  fluent: {{ type: forward, listen: 127.0.0.1:{port}{more} }}
  push: {{ type: loki }}
outputs:
  store: {{ type: store }}
""")
    site.collector.start()
    return port


def run_client(client):
    command, environment = client
    done = subprocess.run(command, env=environment, capture_output=True, timeout=harness.PATIENCE_S,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]


def texts_file(site, texts):
    path = site.folder / "texts.json"
    path.write_text(json.dumps(texts))
    return path


def as_counts(texts):
    return collections.Counter(text.encode() for text in texts)


def lines_of(rows):
    return collections.Counter(row.line for row in rows)


def test_python_fluent_logger_arrives_byte_for_byte(site):
    texts = naughty_strings()
    begin = int(time.time()) - 3600
    port = forward_input(site)
    run_client(clients_cache.python_client("fluent_send.py", port, texts_file(site, texts), begin))
    rows = site.wait_rows(len(texts), '{input="fluent"}')
    assert lines_of(rows) == as_counts(texts)
    assert min(row.ts for row in rows) == begin * 10**9
    nested = site.query_all('{input="fluent"} | number="3"')
    assert [row.line for row in nested] == [texts[3].encode()]


@pytest.mark.parametrize("mode", MODES)
def test_npm_logger_gets_its_acks_and_each_text_is_there_once(site, mode):
    texts = naughty_strings()
    port = forward_input(site)
    run_client(clients_cache.node_client("fluent_send.js", port, texts_file(site, texts), mode))
    # Acknowledged means stored: no waiting here.
    assert lines_of(site.query_all('{input="fluent"}')) == as_counts(texts)


def test_npm_logger_logs_in_with_a_shared_key_and_a_user(site):
    port = forward_input(
        site, f", shared_key: '{KEY}', users: [{{ name: {USER}, password: '{PASSWORD}' }}], hostname: server")
    path = texts_file(site, ["let in"])
    run_client(clients_cache.node_client("fluent_send.js", port, path, "PackedForward", KEY, USER, PASSWORD))
    assert [row.line for row in site.query_all('{input="fluent"}')] == [b"let in"]


def test_acknowledged_records_survive_a_kill(site):
    texts = [f"text {number}" for number in range(2000)]
    port = forward_input(site)
    run_client(clients_cache.node_client("fluent_send.js", port, texts_file(site, texts), "Forward"))
    site.collector.restart()
    assert lines_of(site.wait_rows(len(texts), '{input="fluent"}')) == as_counts(texts)


def distinct_strings():
    return list(dict.fromkeys(naughty_strings()))


def test_a_python_loki_handler_arrives_byte_for_byte(site):
    forward_input(site)
    texts = distinct_strings()
    run_client(clients_cache.python_client("loki_send.py", site.http_port, texts_file(site, texts)))
    # Answered means stored: no waiting here.
    rows = site.query_all('{app="python", env="test"}')
    assert lines_of(rows) == as_counts(texts)
    assert {(row.labels["logger"], row.labels["severity"]) for row in rows} == {("shop.cart", "info")}


@pytest.mark.parametrize("form, content_type", [("json", b"application/json"), ("protobuf", b"application/x-protobuf")])
def test_winstons_loki_transport_arrives_byte_for_byte(site, form, content_type):
    forward_input(site)
    texts = distinct_strings()
    command, environment = clients_cache.node_client("loki_send.js", site.http_port, texts_file(site, texts), form)
    done = subprocess.run(command, env=environment, capture_output=True, timeout=harness.PATIENCE_S,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    assert done.stdout.strip() == content_type  # without snappy's binary it would fall back to JSON
    assert lines_of(site.query_all('{app="node", level="info"}')) == as_counts(texts)


def write_lines(site):
    lines = [text.replace("\n", " ") for text in naughty_strings() if text]
    (site.logs / "a.log").write_bytes(b"".join(line.encode() + b"\n" for line in lines))
    return lines


@pytest.mark.parametrize("more", ["", ", compression: gzip", f", shared_key: '{KEY}'"])
def test_our_forward_output_fills_our_forward_input(site, more):
    port = forward_input(site, f", shared_key: '{KEY}'" if "shared_key" in more else "")
    lines = write_lines(site)
    site.add_agent(output=f"{{ type: forward, endpoints: ['127.0.0.1:{port}']{more} }}").start()
    rows = site.wait_rows(len(lines), '{input="fluent"}')
    assert lines_of(rows) == as_counts(lines)


def test_the_forward_output_outlives_a_receiver_that_is_killed(site):
    port = forward_input(site)
    lines = write_lines(site)
    agent = site.add_agent(output=f"{{ type: forward, endpoints: ['127.0.0.1:{port}'] }}").start()
    site.wait_rows(len(lines), '{input="fluent"}')
    site.collector.kill9()
    more = [f"while away {number}" for number in range(5000)]
    with open(site.logs / "a.log", "ab") as log:
        log.write(b"".join(line.encode() + b"\n" for line in more))
    harness.wait_until(lambda: agent.logged("cannot send"), "the agent notices")
    agent.restart()
    site.collector.start()
    rows = site.wait_rows(len(lines) + len(more), '{input="fluent"}')
    assert set(lines_of(rows)) == set(as_counts(lines + more))  # at least once: a chunk may come twice


def test_our_forward_output_fills_npms_server(site):
    port = harness.free_ports(1)[0]
    command, environment = clients_cache.node_client("fluent_server.js", port, KEY)
    lines = write_lines(site)
    events = site.folder / "events.jsonl"
    with open(events, "wb") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        harness.wait_until(lambda: b"listening" in events.read_bytes(), "npm's server listens")
        site.add_agent(output=f"{{ type: forward, endpoints: ['127.0.0.1:{port}'], shared_key: '{KEY}', "
                              "labels: flat, tag: 'app.{{.labels.service_name}}' }").start()
        harness.wait_until(lambda: events.read_bytes().count(b"\n") > len(lines), "every line arrives")
    finally:
        server.kill()
        server.wait(30)
    # Not splitlines(): U+2028 and the like are text here.
    taken = [json.loads(line) for line in events.read_text(encoding="utf-8").split("\n")[1:-1]]
    assert collections.Counter(event["record"]["log"] for event in taken) == collections.Counter(lines)
    assert {event["tag"] for event in taken} == {"app.app"}
    assert {event["record"]["filename"] for event in taken} == {str(site.logs / "a.log")}


@pytest.mark.parametrize("more", ["", ", encoding: json"])
def test_our_loki_output_fills_our_loki_input(site, more):
    forward_input(site)
    lines = write_lines(site)
    site.add_agent(output=f"{{ type: loki, url: 'http://127.0.0.1:{site.http_port}', labels: {{ via: push }}{more} }}").start()
    rows = site.wait_rows(len(lines), '{via="push"}')
    assert lines_of(rows) == as_counts(lines)
    assert {row.labels["input"] for row in rows} == {"app"}
