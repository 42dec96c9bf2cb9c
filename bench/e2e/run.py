#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""End-to-end benchmark: a burst of log lines from file to acknowledged after fsync.

For each shape: writes the burst with gen_logs, starts a collector on an empty store and an agent on
the file, and measures from the agent's start until the collector counts the last record as stored.
Prints records/s, raw MB/s, CPU seconds per GB and peak RSS of both programs, acknowledgement
and commit latency, and bytes on disk. MB and GB are powers of ten.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))
LATENCY = "seyir_pipeline_output_seconds"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def folder_bytes(folder):
    return sum(p.stat().st_blocks * 512 for p in pathlib.Path(folder).rglob("*") if p.is_file())


def count_lines(path):
    with open(path, "rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def histogram_quantile(metrics, name, label, q):
    """Upper bound of the bucket that holds the quantile, in ms; None where there is no such metric."""
    buckets = sorted((float(key.split('le="')[1].split('"')[0].replace("+Inf", "inf")), value)
                     for key, value in metrics.items() if key.startswith(name + "_bucket") and label in key)
    if not buckets or buckets[-1][1] == 0:
        return None
    return next(bound * 1000 for bound, value in buckets if value >= q * buckets[-1][1])


def stored_records(site):
    return site.status()["store"]["records"]


def measure(harness, arguments, shape, folder):
    site = harness.Site(folder)
    burst = pathlib.Path(arguments.data or folder) / f"{shape}.burst"
    if not burst.exists():
        subprocess.run([arguments.build_dir + "/tools/gen_logs", "--shape", shape, "--size", arguments.size,
                        "--output", str(burst)], check=True)
    raw, records = burst.stat().st_size, count_lines(burst)
    # The agent sees the file appear under its name; the bytes are in the page cache, as they are
    # on a host whose programs have just written them.
    os.link(burst, site.logs / "burst.log")
    try:
        site.collector.start()
        agent = site.add_agent()
        collector_cpu = cpu_seconds(site.collector.popen.pid)
        begun = time.monotonic()
        agent.start(wait=False)
        harness.wait_until(lambda: stored_records(site) >= records, f"{records} records stored", 1200, interval_s=0.02)
        seconds = time.monotonic() - begun
        agent_cpu = cpu_seconds(agent.popen.pid)
        collector_cpu = cpu_seconds(site.collector.popen.pid) - collector_cpu
        agent_metrics, collector_metrics = site.metrics(agent), site.metrics()
        result = {
            "shape": shape, "records": records, "raw_bytes": raw, "seconds": seconds,
            "records_per_second": records / seconds, "raw_mb_per_second": raw / seconds / 1e6,
            "agent_cpu_s_per_gb": agent_cpu / raw * 1e9, "collector_cpu_s_per_gb": collector_cpu / raw * 1e9,
            "agent_rss_mb": agent.rss_bytes() / 1e6, "collector_rss_mb": site.collector.rss_bytes() / 1e6,
            "disk_bytes_per_record": folder_bytes(site.folder / "data") / records,
        }
        for q in (0.5, 0.99):
            # From a batch leaving the input to its acknowledgement, so queueing in a burst counts.
            result[f"ack_p{q * 100:g}_ms"] = histogram_quantile(agent_metrics, LATENCY, 'component="central"', q)
            result[f"commit_p{q * 100:g}_ms"] = histogram_quantile(collector_metrics, LATENCY, 'component="store"', q)
        if arguments.metrics:
            for metrics in (agent_metrics, collector_metrics):
                shown = {k: v for k, v in sorted(metrics.items()) if k.startswith("seyir_") and "_bucket" not in k}
                print(json.dumps(shown, indent=1))
        assert site.count() == records
        return result
    finally:
        site.close()


def show(results):
    def cell(value):
        return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"

    columns = [("shape", "shape"), ("records/s", "records_per_second"), ("raw MB/s", "raw_mb_per_second"),
               ("agent CPU s/GB", "agent_cpu_s_per_gb"), ("collector CPU s/GB", "collector_cpu_s_per_gb"),
               ("agent RSS MB", "agent_rss_mb"), ("collector RSS MB", "collector_rss_mb"),
               ("ack p50 / ms ≤", "ack_p50_ms"), ("ack p99", "ack_p99_ms"),
               ("commit p50", "commit_p50_ms"), ("commit p99", "commit_p99_ms"),
               ("disk B/record", "disk_bytes_per_record")]
    print("| " + " | ".join(title for title, _ in columns) + " |")
    print("|" + "---|" * len(columns))
    for result in results:
        print("| " + " | ".join(cell(result[key]) if key != "shape" else result[key] for _, key in columns) + " |")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default=str(ROOT / "build-release"))
    parser.add_argument("--size", default="1GB", help="bytes of the burst (default 1GB)")
    parser.add_argument("--shape", action="append", choices=["plain", "json", "apache"], help="default: all three")
    parser.add_argument("--runs", type=int, default=1, help="repeats of each shape; the median by time is printed")
    parser.add_argument("--data", help="directory that keeps the bursts between runs")
    parser.add_argument("--json", help="also write the results to this file")
    parser.add_argument("--metrics", action="store_true", help="print both programs' metrics after each run")
    arguments = parser.parse_args()
    arguments.build_dir = os.path.abspath(arguments.build_dir)
    os.environ["SEYIR_BUILD_DIR"] = arguments.build_dir
    import harness
    results = []
    print(machine(), f"burst {arguments.size}", flush=True)
    for shape in arguments.shape or ["plain", "json", "apache"]:
        runs = []
        for _ in range(arguments.runs):
            folder = tempfile.mkdtemp(prefix="seyir-bench-", dir=arguments.data)
            try:
                runs.append(measure(harness, arguments, shape, folder))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        middle = statistics.median_low([r["seconds"] for r in runs])
        results.append(next(r for r in runs if r["seconds"] == middle))
    show(results)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"machine": machine(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
