# SPDX-License-Identifier: Apache-2.0
"""Running an agent: the dry run, what it says of itself, systemd's watchdog."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

import harness
from harness import http_get, wait_until

HERE = pathlib.Path(__file__).parent


def tree(folder):
    """What a folder holds, byte for byte; {} where there is none."""
    folder = pathlib.Path(folder)
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "folder"
            for p in sorted(folder.rglob("*"))}


def dry_run(config, *more, timeout_s=60):
    return subprocess.run([harness.program("seyir-agent"), "--config", str(config), "--dry-run", *more],
                          capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL)


def piped_agent(site, name="agent", inputs="", extra=""):
    http_port = harness.free_ports(1)[0]
    return site.add_agent(name, http_port=http_port, text=f"""\
version: 1
state_dir: {site.folder}/{name}
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  app:
    type: tail
    include: ['{site.logs}/*.log']
{inputs}filters:
  noise: {{ type: drop, if: '|= "healthz"' }}
  redact: {{ type: redact, rules: [{{ rule: email }}] }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
  local: {{ type: file, path: {site.folder}/local.jsonl }}
routes:
  - {{ name: main, from: [app], through: [noise, redact], to: [central, local] }}
{extra}""")


def test_a_dry_run_shows_each_stage_and_sends_writes_and_moves_nothing(site):
    log = site.logs / "a.log"
    log.write_bytes(b"GET /healthz\nmail bob@example.com now\nplain\nunfinished")
    agent = piped_agent(site)
    with socket.socket() as collector:  # nobody may even connect
        collector.bind(("127.0.0.1", site.agents_port))
        collector.listen()
        collector.settimeout(0.2)
        before = tree(site.folder)
        done = dry_run(agent.config)
        with pytest.raises(TimeoutError):
            collector.accept()
    assert done.returncode == 0, done.stderr
    assert tree(site.folder) == before, "a dry run left something behind"
    shown = re.split(r"(?m)^\[", done.stdout)
    health, mail, plain, rest = shown[1:5]
    assert "GET /healthz" in health and "gives nothing on" in health and "-> central" not in health
    assert "bob@example.com" in mail.split("redact")[0] and "bob@example.com" not in mail.split("redact")[1], mail
    assert "-> central" in mail and "-> local" in mail
    assert "redact       unchanged" in plain
    assert "unfinished" in rest
    assert "4 records read; nothing was sent or written" in done.stderr
    assert "3 to central" in done.stderr and "1 end in noise" in done.stderr


def test_a_dry_run_ends_after_its_limit_and_begins_at_the_beginning_whatever_was_sent(site):
    (site.logs / "a.log").write_bytes(b"".join(b"line %d\n" % i for i in range(1000)))
    agent = piped_agent(site)
    site.collector.start()
    agent.start()
    site.wait_rows(1000)
    agent.terminate()
    before = tree(site.folder / "agent")
    done = dry_run(agent.config, "--limit", "7")
    assert done.returncode == 0 and done.stdout.count("\n  read ") == 7, done.stderr
    assert "line 0" in done.stdout
    assert tree(site.folder / "agent") == before
    whole = dry_run(agent.config, "--limit", "0")
    assert whole.stdout.count("\n  read ") == 1000
    agent.start()
    (site.logs / "a.log").open("ab").write(b"after\n")
    assert len(site.wait_rows(1001)) == 1001


def test_a_dry_run_opens_no_input_that_listens(site):
    port = harness.free_ports(1)[0]
    agent = piped_agent(site, inputs=f"  net: {{ type: syslog, udp: ['127.0.0.1:{port}'] }}\n",
                        extra="  - { name: second, from: [net], to: [central] }\n")
    (site.logs / "a.log").write_bytes(b"x\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        done = dry_run(agent.config)
    assert done.returncode == 0 and "net (syslog) is not opened" in done.stderr, done.stderr


def health(process):
    return json.loads(http_get(process.http_port, "/health").body)


def test_health_tells_how_far_every_input_is_behind_in_bytes_and_seconds(site):
    port = harness.free_ports(1)[0]
    relay = site.folder / "relay.sock"
    agent = piped_agent(
        site,
        inputs=f"  net: {{ type: syslog, tcp: ['127.0.0.1:{port}'] }}\n"
               "  pipe: { type: stdin }\n"
               f"  push: {{ type: http_relay, unix_path: '{relay}', paths: [/loki/api/v1/push] }}\n",
        extra="  - { name: second, from: [net, pipe], to: [central] }\n  - { name: third, from: [push], to: [central] }\n")
    (site.logs / "a.log").write_bytes(b"x" * 999 + b"\n")
    agent.stdin, writer = os.pipe()
    agent.start()  # no collector: nothing is acknowledged
    wait_until(lambda: health(agent)["inputs"][0]["lag_bytes"] == 1000, "the unread file is the lag")
    inputs = {one["id"]: one for one in health(agent)["inputs"]}
    assert set(inputs) == {"app", "net", "pipe", "push"}
    for one in inputs.values():
        assert one["lag_bytes"] >= 0 and one["lag_seconds"] >= 0 and one["in_flight_bytes"] >= 0, one
    wait_until(lambda: health(agent)["inputs"][0]["lag_seconds"] > 1.5, "what is unread grows old")
    site.collector.start()
    wait_until(lambda: health(agent)["inputs"][0]["lag_bytes"] == 0, "nothing is behind")
    wait_until(lambda: health(agent)["inputs"][0]["lag_seconds"] == 0, "and nothing grows old")
    os.close(agent.stdin)
    os.close(writer)


def test_agent_status_shows_endpoint_credit_lag_spool_and_drops(site):
    port = harness.free_ports(1)[0]
    agent = piped_agent(site, inputs=f"  net: {{ type: syslog, tcp: ['127.0.0.1:{port}'] }}\n",
                        extra="  - { name: second, from: [net], to: [central] }\n")
    (site.logs / "a.log").write_bytes(b"one\n")
    agent.start()

    def status(*more):
        done = site.seyir("agent", "status", "--server", f"http://127.0.0.1:{agent.http_port}", *more, server=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    assert f"not connected, tries 127.0.0.1:{site.agents_port}" in status()
    assert "no ack yet" in status() and "spool: 0 records" in status()
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(b"<13>Nov 22 20:00:00 host app: hello\n")
        wait_until(lambda: "spool: 1 records" in status(), "the message waits in the spool")
    site.collector.start()
    wait_until(lambda: "last ack" in status() and "spool: 0 records" in status(), "all is acknowledged")
    text = status()
    assert f"connected to 127.0.0.1:{site.agents_port}" in text and "credit" in text and "Dropped" in text
    told = json.loads(status("--output", "json"))
    assert told["outputs"][0]["connected"] is True and told["outputs"][0]["credit_bytes"] > 0


def test_a_checkpoint_that_cannot_be_written_is_shown_until_it_can(site):
    site.collector.start()
    agent = site.add_agent().start()
    files = [site.folder / "agent" / f"checkpoint.{i}" for i in (0, 1)]
    for file in files:
        file.unlink(missing_ok=True)
        file.mkdir()  # root may write to everything else

    def troubles():
        return [one for one in health(agent)["components"] if one["kind"] == "checkpoint"]
    (site.logs / "a.log").write_bytes(b"one\n")
    wait_until(troubles, "the checkpoint is known to fail")
    assert health(agent)["status"] == "degraded" and "fix state_dir" in troubles()[0]["message"]
    assert http_get(agent.http_port, "/ready").status == 200, "records are taken all the same"
    shown = site.seyir("agent", "status", "--server", f"http://127.0.0.1:{agent.http_port}", server=False)
    assert b"checkpoint (checkpoint): " in shown.stdout and b"fix state_dir" in shown.stdout
    for file in files:
        file.rmdir()
    wait_until(lambda: not troubles(), "the checkpoint is well again")
    assert health(agent)["status"] == "ok"


class Notified:
    """A stand-in for systemd: what a program says to NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "notify.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.lines = []

    def read(self):
        while True:
            try:
                self.lines += self.socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return self.lines

    def clear(self):
        self.read()
        self.lines = []

    def said(self, start):
        return any(line.startswith(start) for line in self.read())


@pytest.fixture
def notified(site):
    one = Notified(site.folder)
    yield one
    one.socket.close()


def test_systemd_is_told_of_start_reload_status_and_stop(site, notified):
    agent = piped_agent(site)
    agent.environment.update(NOTIFY_SOCKET=str(notified.path), WATCHDOG_USEC="4000000")
    (site.logs / "a.log").write_bytes(b"one\n")
    agent.start()
    wait_until(lambda: notified.said("READY=1"), "READY=1")
    wait_until(lambda: notified.said("STATUS=1 inputs"), "STATUS says what it does")
    assert notified.said("STATUS=") and any("central" in line for line in notified.lines if line.startswith("STATUS"))
    wait_until(lambda: notified.lines.count("WATCHDOG=1") >= 2 or notified.read() and False, "the watchdog is fed")
    notified.clear()
    agent.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: notified.said("READY=1"), "the reload ends")
    lines = notified.lines
    assert lines.index("RELOADING=1") < lines.index("READY=1") and any("MONOTONIC_USEC=" in line for line in lines)
    assert agent.terminate() == 0
    assert notified.said("STOPPING=1")


