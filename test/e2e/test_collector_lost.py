# SPDX-License-Identifier: Apache-2.0
"""A collector that is away for long: the agent itself tells a webhook, once, with what waits, and tells it
again when the collector is back; neither restarts nor reloads of the agent repeat it."""
import json

import harness
import pytest
from test_alerts import Webhook


@pytest.fixture
def hook():
    made = Webhook()
    yield made
    made.close()


def agent_text(site, http_port, hook, second="127.0.0.1:1", after="2s"):
    return f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  app: {{ type: tail, include: ['{site.logs}/*.log'] }}
  sys: {{ type: syslog, unix_path: '{site.folder}/log.sock' }}
outputs:
  central:
    type: collector
    endpoints: ['127.0.0.1:{site.agents_port}', '{second}']
    token: {harness.TOKEN}
    retry: {{ initial: 50ms, max: 200ms }}
    on_collector_lost: {{ after: {after}, to: [hook] }}
  hook: {{ type: http, url: 'http://127.0.0.1:{hook.port}/', format: json_array, retry: {{ initial: 100ms }} }}
routes:
  - {{ name: all, to: [central] }}
"""


def notices(hook):
    return [event for _, body in hook.accepted() for event in json.loads(body)]


def states(hook):
    return [event["attributes"]["alert.state"] for event in notices(hook)]


def start(site, hook):
    http_port, = harness.free_ports(1)
    return site.add_agent(http_port=http_port, text=agent_text(site, http_port, hook)).start()


def test_a_dead_collector_is_told_once_with_what_waits_and_once_more_when_it_is_back(site, hook):
    import socket
    site.collector.start()
    agent = start(site, hook)
    (site.logs / "app.log").write_bytes(b"one\n")
    site.wait_rows(1)
    assert not notices(hook)
    assert "W0313" not in agent.log_text(), "the output of the notices is in use"

    site.collector.kill9()
    (site.logs / "app.log").open("ab").write(b"two\n" * 1000)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        for i in range(7):
            log.sendto(b"<13>Jan  1 00:00:00 h app: waits %d" % i, f"{site.folder}/log.sock")
    harness.wait_until(lambda: notices(hook), "the webhook is told")
    event, = notices(hook)
    said = event["attributes"]
    assert (said["alert.name"], said["alert.state"], said["alert.severity"]) == ("collector_lost", "firing", "error")
    assert said["alert.labels.output"] == "central"
    assert f"127.0.0.1:{site.agents_port}, 127.0.0.1:1" == said["collector.endpoints"]
    assert "refused" in said["alert.problem"].lower()
    assert said["waiting.records"] == 7 and said["waiting.bytes"] > 0
    assert said["unacknowledged.bytes"] >= 4000
    body = event.get("body") or event.get("message") or json.dumps(event)
    assert "has reached no collector" in body and "7 records" in body
    assert site.metrics(agent)['seyir_collector_lost{output="central"}'] == 1

    # A restart of the agent, killed or not, is no new loss.
    agent.restart()
    assert agent.terminate() == 0
    agent.start()
    harness.wait_until(lambda: agent.logged("no collector takes"), "the agent tries")
    site.collector.start()
    harness.wait_until(lambda: "resolved" in states(hook), "the webhook is told that it is over")
    assert states(hook) == ["firing", "resolved"]
    assert len(site.wait_rows(1001)) == 1001
    assert site.metrics(agent)['seyir_collector_lost{output="central"}'] == 0


def test_the_second_endpoint_counts_and_a_reload_forgets_nothing(site, hook):
    """No collector at all; then a reload names one that lives."""
    http_port, = harness.free_ports(1)
    dead, = harness.free_ports(1)
    living = site.agents_port
    site.agents_port = dead
    agent = site.add_agent(http_port=http_port, text=agent_text(site, http_port, hook, f"127.0.0.1:{dead}")).start()
    harness.wait_until(lambda: notices(hook), "the webhook is told")
    site.agents_port = living
    site.configure_collector()
    site.collector.start()
    site.agents_port = dead
    site.add_agent(http_port=http_port, text=agent_text(site, http_port, hook, f"127.0.0.1:{living}"))
    done = site.seyir("--server", f"unix:{site.folder}/agent/admin.sock", "reload", server=False)
    assert done.returncode == 0, done.stderr.decode()
    (site.logs / "app.log").write_bytes(b"one\n")
    site.wait_rows(1)
    harness.wait_until(lambda: len(states(hook)) == 2, "the webhook is told that it is over")
    assert states(hook) == ["firing", "resolved"]
    assert agent.alive()


def test_a_notice_must_name_another_output(site, hook):
    http_port, = harness.free_ports(1)
    text = agent_text(site, http_port, hook)
    for name, why in (("central", "itself"), ("nobody", "not an output")):
        agent = site.add_agent(http_port=http_port, text=text.replace("to: [hook]", f"to: [{name}]"))
        status, printed = agent.run_to_end()
        assert status == 78 and why in printed and f"`{name}`" in printed
