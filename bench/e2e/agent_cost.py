#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent costs its host: memory, CPU while idle, CPU a file and CPU a gigabyte.

The real programs on loopback: a collector, an agent, files. CPU is user and system time of all the agent's
threads (and so valid beside other load); RSS is VmRSS at the end of a case, peak RSS VmHWM. MB and GB are powers of ten.
Medians of --runs. Cases that send to the collector check that it stored each line once.

  idle      no file grows: RSS and CPU, without and with TLS
  rate      10 MB/s into one file: RSS and CPU
  files     1,000 files with a line a second each, 1,000 silent ones, 10,000 silent ones
  stages    CPU s/GB of a file read at once: tail to null, with JSON, with access-log parsing, multiline, and
            LZ4 and acknowledgements to the collector, without and with TLS
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))

from run import count_lines, machine  # noqa: E402: bench/e2e/run.py

CASES = ["idle", "rate", "files", "stages"]


def cpu_seconds(pid):
    """User and system time of all threads, those that ended included (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def memory_mb(pid, what):
    line = next(x for x in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith(what + ":"))
    return int(line.split()[1]) * 1024 / 1e6


class Bench:
    def __init__(self, arguments):
        os.environ["SEYIR_BUILD_DIR"] = os.path.abspath(arguments.build_dir)
        import harness
        self.harness, self.arguments = harness, arguments
        self.data = pathlib.Path(arguments.data or tempfile.mkdtemp(prefix="seyir-bench-data-"))
        self.data.mkdir(parents=True, exist_ok=True)

    def burst(self, shape, size=None):
        """A file that stays in the page cache between the runs: of --lines, or of gen_logs."""
        given = pathlib.Path(self.arguments.lines or "") / f"{shape}.log"
        if size is None and self.arguments.lines and given.exists():
            return given
        shape = {"combined": "apache", "multiline": "plain"}.get(shape, shape)
        size = size or self.arguments.size
        path = self.data / f"{shape}-{size}.burst"
        if not path.exists():
            subprocess.run([self.arguments.build_dir + "/tools/gen_logs", "--shape", shape, "--size", size,
                            "--output", str(path)], check=True)
        return path

    def site(self, tls=False):
        site = self.harness.Site(tempfile.mkdtemp(prefix="seyir-bench-", dir=self.data))
        if tls:
            from test_security import Certificates
            site.certificates = Certificates(site.folder)
            site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents:
    type: agents
    listen: 127.0.0.1:{site.agents_port}
    token: {self.harness.TOKEN}
    tls: {{ cert: '{site.certificates.cert}', key: '{site.certificates.key}' }}
outputs:
  store: {{ type: store }}
""")
        return site

    def agent(self, site, tls=False, more_input="", filters="", output=None, outputs="central"):
        http_port = self.harness.free_ports(1)[0]
        tls_line = f", tls: {{ ca: '{site.certificates.ca}' }}" if tls else ""
        output = output or (f"{{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], "
                            f"token: {self.harness.TOKEN}{tls_line} }}")
        return site.add_agent(http_port=http_port, text=f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  app: {{ type: tail, include: ['{site.logs}/*.log']{more_input} }}
{filters}outputs:
  central: {output}
""")

    def close(self, site):
        site.close()
        shutil.rmtree(site.folder, ignore_errors=True)

    def wait_stored(self, site, records):
        self.harness.wait_until(lambda: site.status()["store"]["records"] >= records, f"{records} records stored", 1200)
        assert site.count() == records, f"{site.count()} of {records} records"

    def spent(self, agent, seconds):
        """CPU of the agent over a while, in per cent of a core."""
        before, begun = cpu_seconds(agent.popen.pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_seconds(agent.popen.pid) - before) / (time.monotonic() - begun) * 100

    # --- cases: each gives rows of (what, {column: value}) ---
    def idle(self):
        for tls in (False, True):
            site = self.site(tls)
            try:
                site.collector.start()
                agent = self.agent(site, tls)
                (site.logs / "a.log").write_bytes(b"a line\n")
                agent.start()
                self.wait_stored(site, 1)
                time.sleep(4)
                yield f"idle, {'TLS' if tls else 'no TLS'}", {
                    "CPU %": self.spent(agent, self.arguments.seconds),
                    "RSS MB": memory_mb(agent.popen.pid, "VmRSS"), "peak RSS MB": memory_mb(agent.popen.pid, "VmHWM")}
                self.look(agent)
            finally:
                self.close(site)

    def rate(self):
        for tls in (False, True):
            site = self.site(tls)
            try:
                site.collector.start()
                agent = self.agent(site, tls).start()
                lines = self.burst("plain", "10MB").read_bytes().splitlines(keepends=True)
                tenth = [b"".join(lines[i::100]) for i in range(100)]  # 100 kB each: every 10 ms
                count, path = 0, site.logs / "a.log"
                before, begun = cpu_seconds(agent.popen.pid), time.monotonic()
                with open(path, "ab", buffering=0) as file:
                    while (passed := time.monotonic() - begun) < self.arguments.seconds:
                        piece = tenth[count % 100]
                        file.write(piece)
                        count += 1
                        time.sleep(max(0, count * 0.01 - passed))
                    cpu = (cpu_seconds(agent.popen.pid) - before) / (time.monotonic() - begun) * 100
                self.wait_stored(site, path.read_bytes().count(b"\n"))
                yield f"10 MB/s, {'TLS' if tls else 'no TLS'}", {
                    "CPU %": cpu, "RSS MB": memory_mb(agent.popen.pid, "VmRSS"),
                    "peak RSS MB": memory_mb(agent.popen.pid, "VmHWM")}
                self.look(agent)
            finally:
                self.close(site)

    def files(self):
        for count, grow in ((1_000, True), (1_000, False), (10_000, False)):
            site = self.site()
            try:
                paths = [site.logs / f"{i:05}.log" for i in range(count)]
                for i, path in enumerate(paths):
                    path.write_bytes(f"first line of file {i}\n".encode())
                site.collector.start()
                agent = self.agent(site).start()
                self.wait_stored(site, count)
                time.sleep(4)
                stop, written = threading.Event(), 0

                def write():
                    nonlocal written
                    handles = [os.open(path, os.O_WRONLY | os.O_APPEND) for path in paths]
                    begun = time.monotonic()
                    while not stop.is_set():
                        os.write(handles[written % count], b"%d a line like those that a service writes, about 100 bytes "
                                 b"of text, with an id %016x\n" % (written, written * 0x9e3779b97f4a7c15 % 2**64))
                        written += 1
                        time.sleep(max(0, begun + written / count - time.monotonic()))
                    for handle in handles:
                        os.close(handle)

                if grow:
                    writer = threading.Thread(target=write)
                    writer.start()
                    time.sleep(2)
                cpu = self.spent(agent, self.arguments.seconds)
                if grow:
                    stop.set()
                    writer.join()
                    self.wait_stored(site, count + written)
                yield f"{count:,} files, {'a line a second each' if grow else 'silent'}", {
                    "CPU %": cpu, "RSS MB": memory_mb(agent.popen.pid, "VmRSS"),
                    "peak RSS MB": memory_mb(agent.popen.pid, "VmHWM")}
                self.look(agent)
            finally:
                self.close(site)

    def stages(self):
        null, clf = "{ type: 'null' }", self.filters("clf")
        java = ", multiline: { preset: java }"
        for what, shape, options in (
                ("tail", "plain", {"output": null}),
                ("tail, multiline java", "multiline", {"output": null, "more_input": java}),
                ("tail + JSON", "json", {"output": null, "filters": self.filters("json")}),
                ("tail + access log", "combined", {"output": null, "filters": clf}),
                ("to collector, LZ4, acks", "plain", {}),
                ("to collector, LZ4, acks, TLS", "plain", {"tls": True}),
                ("to collector, LZ4, acks", "json", {}),
                ("to collector, LZ4, acks", "combined", {})):
            if self.arguments.only in what:
                yield f"{what} ({shape})", self.stage(shape, **options)

    @staticmethod
    def filters(form):
        return (f"filters:\n  fields: {{ type: parse, format: {form} }}\n"
                "routes:\n  - { name: all, from: [app], through: [fields], to: [central] }\n")

    def stage(self, shape, tls=False, output=None, **options):
        burst = self.burst(shape)
        raw = burst.stat().st_size
        site = self.site(tls)
        try:
            os.link(burst, site.logs / "burst.log")
            agent = self.agent(site, tls, output=output, **options)
            if output is None:
                site.collector.start()
                before = cpu_seconds(site.collector.popen.pid)
            agent.start(wait=False)
            read = 'seyir_agent_tail_{}{{input="app"}}'

            def done():
                try:
                    now = site.metrics(agent)
                except OSError:
                    return False
                rest = now.get(read.format("in_flight_bytes"), 1)
                return now.get(read.format("read_bytes_total"), 0) >= raw and rest == 0
            self.harness.wait_until(done, "all read and answered", 1200, interval_s=0.1)
            time.sleep(0.3)  # the last batch, if it was not full
            values = {"CPU s/GB": cpu_seconds(agent.popen.pid) / raw * 1e9,
                      "peak RSS MB": memory_mb(agent.popen.pid, "VmHWM")}
            if output is None:
                spent = cpu_seconds(site.collector.popen.pid) - before
                values["collector CPU s/GB"] = spent / raw * 1e9
                self.wait_stored(site, count_lines(burst))
            self.look(agent)
            return values
        finally:
            self.close(site)

    def look(self, agent):
        if self.arguments.look:
            subprocess.run([*self.arguments.look.split(), str(agent.popen.pid)], check=False)


def show(rows):
    columns = list(dict.fromkeys(column for _, values in rows for column in values))  # in order, once
    print("| case | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 1))
    for what, values in rows:
        cells = [f"{values[c]:.2f}" if c in values else "" for c in columns]
        print(f"| {what} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; default: all")
    parser.add_argument("--build-dir", default=str(ROOT / "build-release"))
    parser.add_argument("--runs", type=int, default=1, help="repeats; medians are printed")
    parser.add_argument("--seconds", type=float, default=20, help="how long a steady state is watched")
    parser.add_argument("--size", default="500MB", help="bytes of a burst")
    parser.add_argument("--data", help="directory that keeps the bursts between runs")
    parser.add_argument("--lines", help="directory with plain.log, json.log, combined.log, multiline.log instead")
    parser.add_argument("--only", default="", help="only the stages whose name has this text")
    parser.add_argument("--look", help="command that is run with the agent's process id at the end of each case")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    print(machine(), flush=True)
    runs = {}
    for _ in range(arguments.runs):
        for case in arguments.cases or CASES:
            for what, values in getattr(bench, case)():
                runs.setdefault(what, []).append(values)
                print(what, {k: round(v, 2) for k, v in values.items()}, flush=True)
    show([(what, {c: statistics.median(v[c] for v in values) for c in values[0]}) for what, values in runs.items()])
    if not arguments.data:
        shutil.rmtree(bench.data, ignore_errors=True)


if __name__ == "__main__":
    main()
