# SPDX-License-Identifier: Apache-2.0
"""Both programs change their configuration under load: nothing is lost, doubled or left behind."""
import json
import os
import signal
import subprocess
import threading

import harness


def collector_text(site, mark, more=""):
    """Every version changes a filter, its place in the route, and an output beside the store."""
    return f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{site.agents_port}, token: {harness.TOKEN} }}
filters:
  mark: {{ type: modify, operations: [ {{ set: revision, to: "{mark}" }} ] }}
  quiet: {{ type: drop, if: '|= "never {mark}"' }}
{more}outputs:
  store: {{ type: store }}
  copy{mark % 3}: {{ type: file, path: {site.folder}/copy{mark % 3}.log }}
routes:
  - {{ name: all, from: ["*"], through: [{'mark, quiet' if mark % 2 else 'quiet, mark'}], to: [store] }}
  - {{ name: copy, from: ["*"], to: [copy{mark % 3}], required: false }}
"""


class Writer(threading.Thread):
    """Appends numbered lines until it is told to stop."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.stopped, self.lines = path, threading.Event(), 0

    def run(self):
        with open(self.path, "ab", buffering=0) as f:
            while not self.stopped.wait(0.002):
                f.write(b"".join(b"line %d\n" % (self.lines + i) for i in range(10)))
                self.lines += 10

    def stop(self):
        self.stopped.set()
        self.join(30)
        return self.lines


def admin(site):
    return f"unix:{site.folder}/data/admin.sock"


def reload(site):
    return site.seyir("--server", admin(site), "reload", server=False)


def open_files(process):
    return len(os.listdir(f"/proc/{process.popen.pid}/fd"))


def reload_under_load(site, times):
    site.configure_collector(collector_text(site, 0))
    site.collector.start()
    site.add_agent().start()
    writer = Writer(site.logs / "app.log")
    writer.start()
    site.wait_rows(50)
    files_before = rss_before = None
    for i in range(1, times + 1):
        site.configure_collector(collector_text(site, i))
        done = reload(site)
        assert done.returncode == 0, done.stderr.decode()
        if i == min(times, 10):
            files_before, rss_before = open_files(site.collector), site.collector.rss_bytes()
    lines = writer.stop()
    rows = site.wait_rows(lines, timeout_s=120)
    assert sorted(row.line for row in rows) == sorted(b"line %d" % i for i in range(lines))
    harness.wait_until(lambda: open_files(site.collector) <= files_before + 3, "files of old graphs are closed")
    # Memory of a thousand graphs would be tens of megabytes; rows in the stage are some of it too.
    # A sanitizer keeps what was freed for a while.
    assert harness.SANITIZED or site.collector.rss_bytes() < rss_before + (64 << 20)
    return rows


def test_fifty_reloads_under_load_lose_and_double_nothing(site):
    reload_under_load(site, 50)


def test_soak_reloads_a_thousand_times(site):
    """./dev soak does the thousand; else a few."""
    reload_under_load(site, 1000 if os.environ.get("SEYIR_SOAK_SECONDS") else 5)


def test_a_configuration_with_mistakes_changes_nothing_and_the_answer_says_why(site):
    site.configure_collector(collector_text(site, 1))
    site.collector.start()
    site.add_agent().start()
    (site.logs / "app.log").write_bytes(b"one\n")
    site.wait_rows(1)
    site.configure_collector(collector_text(site, 2).replace("type: modify", "type: modfiy"))
    done = reload(site)
    assert done.returncode == 1
    assert b"unknown type `modfiy`" in done.stderr and b"did you mean `modify`" in done.stderr
    with open(site.logs / "app.log", "ab") as f:
        f.write(b"two\n")
    assert [row.line for row in site.wait_rows(2)] == [b"one", b"two"]
    assert site.get("/ready").status == 200