def test_a_hung_loop_is_named_and_starves_the_watchdog(site, notified):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang-19")
    if compiler is None or harness.SANITIZED:
        pytest.skip("needs a C compiler and programs without a sanitizer, to preload a function that hangs")
    library, switch = site.folder / "hang.so", site.folder / "hang.now"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(HERE / "hang_on_read.c"), "-ldl"], check=True)
    agent = piped_agent(site)
    agent.environment.update(NOTIFY_SOCKET=str(notified.path), WATCHDOG_USEC="3000000", LD_PRELOAD=str(library),
                             SEYIR_TEST_HANG=str(switch))
    (site.logs / "a.log").write_bytes(b"one\n")
    site.collector.start()
    agent.start()
    site.wait_rows(1)
    wait_until(lambda: notified.said("WATCHDOG=1"), "fed while all is well")
    switch.touch()
    (site.logs / "a.log").open("ab").write(b"two\n")
    wait_until(lambda: notified.said("STATUS=hangs: input app"), "the hung loop is named")
    assert agent.logged("a loop hangs", "input app")
    notified.clear()
    quiet_s = 4  # longer than WATCHDOG_USEC: systemd would have killed it
    with pytest.raises(AssertionError):
        wait_until(lambda: notified.said("WATCHDOG=1"), "fed though a loop hangs", timeout_s=quiet_s)
    assert agent.listens(), "only the tail loop hangs; a timer would still have fed the watchdog"
    switch.unlink()
    wait_until(lambda: notified.said("WATCHDOG=1"), "fed again once the loop gets on")
    assert len(site.wait_rows(2)) == 2


