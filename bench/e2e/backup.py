#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backup benchmark: a store of SIZE of lines is backed up, then again after each of several changes,
verified, restored and verified. Prints wall time, CPU time and bytes copied of each step. MB and GB are
powers of ten."""
import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def command(harness, *words):
    """(answer, wall s, CPU s) of a `seyir` command that prints JSON."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([harness.program("seyir"), *map(str, words), "--output", "json"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), time.monotonic() - begun, cpu


def write_lines(gen_logs, path, size, seed):
    subprocess.run([gen_logs, "--shape", "json", "--size", size, "--seed", str(seed), "--output", str(path)], check=True)
    return path.read_bytes().count(b"\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build-dir", default="build-release")
    parser.add_argument("--size", default="5GB")
    parser.add_argument("--changes", nargs="*", default=["1MB", "100MB", "1GB"])
    parser.add_argument("--folder", help="where the data goes; default: a temporary directory")
    arguments = parser.parse_args()
    os.environ["SEYIR_BUILD_DIR"] = str(pathlib.Path(arguments.build_dir).resolve())
    import harness
    folder = pathlib.Path(arguments.folder or tempfile.mkdtemp(prefix="seyir-backup-"))
    site = harness.Site(folder)
    text = site.collector.config.read_text()
    site.configure_collector(text.replace(
        "{ type: store }", f"{{ type: store, retention: 36500d, backup: {{ path: {folder}/backups, schedule: '@yearly' }} }}"))
    gen_logs = arguments.build_dir + "/tools/gen_logs"
    admin = ["--server", f"unix:{folder}/data/admin.sock"]
    records = 0
    try:
        site.collector.start()
        agent = site.add_agent().start()
        for seed, size in enumerate([arguments.size, "0", *arguments.changes], 1):
            if size != "0":
                records += write_lines(gen_logs, site.logs / f"{seed}.log", size, seed)
                harness.wait_until(lambda: site.status()["store"]["records"] >= records, f"{records} records", 3600, 0.2)
            before = cpu_of(site.collector.popen.pid)
            made, wall, _ = command(harness, *admin, "backup", "run")
            cpu = cpu_of(site.collector.popen.pid) - before
            print(f"backup after {size:>5} of lines: {wall:7.2f} s, collector CPU {cpu:6.2f} s, "
                  f"copied {made['copied_bytes'] / 1e6:9.1f} of {made['bytes'] / 1e6:9.1f} MB", flush=True)
        agent.terminate()
        site.collector.terminate()
        for what in (folder / "backups", folder / "data"):
            done, wall, cpu = command(harness, "verify", what)
            print(f"verify {what.name:>8}: {wall:7.2f} s, CPU {cpu:6.2f} s, {done['bytes'] / 1e6:.1f} MB", flush=True)
        done, wall, cpu = command(harness, "restore", folder / "backups", "--to", folder / "restored")
        print(f"restore:         {wall:7.2f} s, CPU {cpu:6.2f} s, {done['bytes'] / 1e6:.1f} MB, {done['records']} records", flush=True)
        done, wall, cpu = command(harness, "verify", folder / "restored")
        print(f"verify restored: {wall:7.2f} s, CPU {cpu:6.2f} s; {done['records']} of {records} records", flush=True)
        assert done["records"] == records
    finally:
        site.close()
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