def test_an_input_that_cannot_start_brings_the_old_graph_back(site):
    taken, = harness.free_ports(1)
    import socket
    with socket.socket() as blocker:
        blocker.bind(("127.0.0.1", taken))
        blocker.listen()
        site.configure_collector(collector_text(site, 1))
        site.collector.start()
        agent = site.add_agent().start()
        (site.logs / "app.log").write_bytes(b"one\n")
        site.wait_rows(1)
        text = collector_text(site, 2).replace("filters:", f"  more: {{ type: agents, listen: 127.0.0.1:{taken}, token: x }}\nfilters:", 1)
        site.configure_collector(text)
        done = reload(site)
        assert done.returncode == 1
        assert b"the old configuration runs on" in done.stderr and str(taken).encode() in done.stderr
    with open(site.logs / "app.log", "ab") as f:
        f.write(b"two\n")
    assert [row.line for row in site.wait_rows(2)] == [b"one", b"two"]
    assert agent.alive()


def health(site):
    return json.loads(harness.http_get(site.http_port, "/health").body)


def test_rows_left_in_the_buffer_of_a_renamed_output_are_named_until_they_are_sent(site):
    # Nobody listens there: what is pushed waits in the buffer on disk.
    away, = harness.free_ports(1)
    def text(outputs):
        return f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs: {{ web: {{ type: loki }} }}
outputs:
  {outputs}
