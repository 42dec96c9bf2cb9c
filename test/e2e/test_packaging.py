# SPDX-License-Identifier: Apache-2.0
"""What is installed beside the programs: man pages, and both programs under the fences of their units."""
import base64
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import harness
import test_agent_container
import test_agent_journald
import unit_sandbox
from test_security import Certificates, secure_agent

UNITS = harness.ROOT / "packaging" / "systemd"
MAN_SCRIPT = harness.ROOT / "packaging" / "man" / "make_man.py"
SEAL_BYTES = 34 << 20  # a little more than what starts a seal


# --- the syscall filter and its neighbours --------------------------------------------------------

def fenced(site, process):
    """The process starts under its unit's fences from now on."""
    if harness.SANITIZED:
        pytest.skip("sanitizers need calls the units refuse")
    if unit_sandbox.library() is None or shutil.which("systemd-analyze") is None:
        pytest.skip("libseccomp or systemd-analyze is not installed")
    unit = UNITS / f"{process.name}.service.in"
    process.wrapper = [sys.executable, str(harness.ROOT / "test/e2e/unit_sandbox.py"), str(unit), str(site.folder)]
    return process


def fence_of(process):
    """What the kernel says of the running program."""
    with open(f"/proc/{process.popen.pid}/status") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


class Webhook:
    """Counts what is posted to it."""

    def __init__(self):
        hook = self
        self.bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hook.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://localhost:{self.server.server_port}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def webhook():
    hook = Webhook()
    yield hook
    hook.close()


LUA = """{ type: lua, code: 'function process(batch) for row in batch:rows() do row.seen = tostring(row.number) end end' }"""
GROK = """{ type: parse, format: grok, pattern: '^line %{INT:number:int}$', on_error: keep }"""


def everything(site, certificates, syslog_port, hook, retention="90d"):
    """A collector with what may need unusual system calls: Lua, PCRE2, TLS, UDP, unix sockets, curl, disk buffers."""
    tls = f"{{ cert: '{certificates.cert}', key: '{certificates.key}' }}"
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents: {{ type: agents, listen: 'localhost:{site.agents_port}', token: {harness.TOKEN}, tls: {tls} }}
  push: {{ type: loki }}
  logs: {{ type: syslog, udp: '127.0.0.1:{syslog_port}', tcp: '127.0.0.1:{syslog_port}' }}
filters:
  script: {LUA}
  fields: {GROK}
outputs:
  store: {{ type: store, retention: {retention} }}
  hook: {{ type: http, url: '{hook}' }}
routes:
  - {{ name: kept, through: [fields, script], to: [store] }}
  - {{ name: told, match: '|= "tell the hook"', to: [hook] }}
""")


class AgentInputs:
    """The agent's inputs beside tail, one record for each: datagrams, connections, HTTP, a journal (dlopen), a pipe."""

    def __init__(self, site):
        self.syslog_port, self.relay_port = harness.free_ports(2)
        self.pods = site.folder / "pods" / "shop_web-6d4_0a1b" / "nginx"
        self.pods.mkdir(parents=True)
        self.names = ["net", "relay", "pods", "pipe"]
        self.text = f"""\
  net: {{ type: syslog, udp: ['127.0.0.1:{self.syslog_port}'], tcp: ['127.0.0.1:{self.syslog_port}'] }}
  relay: {{ type: http_relay, listen: '127.0.0.1:{self.relay_port}' }}
  pods: {{ type: container, include: ['{site.folder}/pods/*/*/*.log*'] }}
  pipe: {{ type: stdin, at_end: stay }}
"""
        if os.access(test_agent_journald.WRITER, os.X_OK):
            journal = test_agent_journald.JournalFolder(site.folder / "journal")
            journal.append(1)
            self.names.append("journal")
            self.text += f"  journal: {{ type: journald, directory: {journal.path} }}\n"

    def feed(self, pipe):
        (self.pods / "0.log").write_bytes(test_agent_container.cri(0))
        os.write(pipe, b"by the pipe\n")
        with socket.create_connection(("127.0.0.1", self.syslog_port)) as tcp:
            tcp.sendall(b"<13>Nov 22 10:00:00 web app: over tcp\n")
        body = json.dumps({"streams": [{"stream": {"app": "relayed"}, "values": [[str(time.time_ns()), "by HTTP"]]}]})
        pushed = harness.http_get(self.relay_port, "/loki/api/v1/push", method="POST", body=body,
                                  headers={"Content-Type": "application/json"})
        assert pushed.status == 204, pushed


