# SPDX-License-Identifier: Apache-2.0
"""Host metrics: each sample of each host arrives once, whatever dies, and can be exported."""
import collections
import json
import os
import subprocess
import sys
import time

import clients_cache
import harness
from test_agent_spool import SPOOL_ROWS
from test_relay import add_relay

TAKEN = 'seyir_host_metrics_taken_total{input="host"}'


def add_agent(site, name="agent", port=None, labels="", more=""):
    http_port, = harness.free_ports(1)
    return site.add_agent(name, http_port=http_port, text=f"""\
version: 1
state_dir: {site.folder}/{name}
listen: {{ http: 127.0.0.1:{http_port} }}
labels: {{ host: {name} {labels} }}
inputs:
  host: {{ type: host_metrics, interval: 1s {more} }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{port or site.agents_port}'], token: {harness.TOKEN},
             retry: {{ max: 1s }} }}
""")


def export(site, *arguments):
    done = site.seyir("export", "metrics", "--from", "1h", *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.decode()


def series(site, match):
    """{labels: [(time, value), ...]} as the JSON lines say it."""
    found = collections.defaultdict(list)
    for line in export(site, "--match", match, "--format", "jsonl").splitlines():
        row = json.loads(line)
        key = tuple(sorted(row["metric"].items()))
        found[key] += zip(row["timestamps"], row["values"], strict=True)
    return found


def times(site, host, match="node_time_seconds"):
    return [t for key, points in series(site, match).items() if dict(key)["host"] == host for t, _ in points]


def wait_samples(site, host, count, timeout_s=harness.PATIENCE_S):
    harness.wait_until(lambda: len(times(site, host)) >= count, f"{count} samples of {host}", timeout_s)
    return times(site, host)


def assert_each_once(found):
    assert len(found) == len(set(found)), "a sample is there twice"


def spool_is_empty(site, agent):
    harness.wait_until(lambda: site.metrics(agent).get(SPOOL_ROWS) == 0, "an empty spool")


def test_samples_of_two_hosts_arrive_and_are_exported(site):
    site.collector.start()
    agents = [add_agent(site, name).start() for name in ("web1", "web2")]
    for name in ("web1", "web2"):
        assert_each_once(wait_samples(site, name, 2))
    for key in series(site, 'node_cpu_seconds_total{mode="idle",host="web1"}'):
        labels = dict(key)
        assert labels["job"] == "node" and labels["instance"] == "web1" and "cpu" in labels, labels
    text = export(site)
    assert text.endswith("# EOF\n")
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(families) == len(set(families)) > 50
    for name in ("node_load1", "node_memory_MemTotal_bytes", "node_cpu_seconds", "node_boot_time_seconds",
                 "node_uname_info", "node_network_receive_bytes", "node_filesystem_size_bytes"):
        assert name in families, name
    assert 'node_load1{host="web1",instance="web1",job="node"} ' in text
    # No record: queries, streams and live counts know nothing of samples.
    assert site.status()["store"]["records"] == 0
    assert all(agent.terminate() == 0 for agent in agents)


def test_each_sample_once_through_kill9_of_agent_and_collector_and_an_outage(site):
    rng = harness.seeded_random()
    collector, agent = site.collector.start(), add_agent(site, "web1").start()
    wait_samples(site, "web1", 1)
    taken = 0
    for _ in range(6):
        time.sleep(rng.random() * 0.8)  # the schedule of faults, not a way to wait for something
        victims = rng.choice([[agent], [collector], [agent, collector]])
        if agent in victims:
            taken += site.metrics(agent).get(TAKEN, 0)
        for victim in victims:
            victim.kill9()
        for victim in reversed(victims):
            victim.start()
    collector.kill9()
    before = site.metrics(agent).get(TAKEN, 0)
    harness.wait_until(lambda: site.metrics(agent)[TAKEN] >= before + 3, "samples wait in the spool")
    agent.kill9()
    agent.start()
    collector.start()
    taken += before + 3
    found = wait_samples(site, "web1", taken)
    spool_is_empty(site, agent)
    assert_each_once(found)
    assert agent.terminate() == 0 and collector.terminate() == 0


def test_a_renamed_host_goes_on_under_its_new_name(site):
    site.collector.start()
    agent = add_agent(site, "web1").start()
    wait_samples(site, "web1", 1)
    assert agent.terminate() == 0
    agent.config.write_text(agent.config.read_text().replace("host: web1 ", "host: web9 "))
    agent.start()
    wait_samples(site, "web9", 1)
    assert_each_once(times(site, "web1"))
    assert_each_once(times(site, "web9"))


def test_a_collector_without_a_store_passes_samples_on(site):
    proxy = site.add_proxy()
    site.collector.start()
    relay = add_relay(site, proxy).start()
    add_agent(site, "web1", port=relay.agents_port).start()
    wait_samples(site, "web1", 1)
    relay.kill9()
    relay.start()
    assert_each_once(wait_samples(site, "web1", 3))


# All names behind the top rows of the dashboard "Node Exporter Full" that every kernel has.
CORE = """node_uname_info node_boot_time_seconds node_time_seconds node_load1 node_load5 node_load15
node_cpu_seconds_total node_cpu_guest_seconds_total node_memory_MemTotal_bytes node_memory_MemFree_bytes
node_memory_MemAvailable_bytes node_memory_Buffers_bytes node_memory_Cached_bytes node_memory_SReclaimable_bytes
node_memory_Slab_bytes node_memory_PageTables_bytes node_memory_SwapCached_bytes node_memory_SwapTotal_bytes
node_memory_SwapFree_bytes node_filesystem_size_bytes node_filesystem_avail_bytes node_filesystem_free_bytes
node_filesystem_files node_filesystem_files_free node_filesystem_readonly node_filesystem_device_error
node_network_receive_bytes_total node_network_transmit_bytes_total node_network_up
node_scrape_collector_success node_scrape_collector_duration_seconds""".split()


def parsed(form, text):
    script = clients_cache.CLIENTS / "prom_parse.py"
    environment = {**os.environ, "PYTHONPATH": str(clients_cache.python_packages())}
    done = subprocess.run([sys.executable, script, form], input=text.encode(), capture_output=True, env=environment,
                          timeout=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def test_prometheus_own_parsers_read_the_page_and_the_export(site):
    site.collector.start()
    agent = add_agent(site, "web1").start()
    wait_samples(site, "web1", 2)
    page = parsed("text", harness.http_get(agent.http_port, "/metrics").body.decode())
    exported = parsed("openmetrics", export(site))
    for name in CORE:
        assert name in page["names"], name
        assert name in exported["names"], name
    assert exported["samples"] > 200


def test_the_agents_own_page_has_node_exporters_names_as_well(site):
    agent = add_agent(site, "web1").start()
    text = harness.http_get(agent.http_port, "/metrics").body.decode()
    for line in ("# TYPE node_cpu_seconds_total counter", "# TYPE node_load1 gauge"):
        assert line in text
    assert "\nnode_load1 " in text and 'node_cpu_seconds_total{cpu="0",mode="idle"} ' in text


def test_agent_status_has_a_line_of_the_input(site):
    site.collector.start()
    agent = add_agent(site).start()
    wait_samples(site, "agent", 1)
    status = site.seyir("agent", "status", "--server", f"http://127.0.0.1:{agent.http_port}", server=False)
    assert b"host_metrics" in status.stdout.split(b"Inputs", 1)[1], status.stdout + status.stderr