routes: [ {{ name: all, from: web, to: [far] }} ]
"""
    loki = f"type: loki, url: 'http://127.0.0.1:{away}'"
    site.configure_collector(text(f"far: {{ {loki}, buffer: {{ type: disk }} }}"))
    site.collector.start()
    body = json.dumps({"streams": [{"stream": {"app": "a"}, "values": [["1767225600000000000", "one"]]}]})
    pushed = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body,
                              headers={"Content-Type": "application/json"})
    assert pushed.status == 204, pushed.body
    site.configure_collector(text(f"far: {{ {loki}, buffer: {{ type: disk, path: {site.folder}/other }} }}"))
    assert reload(site).returncode == 0
    def notices():
        return [c for c in health(site)["components"] if c["kind"] == "buffer"]
    harness.wait_until(lambda: len(notices()) == 1, "the folder is named in /health")
    notice = notices()[0]
    folder = f"{site.folder}/data/buffer/far"
    assert notice["id"] == "far" and not notice["ok"]
    assert notice["message"].startswith(f"1 rows wait in {folder}, which no output sends"), notice
    listed = site.seyir("buffer", "ls", f"{site.folder}/data", server=False)
    assert b"no output sends them" in listed.stdout and b"seyir buffer export" in listed.stdout, listed.stdout
    site.configure_collector(text(f"far: {{ {loki}, buffer: {{ type: disk, path: {folder} }} }}"))
    assert reload(site).returncode == 0
    harness.wait_until(lambda: notices() == [], "the folder has its output again")


def test_the_plan_tells_what_would_change_and_changes_nothing(site):
    site.configure_collector(collector_text(site, 1))
    site.collector.start()
    site.configure_collector(collector_text(site, 2))
    plan = site.seyir("--server", admin(site), "reload", "--plan", server=False)
    assert plan.returncode == 0
    text = plan.stdout.decode()
    for line in ("changed filters.mark (modify)", "changed filters.quiet (drop)", "added outputs.copy2 (file)",
                 "removed outputs.copy1 (file)", "changed routes.all", "changed routes.copy"):
        assert line in text, text
    assert not (site.folder / "copy2.log").exists()
    again = site.seyir("--server", admin(site), "reload", "--plan", server=False)
    assert again.stdout == plan.stdout


def test_a_reload_names_only_what_somebody_changed(site):
    site.collector.start()
    agent = site.add_agent()
    agent.config.write_text(agent.config.read_text().replace("token: ", "compression: lz4, token: "))
    agent.start()
    agent.config.write_text(agent.config.read_text().replace("compression: lz4", "compression: zstd"))
    os.kill(agent.popen.pid, signal.SIGHUP)
    harness.wait_until(lambda: agent.logged("reload: reloaded"), "the agent has reloaded")
    line, = [l for l in agent.log_text().splitlines() if "reload: reloaded" in l]
    assert "changed outputs.central" in line and "restarted inputs.app (its output central changed)" in line, line
    assert "changed inputs" not in line


def test_an_agent_reloads_on_sighup_without_a_line_lost_or_doubled(site):
    site.collector.start()
    agent = site.add_agent().start()
    writer = Writer(site.logs / "app.log")
    writer.start()
    site.wait_rows(20)
    text = agent.config.read_text()
    for i in range(10):
        changed = text.replace("env: test", f"env: test{i}")
        changed = changed.replace("outputs:", f"filters:\n  keep: {{ type: keep, if: '|= \"line\"' }}\noutputs:", 1) if i % 2 else changed
        changed += "routes:\n  - { name: all, through: [keep], to: [central] }\n" if i % 2 else ""
        agent.config.write_text(changed)
        seen = agent.log_text().count("reload: ")
        os.kill(agent.popen.pid, signal.SIGHUP)
        harness.wait_until(lambda: agent.log_text().count("reload: ") > seen, "the agent has reloaded")
        assert "not reloaded" not in agent.log_text(), agent.log_text()[-2000:]
    lines = writer.stop()
    rows = site.wait_rows(lines, timeout_s=60)
    assert sorted(row.line for row in rows) == sorted(b"line %d" % i for i in range(lines))


def test_a_tap_stays_connected_while_the_graph_is_replaced(site):
    site.configure_collector(collector_text(site, 1))
    site.collector.start()
    site.add_agent().start()
    tap = subprocess.Popen([harness.program("seyir"), "--server", admin(site), "tap", "mark", "--limit", "2"],
                           stdout=subprocess.PIPE)
    try:
        harness.wait_until(lambda: site.metrics().get('seyir_tap_watchers', 0) == 1, "the tap is connected")
        (site.logs / "app.log").write_bytes(b"one\n")
        site.wait_rows(1)
        site.configure_collector(collector_text(site, 2))
        assert reload(site).returncode == 0
        with open(site.logs / "app.log", "ab") as f:
            f.write(b"two\n")
        out, _ = tap.communicate(timeout=30)
    finally:
        tap.kill()
    records = [json.loads(line)["record"] for line in out.splitlines()]
    assert [(r["body"], r["attributes"]["revision"]) for r in records] == [("one", "1"), ("two", "2")]


def test_what_needs_a_restart_is_named_until_one_and_changes_nothing_before(site):
    """Against what the program started with, not against the file of the last reload."""
    site.configure_collector(collector_text(site, 1))
    site.collector.start()
    site.add_agent().start()
    (site.logs / "app.log").write_bytes(b"one\n")
    site.wait_rows(1)
    kept = collector_text(site, 1).replace("type: store }", "type: store, retention: 11d }")
    site.configure_collector(kept)
    for _ in range(2):
        said = reload(site).stdout.decode()
        assert "outputs.store needs a restart" in said
        assert "nothing in the pipeline changes" in said and "changed outputs.store" not in said
        assert "inputs.agents" not in said, "connections of agents are left alone"
    assert site.collector.logged("this change needs a restart", "outputs.store"), "a reload by command is logged"
    assert site.collector.logged("reloaded: nothing in the pipeline changed")
    # With another change beside it, that one is applied.
    site.configure_collector(collector_text(site, 4).replace("type: store }", "type: store, retention: 11d }"))
    said = reload(site).stdout.decode()
    assert "outputs.store needs a restart" in said and "changed filters.mark" in said
    # Back to what runs: nothing is left to say.
    site.configure_collector(collector_text(site, 4))
    assert b"restart" not in reload(site).stdout
    site.configure_collector(collector_text(site, 4).replace("type: store }", "type: store, retention: 11d }"))
    site.collector.restart()
    assert b"restart" not in reload(site).stdout
