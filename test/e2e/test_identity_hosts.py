# SPDX-License-Identifier: Apache-2.0
"""Hosts and agents that change what they are called, or get in each other's way (DESIGN 6): no line is lost
or doubled, and the operator can see what happened."""
import shutil
import subprocess

import harness
import pytest
from test_identity import append, lines, status_text


def test_a_renamed_host_goes_on_where_it_was(site):
    if not shutil.which("unshare") or subprocess.run(["unshare", "--uts", "true"], capture_output=True).returncode:
        pytest.skip("no UTS namespace can be made here (unshare --uts)")
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 300))
    site.collector.start()
    agent = site.add_agent()

    def named(name):
        agent.wrapper = ["unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh"]
        agent.start()

    named("before.example")
    site.wait_count(300)
    assert "before.example" in status_text(site)
    assert agent.terminate() == 0
    append(path, lines("second", 100))
    named("after.example")
    rows = site.wait_rows(400)
    harness.assert_files_stored_once(rows, {path: lines("first", 300) + lines("second", 100)})
    hosts = [row.labels["host"] for row in rows]
    assert hosts == ["before.example"] * 300 + ["after.example"] * 100
    status = status_text(site)
    assert "after.example" in status and "lane_forked" not in status, "it is the same agent by another name"


def test_a_second_agent_with_the_same_state_directory_is_refused_by_name(site):
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 300))
    site.collector.start()
    first = site.add_agent()
    first.start()
    site.wait_count(300)
    port, = harness.free_ports(1)
    text = first.config.read_text().replace(str(first.http_port), str(port))
    second = site.add_agent("second", http_port=port, text=text)
    status, printed = second.run_to_end()
    assert status == 1 and "another agent runs with state_dir" in printed and str(site.folder / "agent") in printed
    append(path, lines("second", 100))
    harness.assert_files_stored_once(site.wait_rows(400), {path: lines("first", 300) + lines("second", 100)})
    first.kill9()  # a lock that is left behind by a kill holds nobody up
    first.start()
    append(path, lines("third", 10))
    harness.assert_files_stored_once(
        site.wait_rows(410), {path: lines("first", 300) + lines("second", 100) + lines("third", 10)})


def test_two_agents_on_one_file_are_two_agents_each_with_every_line_once(site):
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 300))
    site.collector.start()
    for name in ("one", "two"):
        port, = harness.free_ports(1)
        site.add_agent(name, http_port=port, text=f"""\
version: 1
state_dir: {site.folder}/{name}
listen: {{ http: 127.0.0.1:{port} }}
labels: {{ agent: {name} }}
inputs:
  app: {{ type: tail, include: ['{site.logs}/*.log'] }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
""").start()
    site.wait_count(600)
    append(path, lines("second", 100))
    site.wait_count(800)
    for process in site.processes[1:]:
        process.restart()
    append(path, lines("third", 50))
    for name in ("one", "two"):
        rows = site.wait_rows(450, f'{{agent="{name}"}}')
        harness.assert_files_stored_once(
            rows, {path: lines("first", 300) + lines("second", 100) + lines("third", 50)})
    assert "Agents (2)" in status_text(site)