def write_much(path):
    """Incompressible lines, as many as start a seal; how many."""
    rng = random.Random(4)
    with open(path, "ab") as out:
        for _ in range(SEAL_BYTES // 6000):
            out.write(base64.b64encode(rng.randbytes(4500)) + b"\n")
    return SEAL_BYTES // 6000


def sealed(site):
    return site.status()["store"]["segments"]


def ships_through_both(site, webhook):
    (site.logs / "a.log").write_bytes(b"".join(b"line %d\n" % i for i in range(1000)) + b"tell the hook\n")
    rows = site.wait_rows(1001, '{input="app"}')
    assert {row.labels.get("seen") for row in rows} == {str(i) for i in range(1000)} | {"nil"}
    harness.wait_until(lambda: any(b"tell the hook" in body for body in webhook.bodies), "the webhook is told")


def test_both_programs_work_under_the_fences_of_their_units(site, webhook):
    certificates = Certificates(site.folder)
    syslog_port, = harness.free_ports(1)
    everything(site, certificates, syslog_port, webhook.url)
    collector = fenced(site, site.collector).start()
    agent = fenced(site, secure_agent(site, certificates.ca))
    inputs = AgentInputs(site)
    agent.config.write_text(agent.config.read_text().replace(
        "outputs:", f"{inputs.text}filters:\n  fields: {GROK}\n  script: {LUA}\nroutes:\n"
        "  - { name: all, from: [app], through: [fields, script], to: [central] }\n"
        f"  - {{ name: others, from: [{', '.join(inputs.names)}], to: [central] }}\noutputs:"))
    agent.stdin, pipe = os.pipe()
    agent.start()
    for process in (collector, agent):
        fence = fence_of(process)
        assert fence["NoNewPrivs"] == "1" and fence["Seccomp"] == "2" and int(fence["CapEff"], 16) == 0, fence

    ships_through_both(site, webhook)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"<13>Nov 22 10:00:00 web app: over udp", ("127.0.0.1", syslog_port))
    with socket.create_connection(("127.0.0.1", syslog_port)) as tcp:
        tcp.sendall(b"<13>Nov 22 10:00:00 web app: over tcp\n")
    site.wait_rows(2, '{input="logs"}')

    inputs.feed(pipe)
    for name in inputs.names:
        site.wait_rows(1, f'{{app="relayed"}}' if name == "relay" else f'{{input="{name}"}}')

    # Rotation and a seal.
    os.rename(site.logs / "a.log", site.logs / "a.log.1")
    more = write_much(site.logs / "a.log")
    site.wait_count(1001 + more)
    harness.wait_until(lambda: sealed(site) > 0, "a segment is sealed")
    assert site.count() == 1001 + more

    # Reload of both, by signal and by the admin socket.
    everything(site, certificates, syslog_port, webhook.url, retention="80d")
    seen = collector.log_text().count("reload: ")
    collector.popen.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: collector.log_text().count("reload: ") > seen, "the collector has reloaded")
    agent.config.write_text(agent.config.read_text().replace("type: tail,", "type: tail, labels: { more: later },"))
    done = site.seyir("--server", f"unix:{site.folder}/agent/admin.sock", "reload", server=False)
    assert done.returncode == 0 and b"inputs.app" in done.stdout, done.stdout + done.stderr
    (site.logs / "b.log").write_bytes(b"after the reload\n")
    site.wait_rows(1, '{more="later"}')

    # An orderly end and a start from what is on disk.
    assert agent.terminate() == 0
    assert collector.terminate() == 0
    collector.start()
    agent.start()
    (site.logs / "c.log").write_bytes(b"after the restart\n")
    site.wait_rows(1, '{input="app"} |= "after the restart"')
    assert site.count() == 1001 + more + 2


