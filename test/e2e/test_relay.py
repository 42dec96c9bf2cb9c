# SPDX-License-Identifier: Apache-2.0
"""agent -> collector -> collector: each of them and the link between dies, every line is there once."""
import os
import time

import pytest

import harness
from proxy import WireProxy
from test_crashes import Writer


def add_relay(site, proxy, outputs_more="", routes=""):
    """A first collector, with no store of its own, that passes everything on to the site's."""
    http_port, agents_port = harness.free_ports(2)
    folder = site.folder / "relay"
    config = site._write("relay.yaml", f"""\
version: 1
data_dir: {folder}
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{agents_port}, token: {harness.TOKEN} }}
outputs:
  far: {{ type: collector, endpoints: ['127.0.0.1:{proxy.port}'], token: {harness.TOKEN}, retry: {{ max: 1s }} }}
{outputs_more}{routes}""")
    process = harness.Process("seyir-collector", config, site.folder / "relay.log", http_port)
    site.processes.append(process)
    process.agents_port = agents_port
    return process


def test_every_line_once_while_agent_relay_collector_and_link_die(site):
    rng = harness.seeded_random()
    proxy = site.add_proxy()
    site.collector.start()
    relay = add_relay(site, proxy).start()
    agent = site.add_agent(port=relay.agents_port).start()
    paths = [site.logs / f"f{i}.log" for i in range(5)]
    writer = Writer(rng.__class__(rng.random()), paths, lines_per_second=2000)
    writer.start()
    for _ in range(int(os.environ.get("SEYIR_E2E_KILLS", "24"))):
        if rng.random() < 0.4:
            proxy.acks_flow.clear()
        time.sleep(rng.random() * 0.3)  # the schedule of faults, not a way to wait for something
        victims = rng.choice([[relay], [site.collector], [agent], [relay, site.collector], []])
        for victim in victims:
            victim.kill9()
        if not victims or rng.random() < 0.3:
            proxy.cut()
        proxy.acks_flow.set()
        for victim in reversed(victims):
            victim.start()
    files = writer.stop()
    site.wait_count(sum(len(harness.split_lines(c)) for c in files.values()), timeout_s=2 * harness.PATIENCE_S)
    harness.assert_files_stored_once(site.query_all(), files)
    # Stored is not yet answered: the relay learns of the last batches a moment later.
    harness.wait_until(lambda: site.metrics(relay)['seyir_buffer_rows{component="far"}'] == 0, "an empty buffer")
    assert agent.terminate() == 0 and relay.terminate() == 0 and site.collector.terminate() == 0


def test_the_relay_answers_its_agents_while_the_second_collector_is_away(site):
    proxy = WireProxy(site.agents_port)
    site.proxies.append(proxy)
    relay = add_relay(site, proxy).start()
    agent = site.add_agent(port=relay.agents_port).start()
    path = site.logs / "a.log"
    content = b"".join(b"line %d\n" % i for i in range(5000))
    path.write_bytes(content)
    rows = 'seyir_buffer_rows{component="far"}'
    harness.wait_until(lambda: site.metrics(relay).get(rows, 0) == 5000, "the rows wait on disk")
    folder = site.folder / "relay" / "buffer" / "far"
    listed = site.seyir("buffer", "fsck", folder, server=False)
    assert listed.returncode == 0 and b"5000 rows wait" in listed.stdout, listed
    exported = site.seyir("buffer", "export", folder, server=False)
    assert exported.returncode == 0 and exported.stdout.count(b"\n") == 5000
    path.unlink()  # acknowledged: the agent's file may go
    agent.kill9()
    relay.kill9()
    site.collector.start()
    relay.start()
    site.wait_count(5000)
    harness.assert_files_stored_once(site.query_all(), {path: content})


@pytest.mark.parametrize("end", ["kill9", "terminate"])
def test_an_agent_that_starts_again_goes_on_where_the_relay_has_its_files(site, end):
    relay = add_relay(site, site.add_proxy()).start()  # the second collector is away: all stays in the buffer
    agent = site.add_agent(port=relay.agents_port).start()
    path = site.logs / "a.log"
    path.write_bytes(b"".join(b"line %d\n" % i for i in range(5000)))
    rows, twice = (f'seyir_buffer_{name}{{component="far"}}' for name in ("rows", "duplicate_rows_total"))
    harness.wait_until(lambda: site.metrics(relay).get(rows, 0) == 5000, "the rows wait on disk")
    getattr(agent, end)()
    with path.open("ab") as file:
        file.write(b"after\n")
    agent.start()
    harness.wait_until(lambda: site.metrics(relay)[rows] == 5001, "the line written meanwhile waits, too")
    assert site.metrics(relay)[twice] == 0
    assert not relay.logged("refill")


def test_behind_a_collector_that_keeps_no_positions_an_agent_goes_on_at_its_checkpoint(site):
    """Nobody there would know a line again."""
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{site.agents_port}, token: {harness.TOKEN} }}
outputs:
  copy: {{ type: file, path: {site.folder}/copy.jsonl }}
""")
    site.collector.start()
    agent = site.add_agent().start()
    path = site.logs / "a.log"
    path.write_bytes(b"".join(b"line %d\n" % i for i in range(1000)))
    copy = site.folder / "copy.jsonl"

    def copied():
        return copy.read_bytes().count(b"\n") if copy.exists() else 0
    harness.wait_until(lambda: copied() == 1000, "the lines are copied")
    assert agent.terminate() == 0
    with path.open("ab") as file:
        file.write(b"after\n")
    agent.start()
    harness.wait_until(lambda: b'"after"' in copy.read_bytes(), "the line written meanwhile is copied")
    assert copied() == 1001
    assert not site.collector.logged("agent reports")
