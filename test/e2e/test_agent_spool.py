# SPDX-License-Identifier: Apache-2.0
"""Records an agent cannot ask for again: spooled before they are answered for, stored once."""
import json
import random
import socket
import threading
import time

import harness

SPOOL_ROWS = 'seyir_buffer_rows{component="central"}'
APPENDED = 'seyir_buffer_appended_rows_total{component="central"}'


def add_agent(site, inputs, name="agent", buffer="", port=None, more=""):
    http_port, = harness.free_ports(1)
    return site.add_agent(name, http_port=http_port, text=f"""\
version: 1
state_dir: {site.folder}/{name}
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
{inputs}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{port or site.agents_port}'], token: {harness.TOKEN},
             retry: {{ max: 1s }} {buffer} }}
{more}""")


def syslog_input(port):
    return f"  net: {{ type: syslog, udp: ['127.0.0.1:{port}'], tcp: ['127.0.0.1:{port}'] }}"


class SyslogWriter(threading.Thread):
    """Writes numbered messages by TCP until told to stop, through restarts of who listens."""

    def __init__(self, port, rng):
        super().__init__(daemon=True)
        self.port, self.rng, self.stopped, self.sent = port, rng, threading.Event(), 0

    def run(self):
        while not self.stopped.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                    while not self.stopped.is_set():
                        lines = b"".join(b"<13>1 - h a - - - number %d\n" % (self.sent + i) for i in range(50))
                        client.sendall(lines)
                        self.sent += 50  # a number is never used twice, sent or not
                        time.sleep(self.rng.random() * 0.01)
            except OSError:
                self.sent += 50
                time.sleep(0.02)

    def stop(self):
        self.stopped.set()
        self.join(20)
        return self.sent


def numbers(rows):
    return [int(row.line.rsplit(b" ", 1)[1]) for row in rows]


def exported(site, folder):
    """What the spool holds, settled rows too, as far as its segments are still there."""
    done = site.seyir("spool", "export", folder, "--all", server=False)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_syslog_waits_on_disk_while_the_collector_is_away(site):
    port, = harness.free_ports(1)
    agent = add_agent(site, syslog_input(port)).start()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"".join(b"<13>1 - h a - - - number %d\n" % i for i in range(3000)))
    harness.wait_until(lambda: site.metrics(agent).get(SPOOL_ROWS, 0) == 3000, "the rows are in the spool")
    net, = json.loads(harness.http_get(agent.http_port, "/health").body)["inputs"]
    spool, = net["spools"]
    assert spool["output"] == "central" and spool["rows"] == 3000 and spool["bytes"] > 0, net
    assert spool["oldest_seconds"] > 0
    folder = site.folder / "agent" / "buffer" / "central"
    for where in (folder, site.folder / "agent", site.folder / "agent" / "buffer"):
        for what in ("ls", "fsck"):
            listed = site.seyir("spool", what, where, server=False)
            assert listed.returncode == 0 and listed.stdout.count(b"3000 rows wait") == 1, listed
        assert len(exported(site, where)) == 3000
    for what in ("ls", "fsck"):  # no folder of a buffer
        refused = site.seyir("spool", what, site.folder, server=False)
        assert refused.returncode == 1 and b"holds no disk buffer" in refused.stderr, refused
    first = site.status(agent)["outputs"][0]["spool"]["oldest_seconds"]
    harness.wait_until(lambda: site.status(agent)["outputs"][0]["spool"]["oldest_seconds"] > first + 1,
                       "what waits for a collector that was never there gets older")
    agent.kill9()
    agent.start()
    harness.wait_until(lambda: site.status(agent)["outputs"][0]["spool"]["oldest_seconds"] > first + 1,
                       "it is no younger for a restart")
    site.collector.start()
    rows = site.wait_rows(3000, query='{input="net"}')
    assert sorted(numbers(rows)) == list(range(3000))
    harness.wait_until(lambda: site.metrics(agent)[SPOOL_ROWS] == 0, "the spool is empty")
    assert agent.terminate() == 0 and site.collector.terminate() == 0


