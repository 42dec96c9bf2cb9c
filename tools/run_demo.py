#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev run: Seyir at work on this machine.

Starts a collector on an empty store in a temporary directory and an agent that follows /var/log,
its own log and a small generator of JSON access lines; shows live what comes in, what is
acknowledged and what it takes on disk, and the answers of three queries. Ctrl-C stops all.
Uses what every user has: /metrics, /api/v1/status and the `seyir` command.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

QUERIES = [
    ("server errors of the web service", '{input="web"} | json | status >= 500', ["--limit", "3"]),
    ("its requests by status", 'sum by (status) (count_over_time({input="web"} | json [5m]))', []),
    ("trouble in this machine's own logs", '{input="system"} |~ "(?i)error|fail|denied"', ["--limit", "3"]),
]
PATHS = ["/", "/cart", "/checkout", "/api/orders", "/api/users/17", "/login", "/static/app.js"]


def program(build_dir, name):
    for folder in ("collector/app", "agent/app", "ctl"):
        path = pathlib.Path(build_dir, folder, name)
        if path.is_file():
            return str(path)
    sys.exit(f"{name} is not in {build_dir}: run ./dev build")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(port, path):
    """The answer's text, or None while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.read().decode()
    except OSError:
        return None


def metric_sum(text, name, having=""):
    """Sum over all label sets of a metric whose labels hold `having`."""
    total = 0.0
    for line in (text or "").splitlines():
        if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " ") and having in line:
            total += float(line.rsplit(" ", 1)[1])
    return int(total)


class AccessLog(threading.Thread):
    """A web service that never sleeps long: JSON access lines, about 200 a second."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.stopped, self.lines = path, threading.Event(), 0

    def run(self):
        rng = random.Random()
        with open(self.path, "a", buffering=1) as log:
            while not self.stopped.wait(0.05):
                for _ in range(10):
                    status = rng.choices([200, 304, 404, 500, 503], [88, 4, 5, 2, 1])[0]
                    log.write(json.dumps({
                        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "method": "GET",
                        "path": rng.choice(PATHS), "status": status, "duration": f"{rng.expovariate(1 / 40):.1f}ms",
                        "client": f"10.0.{rng.randrange(4)}.{rng.randrange(256)}"}) + "\n")
                    self.lines += 1


class Demo:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="seyir-run-"))
        self.http, self.agents, self.agent_http = free_port(), free_port(), free_port()
        self.programs = []
        (self.folder / "web").mkdir()
        self.web = AccessLog(self.folder / "web" / "access.log")
        self.drawn = 0

    def write_configs(self):
        (self.folder / "collector.yaml").write_text(f"""\
version: 1
data_dir: {self.folder}/data
listen: {{ http: 127.0.0.1:{self.http} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{self.agents}, token: demo }}
outputs:
  store: {{ type: store }}
""")
        (self.folder / "agent.yaml").write_text(f"""\
version: 1
state_dir: {self.folder}/agent
listen: {{ http: 127.0.0.1:{self.agent_http} }}
labels: {{ env: demo }}
inputs:
  system: {{ type: tail, include: ['/var/log/**/*.log', '/var/log/syslog', '/var/log/messages'] }}
  agent: {{ type: tail, include: ['{self.folder}/seyir-agent.log'] }}
  web: {{ type: tail, include: ['{self.folder}/web/*.log'] }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{self.agents}'], token: demo }}
""")

    def start(self, name, config):
        log = open(self.folder / f"{name}.log", "ab")
        # A session of its own: Ctrl-C reaches this script alone, which then stops them in order.
        popen = subprocess.Popen([program(self.arguments.build_dir, name), "--config", str(self.folder / config)],
                                 stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.programs.append((name, popen))

    def check_alive(self):
        for name, popen in self.programs:
            if popen.poll() is not None:
                sys.stderr.write((self.folder / f"{name}.log").read_text(errors="replace")[-3000:])
                raise SystemExit(f"{name} ended with status {popen.returncode}")

    def seyir(self, *arguments):
        command = [program(self.arguments.build_dir, "seyir"), "--server", f"http://127.0.0.1:{self.http}", *arguments]
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        return (done.stdout or done.stderr).rstrip("\n"), (time.monotonic() - started) * 1000

    def disk_bytes(self):
        store = json.loads(fetch(self.http, "/api/v1/status") or "{}").get("store", {})
        return store.get("disk_bytes", 0)

    def lines(self):
        """What one refresh shows."""
        agent = fetch(self.agent_http, "/metrics")
        answers = "seyir_pipeline_output_answers_rows_total"
        acknowledged = metric_sum(agent, answers, 'outcome="delivered"') + metric_sum(agent, answers, 'outcome="duplicate"')
        shown = [f"records in {metric_sum(agent, 'seyir_pipeline_input_rows_total'):>10,}   acknowledged {acknowledged:>10,}"
                 f"   on disk {self.disk_bytes() / 1e6:>8.1f} MB"]
        for title, query, more in QUERIES:
            answer, ms = self.seyir("query", query, "--since", "1h", *more)
            shown += ["", f"{title}: seyir query '{query}'   ({ms:.0f} ms)"]
            shown += ["  " + line for line in (answer or "no answer yet").splitlines()[:6]]
        return shown

    def draw(self, shown):
        if sys.stdout.isatty():
            width, height = shutil.get_terminal_size()
            shown = [line[:width - 1] for line in shown][:height - 1]
            up = f"\x1b[{self.drawn}A" if self.drawn else ""
            sys.stdout.write(up + "\x1b[J" + "\n".join(shown) + "\n")
            self.drawn = len(shown)
        else:
            print("\n".join(shown) + "\n")
        sys.stdout.flush()

    def run(self):
        begun = time.monotonic()
        self.write_configs()
        self.web.start()
        self.start("seyir-collector", "collector.yaml")
        self.start("seyir-agent", "agent.yaml")
        print(f"collector http://127.0.0.1:{self.http}   agent http://127.0.0.1:{self.agent_http}   "
              f"files {self.folder}   Ctrl-C stops all\n", flush=True)
        while self.answered_rows() == 0:
            self.check_alive()
            time.sleep(0.05)
        print(f"the first records answer after {time.monotonic() - begun:.1f} s\n", flush=True)
        while not self.arguments.seconds or time.monotonic() - begun < self.arguments.seconds:
            self.check_alive()
            self.draw(self.lines())
            time.sleep(1)

    def answered_rows(self):
        if fetch(self.http, "/ready") is None:
            return 0
        answer, _ = self.seyir("query", '{input="web"}', "--since", "1h", "--limit", "1", "--output", "json")
        return sum(line.startswith("{") for line in answer.splitlines())

    def stop(self):
        """Stops both whatever else fails, and says so if anybody still listens."""
        self.web.stopped.set()
        said = []
        for name, popen in reversed(self.programs):
            if popen.poll() is None:
                popen.send_signal(signal.SIGTERM)
                try:
                    popen.wait(30)
                except subprocess.TimeoutExpired:
                    popen.kill()
                    popen.wait()
                said.append(f"{name} stopped with status {popen.returncode}")
        if self.arguments.keep:
            said.append(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        print("\n".join(said), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description="Seyir at work on this machine; Ctrl-C stops all.")
    parser.add_argument("--build-dir", default="build", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0, help="stop by itself after that time")
    parser.add_argument("--keep", action="store_true", help="keep the directory with store, configurations and logs")
    demo = Demo(parser.parse_args())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started it with &
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            demo.run()
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            demo.stop()
    except BrokenPipeError:
        # Ctrl-C ends `tee` as well, and `head` ends by itself: nobody reads any more. What Python would
        # still write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
