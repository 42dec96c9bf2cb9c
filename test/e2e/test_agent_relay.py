# SPDX-License-Identifier: Apache-2.0
"""Requests posted to an agent: kept on disk, read by the collector as if posted there, stored once."""
import json
import random
import socket
import threading
import time

import harness
from test_agent_spool import SPOOL_ROWS, add_agent, numbers

PUSH = "/loki/api/v1/push"


def relay(site, listen, more="", **options):
    return add_agent(site, f"  relay: {{ type: http_relay, listen: 127.0.0.1:{listen}, paths: [{PUSH}, /ingest] {more} }}", **options)


def collector_with_http(site):
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{site.agents_port}, token: {harness.TOKEN} }}
  push: {{ type: loki }}
  web: {{ type: http, path: /ingest }}
filters:
  hide: {{ type: redact, rules: [{{ rule: email }}] }}
routes:
  - {{ name: pushed, from: [push, web], through: [hide], to: [store] }}
  - {{ name: shipped, from: [agents], to: [store] }}
outputs:
  store: {{ type: store }}
""")
    return site.collector


def push_body(lines, app="relay"):
    now = time.time_ns()
    return json.dumps({"streams": [{"stream": {"app": app}, "values": [
        [str(now + i), line] for i, line in enumerate(lines)]}]}).encode()


def post(port, body, path=PUSH, **headers):
    return harness.http_get(port, path, method="POST", body=body,
                            headers={"Content-Type": "application/json", **headers}, timeout_s=20)


def test_pushes_are_kept_while_the_collector_is_away_and_pass_its_filters(site):
    collector = collector_with_http(site)
    port, = harness.free_ports(1)
    agent = relay(site, port).start()
    assert post(port, push_body(["number 1", "mail to someone@example.org 2"])).status == 204
    assert harness.http_get(port, "/ingest", method="POST", body=b'{"msg":"number 3"}\n').status == 204
    assert site.metrics(agent)[SPOOL_ROWS] == 2
    agent.kill9()
    collector.start()
    agent.start()
    rows = site.wait_rows(2, query='{app="relay"}')
    assert rows[0].line == b"number 1" and b"someone@example.org" not in rows[1].line
    assert site.wait_rows(1, query='{input="web"}')[0].line == b'{"msg":"number 3"}'
    assert agent.terminate() == 0 and collector.terminate() == 0


def test_what_no_input_can_read_is_refused_for_good_and_holds_up_nothing(site):
    collector = collector_with_http(site).start()
    port, = harness.free_ports(1)
    agent = relay(site, port, more=", max_body: 4KiB").start()
    assert post(port, b"{ this is no push").status == 204
    assert post(port, push_body(["number 1"])).status == 204
    assert [row.line for row in site.wait_rows(1, query='{app="relay"}')] == [b"number 1"]
    harness.wait_until(lambda: site.metrics(agent)[SPOOL_ROWS] == 0, "the spool is empty")
    dropped = 'seyir_buffer_dropped_rows_total{component="central",reason="relay_refused"}'
    assert site.metrics(agent)[dropped] == 1
    # Answered with 204 and refused later: the operator is told of it, and where it is.
    kept = site.folder / "agent" / "dead_letter" / "records.jsonl"
    harness.wait_until(lambda: agent.logged("records were refused for good and are kept", "relay_refused", str(kept)),
                       "the agent logs the refusal")
    assert b"this is no push" in kept.read_bytes()
    said = site.seyir("agent", "status", "--server", f"127.0.0.1:{agent.http_port}", server=False)
    assert b"1  kept in dead_letter" in said.stdout and b"seyir_ship_dropped" not in said.stdout, said
    assert post(port, b"x" * 5000).status == 413
    assert post(port, b"{}", path="/other").status == 404
    assert agent.terminate() == 0 and collector.terminate() == 0


def test_of_a_push_refused_in_part_only_the_refused_records_are_dead_letters(site):
    collector = collector_with_http(site).start()
    port, = harness.free_ports(1)
    agent = relay(site, port).start()
    body = json.dumps({"streams": [{"stream": {"app": "relay"}, "values": [
        ["1000000000000000000", "of 2001"], [str(time.time_ns()), "of today"]]}]}).encode()
    assert post(port, body).status == 204
    assert [row.line for row in site.wait_rows(1, query='{app="relay"}')] == [b"of today"]
    harness.wait_until(lambda: site.metrics(agent)[SPOOL_ROWS] == 0, "the spool is empty")
    assert agent.terminate() == 0 and collector.terminate() == 0
    letters = (site.folder / "data/dead_letter/records.jsonl").read_text()
    assert "of 2001" in letters and "of today" not in letters
    assert not (site.folder / "agent/dead_letter/records.jsonl").exists() or \
        "of today" not in (site.folder / "agent/dead_letter/records.jsonl").read_text()


def test_pages_and_other_hosts_are_kept_out(site):
    port, = harness.free_ports(1)
    agent = relay(site, port).start()
    assert post(port, push_body(["a"]), Origin="https://evil.example").status == 403
    assert post(port, push_body(["a"]), Host="rebound.example").status == 403
    assert site.metrics(agent)['seyir_http_relay_forbidden_requests_total{input="relay"}'] == 2


def test_a_unix_socket_takes_pushes(site):
    collector_with_http(site).start()
    path = site.folder / "relay.sock"
    add_agent(site, f"  relay: {{ type: http_relay, unix_path: {path} }}").start()
    body = push_body(["number 1"])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"POST " + PUSH.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.recv(1000).startswith(b"HTTP/1.1 204")
    site.wait_rows(1, query='{app="relay"}')


def test_routes_with_filters_are_refused(site):
    agent = relay(site, 3100)
    text = agent.config.read_text().replace(
        "outputs:", "filters:\n  hide: { type: redact, rules: [{ rule: email }] }\n"
        "routes:\n  - { name: all, from: ['*'], through: [hide], to: [central] }\noutputs:")
    agent.config.write_text(text)
    status, log = agent.run_to_end()
    assert status == 78 and "goes to a collector unchanged" in log, log[-2000:]


def test_every_answered_push_is_stored_once_while_everything_dies(site):
    rng = harness.seeded_random()
    collector = collector_with_http(site).start()
    proxy = site.add_proxy()
    port, = harness.free_ports(1)
    agent = relay(site, port, port=proxy.port).start()
    answered, stopped, count = set(), threading.Event(), [0]

    def client(seed):
        chance = random.Random(seed)
        while not stopped.is_set():
            count[0] += 1
            number = count[0]
            try:
                if post(port, push_body([f"number {number}"])).status == 204:
                    answered.add(number)
            except OSError:
                time.sleep(0.02)
            time.sleep(chance.random() * 0.01)
    writer = threading.Thread(target=client, args=(rng.random(),), daemon=True)
    writer.start()
    for _ in range(12):
        if rng.random() < 0.4:
            proxy.acks_flow.clear()
        time.sleep(rng.random() * 0.3)  # the schedule of faults, not a way to wait for something
        victims = rng.choice([[agent], [agent], [collector], [agent, collector], []])
        for victim in victims:
            victim.kill9()
        if not victims or rng.random() < 0.3:
            proxy.cut()
        proxy.acks_flow.set()
        for victim in reversed(victims):
            victim.start()
    stopped.set()
    writer.join(30)
    harness.wait_until(lambda: site.metrics(agent).get(SPOOL_ROWS) == 0, "the spool is empty")
    found = numbers(site.query_all('{app="relay"}'))
    assert len(found) == len(set(found)), "a push was stored twice"
    assert answered and not answered - set(found), f"{len(answered - set(found))} of {len(answered)} are lost"
    assert agent.terminate() == 0 and collector.terminate() == 0