@pytest.mark.parametrize("what, code", [
    ("a refused call", "import os; os.sched_setaffinity(0, [0])"),
    ("memory made executable", "import ctypes, mmap; m = mmap.mmap(-1, 4096); ctypes.CDLL(None).mprotect("
     "ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m))), 4096, 5)"),
    ("a new namespace", "import ctypes; ctypes.CDLL(None).unshare(0x10000000)"),
])
def test_the_fences_are_there(folder, what, code):
    """Without this, the test above could pass under no filter at all."""
    if unit_sandbox.library() is None or shutil.which("systemd-analyze") is None:
        pytest.skip("libseccomp or systemd-analyze is not installed")
    for unit in ("seyir-agent", "seyir-collector"):
        run = [sys.executable, str(harness.ROOT / "test/e2e/unit_sandbox.py"), str(UNITS / f"{unit}.service.in"), str(folder),
               sys.executable, "-c"]
        assert subprocess.run([*run, "print(1)"], capture_output=True).stdout == b"1\n"
        assert subprocess.run([*run, code], capture_output=True).returncode == -signal.SIGSYS, what
        writable_code = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"
        assert b"PermissionError" in subprocess.run([*run, writable_code], capture_output=True).stderr


# --- man pages ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def man_pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, str(MAN_SCRIPT), str(folder), *map(harness.program, ("seyir", "seyir-agent", "seyir-collector"))],
                   check=True)
    return folder


def rendered(page):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    return subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(page)], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "MANPAGER": "cat"})


@pytest.mark.parametrize("page", ["seyir.1", "seyir-agent.8", "seyir-collector.8", "seyir-agent.yaml.5", "seyir-collector.yaml.5"])
def test_a_man_page_renders_without_a_warning(man_pages, page):
    done = rendered(man_pages / page)
    assert done.returncode == 0 and done.stderr == "", done.stderr[:2000]
    assert "NAME" in done.stdout and "SEE ALSO" in done.stdout


def test_the_man_page_of_seyir_has_every_command_and_option(man_pages):
    text = re.sub(r"\s+", " ", rendered(man_pages / "seyir.1").stdout)
    overview = subprocess.run([harness.program("seyir"), "help"], capture_output=True, text=True).stdout
    commands = re.findall(r"^  ([a-z]+)\b", overview.split("commands:")[1].split("options of")[0], re.M)
    assert len(commands) > 15
    for command in commands:
        help_text = subprocess.run([harness.program("seyir"), "help", command], capture_output=True, text=True).stdout
        assert re.sub(r"\s+", " ", help_text.splitlines()[0].removeprefix("usage: seyir ")) in text, command
        for option in re.findall(r"^  (--[a-z-]+)", help_text, re.M):
            assert option in text, f"{command} {option}"


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_the_configuration_page_has_every_type(man_pages, program):
    text = rendered(man_pages / f"seyir-{program}.yaml.5").stdout
    listed = subprocess.run([harness.program("seyir"), "explain"], capture_output=True, text=True).stdout
    kinds = re.findall(r"^\s+(?:inputs|filters|outputs)\.(\w+)", listed, re.M)
    for kind in ("tail",) if program == "agent" else ("agents", "syslog", "store"):
        assert f"type {kind}\n" in text
    for kind in ("redact", "lua", "file", "null"):
        assert f"type {kind}\n" in text
    assert not kinds or len(kinds) > 10
    for key in ("state_dir" if program == "agent" else "data_dir", "listen.http", "retry.max", "tls.ca"):
        assert re.search(rf"^ +{re.escape(key)}\b", text, re.M), key
