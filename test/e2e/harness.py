# SPDX-License-Identifier: Apache-2.0
"""Starts, kills and questions the real programs. Threads: one test, one Site."""
import base64
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SEYIR_BUILD_DIR", ROOT / "build"))
SANITIZED = BUILD.name in ("build-asan", "build-tsan")
PATIENCE_S = 120 if SANITIZED else 60
TOKEN = "secret"
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")


def shared_folder():
    """Test data that is not part of the project; None where it is missing."""
    folder = pathlib.Path(os.environ.get("SEYIR_SHARED", ROOT.parent / "shared"))
    return folder if folder.is_dir() else None


def program(name):
    """The built program, wherever its module lives in the build directory."""
    for folder in ("agent/app", "collector/app", "ctl", "agent", "collector", "."):
        path = BUILD / folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError(f"{name} is not built in {BUILD}: run ./dev build")


def wait_until(condition, what, timeout_s=PATIENCE_S, interval_s=0.05):
    """Polls until condition() is true and returns its value; fails naming `what` at the deadline."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(interval_s)


_ports_given = set()


def free_ports(count):
    """Ports nobody listens on, never the same twice. They lie below the range from which the kernel
    takes the local ports of outgoing connections: one of those could take a port between this answer
    and the bind of who asked."""
    first_ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(10_240, max(first_ephemeral, 20_000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _ports_given:
            _ports_given.add(port)
            ports.append(port)
    return ports


def seeded_random():
    """A generator whose seed is printed, and so shown when the test fails. SEYIR_SEED sets it."""
    seed = int(os.environ.get("SEYIR_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed: SEYIR_SEED={seed}")
    return random.Random(seed)


class Process:
    """One program under test. Its log is one file over all restarts."""

    def __init__(self, name, config, log, http_port, tls=None):
        self.name, self.config, self.log, self.http_port, self.tls = name, config, log, http_port, tls
        self.popen = None
        self.environment = dict(os.environ)
        self.user = None  # a name to run as, where the test runs as root
        self.stdin = subprocess.DEVNULL
        self.wrapper = []  # words before the program, as `env` takes them

    def start(self, wait=True):
        assert self.popen is None, f"{self.name} already runs"
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [*self.wrapper, program(self.name), "--config", str(self.config)], stdout=log, stderr=log,
                stdin=self.stdin, env=self.environment, user=self.user)
        if wait:
            self.wait_started()
        return self

    def wait_started(self):
        wait_until(lambda: self.exited() or self.listens(), f"{self.name} answers on port {self.http_port}")
        assert not self.exited(), f"{self.name} ended with {self.popen.returncode}:\n{self.log_text()[-4000:]}"

    def exited(self):
        return self.popen is not None and self.popen.poll() is not None

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def listens(self):
        try:
            return http_get(self.http_port, "/health", tls=self.tls, timeout_s=5).status in (200, 401, 503)
        except OSError:
            return False

    def run_to_end(self, timeout_s=PATIENCE_S):
        """Starts a program that is expected to end by itself; (status, what it printed)."""
        before = len(self.log_text())
        self.start(wait=False)
        status = self.popen.wait(timeout_s)
        self.popen = None
        return status, self.log_text()[before:]

    def kill9(self):
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait(30)
            self.popen = None

    def terminate(self, timeout_s=PATIENCE_S):
        """SIGTERM; the exit status."""
        self.popen.send_signal(signal.SIGTERM)
        status = self.popen.wait(timeout_s)
        self.popen = None
        return status

    def restart(self):
        self.kill9()
        self.start()

    def log_text(self):
        try:
            return pathlib.Path(self.log).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def logged(self, *words):
        """True once one line of the log holds all the words."""
        return any(all(w in line for w in words) for line in self.log_text().splitlines())

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0


Answer = collections.namedtuple("Answer", "status body")


def http_get(port, path, parameters=None, token=None, tls=None, timeout_s=PATIENCE_S, method="GET", body=None,
             headers=None):
    """tls: an ssl.SSLContext. OSError where nothing answers."""
    target = path + ("?" + urllib.parse.urlencode(parameters, doseq=True) if parameters else "")
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout_s, context=tls)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        all_headers = dict(headers or {})
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        connection.request(method, target, body=body, headers=all_headers)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except http.client.HTTPException as error:
        raise OSError(f"broken answer: {error!r}") from error
    finally:
        connection.close()


Row = collections.namedtuple("Row", "ts line labels")


def rows_of(answer_body):
    """Rows of a Loki streams answer asked for with line_encoding=base64, in time order."""
    answer = json.loads(answer_body)
    assert answer["status"] == "success" and answer["data"]["resultType"] == "streams", answer
    rows = []
    for stream in answer["data"]["result"]:
        for value in stream["values"]:
            rows.append(Row(int(value[0]), base64.b64decode(value[1]), stream["stream"]))
    rows.sort(key=lambda row: row.ts)
    return rows


class Site:
    """A directory with a collector and agents, and the questions a test asks of them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.logs = self.folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.http_port, self.agents_port = free_ports(2)
        self.processes = []
        self.proxies = []
        self.token = None  # for HTTP, where the site is configured with tokens
        self.tls = None
        self.collector = self._collector()

    # --- configuration, as a user writes it ---
    def _write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def _collector(self):
        process = Process("seyir-collector", self.folder / "collector.yaml", self.folder / "collector.log", self.http_port)
        self.processes.append(process)
        self.configure_collector()
        return process

    def configure_collector(self, text=None, inputs="", store=""):
        """The text of the configuration; without it the one the interfaces fix, with `inputs` (lines) besides the
        agents and `store` (members of a mapping, each before a comma) of the store."""
        self._write("collector.yaml", text or f"""\
version: 1
data_dir: {self.folder}/data
listen: {{ http: 127.0.0.1:{self.http_port} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{self.agents_port}, token: {TOKEN} }}
{inputs}outputs:
  store: {{ {store}type: store }}
""")

    def add_agent(self, name="agent", logs=None, port=None, text=None, http_port=None, token=TOKEN, output=None):
        """An agent that tails logs/*.log and ships to `port` (default: the collector itself), or to `output`,
        a mapping in YAML; `text` replaces the whole configuration."""
        http_port = http_port or free_ports(1)[0]
        output = output or f"{{ type: collector, endpoints: ['127.0.0.1:{port or self.agents_port}'], token: {token} }}"
        config = self._write(f"{name}.yaml", text or f"""\
version: 1
state_dir: {self.folder}/{name}
listen: {{ http: 127.0.0.1:{http_port} }}
labels: {{ env: test }}
inputs:
  app: {{ type: tail, include: ['{logs or self.logs}/*.log'] }}
outputs:
  central: {output}
""")
        process = Process("seyir-agent", config, self.folder / f"{name}.log", http_port)
        self.processes.append(process)
        return process

    def add_proxy(self):
        from proxy import WireProxy  # here: only tests that need it pay for it
        proxy = WireProxy(self.agents_port)
        self.proxies.append(proxy)
        return proxy

    # --- questions ---
    def get(self, path, **parameters):
        return http_get(self.http_port, path, parameters or None, token=self.token, tls=self.tls)

    def query_range(self, query, limit=1_000_000, start=0, end=9_000_000_000_000_000_000, **more):
        parameters = dict(query=query, limit=limit, start=start, end=end, direction="forward", **more)
        return self.get("/loki/api/v1/query_range", **parameters)

    def query_all(self, query='{input="app"}', limit=1_000_000):
        """Every row that answers, byte-exact, oldest first."""
        answer = self.query_range(query, limit, line_encoding="base64")
        assert answer.status == 200, answer.body[:2000]
        return rows_of(answer.body)

    def try_query_all(self, query='{input="app"}'):
        """None while the collector is down."""
        try:
            return self.query_all(query)
        except OSError:
            return None

    def instant(self, query):
        """Value of a metric query without labels, 0 where it is empty."""
        answer = self.get("/loki/api/v1/query", query=query)
        assert answer.status == 200, answer.body[:2000]
        result = json.loads(answer.body)["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def count(self, query='{input="app"}'):
        return int(self.instant(f"sum(count_over_time({query}[10y]))"))

    def metrics(self, process=None):
        """name{labels} -> value."""
        port = process.http_port if process else self.http_port
        answer = http_get(port, "/metrics", token=self.token, tls=None if process else self.tls)
        assert answer.status == 200, answer.body[:500]
        values = {}
        for line in answer.body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def status(self, process=None):
        answer = http_get(process.http_port, "/api/v1/status") if process else self.get("/api/v1/status")
        assert answer.status == 200, answer.body[:500]
        return json.loads(answer.body)

    def seyir(self, *arguments, server=True, timeout_s=PATIENCE_S, environment=None):
        """Runs the command; CompletedProcess with bytes."""
        where = ["--server", f"http://127.0.0.1:{self.http_port}"] if server else []
        return subprocess.run([program("seyir"), *where, *map(str, arguments)], capture_output=True, timeout=timeout_s,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})

    # --- waiting ---
    def wait_rows(self, count, query='{input="app"}', timeout_s=PATIENCE_S):
        """Waits for at least `count` rows and gives them all."""
        last = []

        def enough():
            nonlocal last
            rows = self.try_query_all(query)
            last = rows if rows is not None else last
            return rows is not None and len(rows) >= count
        try:
            wait_until(enough, "", timeout_s, interval_s=0.1)
        except AssertionError:
            raise AssertionError(f"{len(last)} of {count} rows of {query} after {timeout_s} s") from None
        return last

    def wait_count(self, count, query='{input="app"}', timeout_s=PATIENCE_S):
        """As wait_rows, without fetching them."""
        seen = 0

        def enough():
            nonlocal seen
            try:
                seen = self.count(query)
            except OSError:
                return False
            return seen >= count
        try:
            wait_until(enough, "", timeout_s, interval_s=0.1)
        except AssertionError:
            raise AssertionError(f"{seen} of {count} rows of {query} after {timeout_s} s") from None

    # --- the end ---
    def close(self):
        for process in self.processes:
            process.kill9()
        for proxy in self.proxies:
            proxy.close()

    def sanitizer_reports(self):
        return [f"{p.log}: {line}" for p in self.processes for line in p.log_text().splitlines()
                if any(report in line for report in SANITIZER_REPORTS)]


def split_lines(content):
    """The lines of a file as the product defines them: \\n ends one, \\r stays, an unended rest counts."""
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return lines


def by_file(rows):
    found = collections.defaultdict(list)
    for row in rows:
        found[row.labels.get("filename")].append(row.line)
    return found


def assert_files_stored_once(rows, files):
    """Each file's lines, byte for byte, in order, once; and nothing else."""
    found = by_file(rows)
    for path, content in files.items():
        expected, got = split_lines(content), found.pop(str(path), [])
        if got == expected:
            continue
        counts = collections.Counter(got)
        missing = [line for line in expected if line not in counts]
        twice = [line for line, n in (counts - collections.Counter(expected)).items()]
        raise AssertionError(f"{path}: {len(got)} rows for {len(expected)} lines; "
                             f"{len(missing)} missing {missing[:3]}, {len(twice)} extra {twice[:3]}"
                             + ("" if missing or twice else ", order differs"))
    assert not found, f"rows of files nobody wrote: {list(found)[:5]}"


def server_tls_context(ca):
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False
    return context
