# SPDX-License-Identifier: Apache-2.0
"""Two collectors, the first killed with frames under way: what it may have waits for it or is sent to the
second and counted, as `on_ambiguity` says; and why none can be reached is logged once."""
import os
import signal

import harness
import pytest

POSSIBLE_DUPLICATES = 'seyir_ship_possible_duplicate_rows_total{output="central"}'
HELD = 'seyir_ship_held_frames{output="central"}'
WAITING = 'seyir_ship_waiting_frames{output="central"}'
COMPLAINT = "no collector takes this agent's records"


@pytest.fixture
def second(folder):
    site = harness.Site(folder / "second")
    yield site
    site.close()
    assert not site.sanitizer_reports()


def add_agent(site, second_port, on_ambiguity="wait"):
    return site.add_agent(output=f"""{{
    type: collector, endpoints: ['127.0.0.1:{site.agents_port}', '127.0.0.1:{second_port}'], token: {harness.TOKEN},
    on_ambiguity: {on_ambiguity}, connect_timeout: 1s, retry: {{ initial: 50ms, max: 200ms }} }}""")


def append(site, name, data):
    with open(site.logs / name, "ab") as file:
        file.write(data)


def lines(rows):
    return sorted(row.line for row in rows)


def kill_with_a_frame_under_way(site, agent):
    append(site, "app.log", b"one\n")
    site.wait_rows(1)
    harness.wait_until(lambda: site.metrics(agent)[WAITING] == 0, "the first line is answered")
    os.kill(site.collector.popen.pid, signal.SIGSTOP)
    append(site, "app.log", b"two\n")
    harness.wait_until(lambda: site.metrics(agent)[WAITING] == 1, "the second line is under way")
    site.collector.kill9()


def test_what_the_first_may_have_waits_for_it_and_other_files_go_to_the_second(site, second):
    site.collector.start()
    second.collector.start()
    agent = add_agent(site, second.agents_port).start()
    kill_with_a_frame_under_way(site, agent)
    append(site, "app.log", b"three\n")
    append(site, "other.log", b"elsewhere\n")
    assert lines(second.wait_rows(1)) == [b"elsewhere"]
    assert site.metrics(agent)[HELD] >= 1
    site.collector.start()
    harness.wait_until(lambda: {b"one", b"two", b"three"} <= set(lines(site.query_all())), "the first has its file")
    stored = lines(site.query_all())
    assert len(stored) == len(set(stored)), "each line is stored once"
    assert lines(second.query_all()) == [b"elsewhere"]
    assert site.metrics(agent)[POSSIBLE_DUPLICATES] == 0
    assert agent.terminate() == 0


def test_with_resend_nothing_waits_and_possible_duplicates_are_counted(site, second):
    site.collector.start()
    second.collector.start()
    agent = add_agent(site, second.agents_port, "resend").start()
    kill_with_a_frame_under_way(site, agent)
    append(site, "app.log", b"three\n")
    harness.wait_until(lambda: {b"two", b"three"} <= set(lines(second.query_all())), "the second has them")
    stored = lines(second.query_all())
    assert len(stored) == len(set(stored)), "each line is stored once"
    assert site.metrics(agent)[POSSIBLE_DUPLICATES] >= 1
    assert site.metrics(agent)[HELD] == 0
    assert agent.terminate() == 0


def test_why_no_collector_can_be_reached_is_logged_once_for_each(site):
    dead, = harness.free_ports(1)
    agent = add_agent(site, dead).start()
    append(site, "app.log", b"one\n")
    harness.wait_until(lambda: agent.log_text().count(COMPLAINT) >= 2, "both endpoints are named")
    site.collector.start()
    site.wait_rows(1)
    assert agent.log_text().count(COMPLAINT) == 2
    site.collector.kill9()
    harness.wait_until(lambda: agent.log_text().count(COMPLAINT) >= 4, "and again once it had worked")
    assert agent.terminate() == 0