def test_every_spooled_record_is_stored_once_while_everything_dies(site):
    rng = harness.seeded_random()
    proxy = site.add_proxy()
    port, = harness.free_ports(1)
    site.collector.start()
    agent = add_agent(site, syslog_input(port), port=proxy.port).start()
    folder = site.folder / "agent" / "buffer" / "central"
    writer = SyslogWriter(port, random.Random(rng.random()))
    writer.start()
    spooled = set()
    for _ in range(16):
        if rng.random() < 0.4:
            proxy.acks_flow.clear()
        time.sleep(rng.random() * 0.4)  # the schedule of faults, not a way to wait for something
        victims = rng.choice([[agent], [agent], [site.collector], [agent, site.collector], []])
        for victim in victims:
            victim.kill9()
        if agent in victims:
            spooled.update(int(row["body"].rsplit(" ", 1)[1]) for row in exported(site, folder))
        if not victims or rng.random() < 0.3:
            proxy.cut()
        proxy.acks_flow.set()
        for victim in reversed(victims):
            victim.start()
    writer.stop()
    harness.wait_until(lambda: site.metrics(agent).get(SPOOL_ROWS) == 0, "the spool is empty")
    found = numbers(site.query_all('{input="net"}'))
    assert len(found) == len(set(found)), "a record was stored twice"
    missing = spooled - set(found)
    assert not missing, f"{len(missing)} spooled records are not stored: {sorted(missing)[:5]}"
    assert spooled, "nothing was in the spool when the agent died: the test shows nothing"
    assert agent.terminate() == 0 and site.collector.terminate() == 0


def test_a_spool_that_is_full_drops_by_its_policy_and_counts_each_record(site):
    port, = harness.free_ports(1)
    agent = add_agent(site, syslog_input(port), buffer=", buffer: { max_size: 32MiB, when_full: drop_oldest }").start()
    body = b"x" * 8000
    rng = random.Random(7)
    count = 16000
    with socket.create_connection(("127.0.0.1", port)) as client:
        for i in range(count):
            noise = rng.randbytes(3000).hex().encode()  # so that it does not compress away
            client.sendall(b"<13>1 - h a - - - %s%s %d\n" % (noise, body[:100], i))
    dropped = 'seyir_buffer_dropped_rows_total{component="central",reason="buffer_full"}'

    def balanced():
        m = site.metrics(agent)
        return m.get(APPENDED, 0) == count and m[SPOOL_ROWS] + m.get(dropped, 0) == count
    harness.wait_until(balanced, "all records are taken in, or dropped and counted")
    held, lost = site.metrics(agent)[SPOOL_ROWS], site.metrics(agent)[dropped]
    assert lost > 0 and held > 0
    site.collector.start()
    harness.wait_until(lambda: site.metrics(agent)[SPOOL_ROWS] == 0, "the spool is empty")
    assert sorted(numbers(site.query_all('{input="net"}'))) == list(range(int(lost), count))


def test_files_do_not_pass_through_the_spool(site):
    site.collector.start()
    port, = harness.free_ports(1)
    tail = f"  app: {{ type: tail, include: ['{site.logs}/*.log'] }}\n"
    agent = add_agent(site, tail + syslog_input(port)).start()
    (site.logs / "a.log").write_bytes(b"from a file\n")
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"<13>1 - h a - - - from the network\n")
    assert [row.line for row in site.wait_rows(1, query='{input="app"}')] == [b"from a file"]
    assert [row.line for row in site.wait_rows(1, query='{input="net"}')] == [b"from the network"]
    assert site.metrics(agent)[APPENDED] == 1


def test_an_agent_that_only_reads_files_has_no_spool(site):
    site.collector.start()
    agent = site.add_agent().start()
    (site.logs / "a.log").write_bytes(b"one\n")
    site.wait_rows(1)
    assert not (site.folder / "agent" / "buffer").exists()
    assert SPOOL_ROWS not in site.metrics(agent)
