# SPDX-License-Identifier: Apache-2.0
"""`program | seyir-agent`: every line of the pipe, and an agent that ends with it."""
import subprocess

import harness
from test_agent_spool import SPOOL_ROWS, add_agent, exported, numbers


def test_a_pipe_is_read_to_its_end_and_the_agent_ends_with_it(site):
    site.collector.start()
    agent = add_agent(site, "  pipe: { type: stdin }")
    agent.stdin = subprocess.PIPE
    agent.start()
    agent.popen.stdin.write(b"".join(b"number %d\n" % i for i in range(20_000)) + b"unended 20000")
    agent.popen.stdin.close()
    assert agent.popen.wait(harness.PATIENCE_S) == 0
    agent.popen = None
    spool = site.folder / "agent" / "buffer" / "central"
    if not len(site.query_all('{input="pipe"}')) == 20_001:  # the rest waits on disk for the next start
        assert exported(site, spool)
        agent.stdin = subprocess.PIPE
        agent.start()
    rows = site.wait_rows(20_001, query='{input="pipe"}')
    assert numbers(rows) == list(range(20_001))


def test_lines_in_the_spool_survive_kill_9_and_are_stored_once(site):
    rng = harness.seeded_random()
    agent = add_agent(site, "  pipe: { type: stdin, at_end: stay }")
    agent.stdin = subprocess.PIPE
    spool = site.folder / "agent" / "buffer" / "central"
    safe, sent = set(), 0
    for round_number in range(6):
        agent.start()
        if round_number == 2:
            site.collector.start()
        for _ in range(rng.randrange(1, 40)):
            agent.popen.stdin.write(b"".join(b"number %d\n" % (sent + i) for i in range(100)))
            agent.popen.stdin.flush()
            sent += 100
        if rng.random() < 0.7:
            harness.wait_until(lambda: spool.exists() and exported(site, spool), "some rows are in the spool")
        agent.kill9()
        if spool.exists():
            safe.update(int(row["body"].split(" ")[1]) for row in exported(site, spool))
    agent.start()
    harness.wait_until(lambda: site.metrics(agent).get(SPOOL_ROWS) == 0, "the spool is empty")
    found = numbers(site.query_all('{input="pipe"}'))
    assert len(found) == len(set(found)), "a line was stored twice"
    assert safe and not safe - set(found), f"{len(safe - set(found))} of {len(safe)} spooled lines are not stored"
    assert agent.terminate() == 0


def test_two_inputs_cannot_share_the_standard_input(site):
    agent = add_agent(site, "  one: { type: stdin }\n  two: { type: stdin }")
    status, text = agent.run_to_end()
    assert status == 78 and "both read the standard input" in text
