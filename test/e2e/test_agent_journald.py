# SPDX-License-Identifier: Apache-2.0
"""A journal as systemd's own tool writes it: each entry once, through kills and a journal put back."""
import json
import os
import shutil
import subprocess
import time

import pytest

import harness
from test_bad_input import RUNS_AS_ROOT, become_nobody
from test_agent_spool import add_agent, numbers

WRITER = "/lib/systemd/systemd-journal-remote"
pytestmark = pytest.mark.skipif(not os.access(WRITER, os.X_OK), reason="systemd-journal-remote is not installed")
BEGAN_US = int(time.time() - 86_400) * 1_000_000  # a collector refuses what is beyond its retention


class JournalFolder:
    def __init__(self, path):
        self.path, self.count = path, 0
        path.mkdir()

    def append(self, count, word="number", unit="web.service"):
        """Numbered entries, in the export format."""
        entries = []
        for _ in range(count):
            at = BEGAN_US + self.count
            entries.append(f"__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={self.count + 1}\n"
                           f"_BOOT_ID={'1' * 32}\n_SYSTEMD_UNIT={unit}\nPRIORITY=4\n"
                           f"MESSAGE={word} {self.count}\n")
            self.count += 1
        subprocess.run([WRITER, f"--output={self.path}/remote.journal", "-"], input="\n".join(entries).encode() + b"\n",
                       check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@pytest.fixture
def journal(site):
    return JournalFolder(site.folder / "journal")


def journald_agent(site, journal, more="", **options):
    return add_agent(site, f"  journal: {{ type: journald, directory: {journal.path}{more} }}", **options)


QUERY = '{input="journal"}'


def test_entries_arrive_with_unit_and_severity_and_new_ones_follow(site, journal):
    journal.append(10)
    site.collector.start()
    agent = journald_agent(site, journal).start()
    site.wait_rows(10, query='{unit="web.service", service_name="web"} | detected_level="warn"')
    journal.append(5)
    rows = site.wait_rows(15, query=QUERY)
    assert numbers(rows) == list(range(15)) and rows[3].ts == (BEGAN_US + 3) * 1000
    assert not (site.folder / "agent" / "buffer").exists()
    assert agent.terminate() == 0


def test_each_entry_is_stored_once_while_everything_dies(site, journal):
    rng = harness.seeded_random()
    proxy = site.add_proxy()
    site.collector.start()
    agent = journald_agent(site, journal, port=proxy.port).start()
    for _ in range(14):
        if rng.random() < 0.4:
            proxy.acks_flow.clear()
        journal.append(rng.randrange(1, 3000))
        time.sleep(rng.random() * 0.2)  # the schedule of faults, not a way to wait for something
        victims = rng.choice([[agent], [agent], [site.collector], [agent, site.collector], []])
        for victim in victims:
            victim.kill9()
        if not victims or rng.random() < 0.3:
            proxy.cut()
        proxy.acks_flow.set()
        for victim in reversed(victims):
            victim.start()
    site.wait_count(journal.count, query=QUERY, timeout_s=2 * harness.PATIENCE_S)
    assert sorted(numbers(site.query_all(QUERY))) == list(range(journal.count))
    assert agent.terminate() == 0 and site.collector.terminate() == 0


def test_units_choose_and_what_they_leave_out_is_no_gap(site, journal):
    site.collector.start()
    agent = journald_agent(site, journal, more=", units: [web]").start()
    for i in range(6):
        journal.append(20, word="kept" if i % 2 else "other", unit="web.service" if i % 2 else "db.service")
        if i == 3:
            agent.restart()
    rows = site.wait_rows(60, query=QUERY)
    assert len(rows) == 60 and all(row.line.startswith(b"kept") for row in rows)


def test_from_the_end_on_leaves_out_what_was_there(site, journal):
    journal.append(100, word="old")
    site.collector.start()
    agent = journald_agent(site, journal, more=", start_at: end").start()
    harness.wait_until(lambda: agent.logged("connected"), "the agent is connected")
    journal.append(1, word="first")
    assert [row.line for row in site.wait_rows(1, query=QUERY)] == [b"first 100"]
    agent.kill9()
    journal.append(7, word="new")
    agent.start()
    assert len(site.wait_rows(8, query=QUERY)) == 8


def test_a_journal_put_back_and_written_on_is_a_fork_and_nothing_new_is_lost(site, journal):
    journal.append(50)
    site.collector.start()
    agent = journald_agent(site, journal).start()
    site.wait_rows(50, query=QUERY)
    assert agent.terminate() == 0
    shutil.copytree(journal.path, site.folder / "older")
    shutil.copytree(site.folder / "agent", site.folder / "older-agent")
    agent.start()
    journal.append(10, word="lost")
    site.wait_rows(60, query=QUERY)
    assert agent.terminate() == 0
    for name, older in ((journal.path, "older"), (site.folder / "agent", "older-agent")):
        shutil.rmtree(name)
        shutil.move(site.folder / older, name)
    journal.append(20, word="after")
    agent.start()
    rows = site.wait_rows(80, query=QUERY)
    lines = [row.line for row in rows]
    assert sorted(line for line in lines if line.startswith(b"after")) == sorted(b"after %d" % i for i in range(60, 80))
    assert len(lines) == len(set(lines)) == 80
    assert agent.logged("fork: taking a new agent id")


def journal_trouble(agent):
    said = [c for c in json.loads(harness.http_get(agent.http_port, "/health").body)["components"] if c["id"] == "journal"]
    return "" if said[0]["ok"] else said[0]["message"]


def test_a_journal_without_permission_is_a_complaint_with_the_remedy_and_read_once_granted(site, journal):
    journal.append(10)
    file = journal.path / "remote.journal"
    file.chmod(0)
    site.collector.start()
    agent = journald_agent(site, journal)
    if RUNS_AS_ROOT:  # root reads everything
        become_nobody(site, agent)
        journal.path.chmod(0o755)
    agent.start()
    harness.wait_until(lambda: agent.logged("no journal file of", str(file), "`systemd-journal`"),
                       "the agent names the file and the remedy")
    harness.wait_until(lambda: "`systemd-journal`" in journal_trouble(agent), "/health says so too")
    file.chmod(0o644)
    assert numbers(site.wait_rows(10, query=QUERY)) == list(range(10))
    harness.wait_until(lambda: journal_trouble(agent) == "", "/health is well again")
    assert agent.terminate() == 0


@pytest.mark.parametrize("fault", ["closed", "missing"])
def test_a_journal_that_cannot_be_opened_stops_no_other_input(site, journal, fault):
    journal.append(10)
    away = site.folder / "away"
    journal.path.chmod(0o700) if fault == "closed" else journal.path.rename(away)
    site.collector.start()
    agent = add_agent(site, f"  journal: {{ type: journald, directory: {journal.path}, start_at: end }}\n"
                            f"  app: {{ type: tail, include: ['{site.logs}/*.log'] }}")
    if RUNS_AS_ROOT:
        become_nobody(site, agent)
    agent.start()
    (site.logs / "app.log").write_bytes(b"another input goes on\n")
    site.wait_rows(1, query='{input="app"}')
    harness.wait_until(lambda: str(journal.path) in journal_trouble(agent), "/health names the folder")
    if fault == "closed":
        journal.path.chmod(0o755)
        harness.wait_until(lambda: journal_trouble(agent) == "", "the journal is open")
        journal.append(3)
        rows = site.wait_rows(3, query=QUERY)
        assert numbers(rows) == [10, 11, 12]
    else:
        away.rename(journal.path)  # all of it came after the agent began
        assert numbers(site.wait_rows(10, query=QUERY)) == list(range(10))
    assert agent.terminate() == 0


def test_an_empty_folder_is_a_complaint_until_a_journal_is_there(site, journal):
    site.collector.start()
    agent = journald_agent(site, journal, more=", start_at: end").start()
    harness.wait_until(lambda: "there is no journal file in" in journal_trouble(agent), "/health says it is empty")
    journal.append(5)
    assert numbers(site.wait_rows(5, query=QUERY)) == list(range(5))
    harness.wait_until(lambda: journal_trouble(agent) == "", "/health is well again")