def test_filters_run_in_the_agent_before_a_byte_reaches_its_spool(site):
    port = harness.free_ports(1)[0]
    agent = site.add_agent(text=f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{harness.free_ports(1)[0]} }}
inputs:
  net: {{ type: syslog, tcp: ['127.0.0.1:{port}'] }}
filters:
  noise: {{ type: drop, if: '|= "healthz"' }}
  redact: {{ type: redact, rules: [{{ rule: email }}] }}
  fields: {{ type: parse, format: json }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
routes:
  - {{ name: main, from: [net], through: [noise, redact, fields], to: [central] }}
""", http_port=0)
    text = agent.config.read_text()
    agent.http_port = int(re.search(r"http: 127.0.0.1:(\d+)", text)[1])
    agent.start()
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(b'<13>1 2026-11-22T20:00:00Z h app - - - {"mail":"bob@example.com","took":7}\n'
                     b"<13>1 2026-11-22T20:00:00Z h app - - - GET /healthz\n")
        wait_until(lambda: site.metrics(agent).get('seyir_buffer_rows{component="central"}') == 1, "one record waits")
    agent.kill9()  # the spool is on disk, and nobody has it open
    held = site.seyir("spool", "export", f"{site.folder}/agent/buffer/central", server=False)
    assert held.returncode == 0, held.stderr
    assert b"bob@example.com" not in held.stdout and b"healthz" not in held.stdout, held.stdout
    (record,) = [json.loads(line) for line in held.stdout.splitlines()]
    assert record["attributes"]["took"] == 7, "parsed at the edge"
