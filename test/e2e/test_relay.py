# SPDX-License-Identifier: Apache-2.0
"""agent -> collector -> collector: each of them and the link between dies, every line is there once."""
import os
import time

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
