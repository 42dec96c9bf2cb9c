#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rotation at full speed: a program writes at a given rate and its log is renamed and created anew every second.

Each line carries a serial number; afterwards the store is asked for all of them: prints lines written, lost and
doubled, and CPU seconds per GB of both programs. Rotated files beyond --keep are removed, as logrotate would, so
an agent that is late loses them. MB and GB are powers of ten."""
import argparse
import collections
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

from run import ROOT, cpu_seconds, machine

LINE_BYTES = 1000


def write(logs, rate, seconds, period, keep):
    """Returns how many lines were written, and how many rotations there were."""
    filler = b" level=info msg=" + b"x" * (LINE_BYTES - 27) + b"\n"
    path, serial, rotations = logs / "app.log", 0, 0
    begun = next_rotation = time.monotonic()
    next_rotation += period
    file = open(path, "ab", buffering=0)
    while time.monotonic() < begun + seconds:
        due = int((time.monotonic() - begun) * rate / LINE_BYTES)
        while serial < due:
            count = min(256, due - serial)
            file.write(b"".join(b"%010d" % number + filler for number in range(serial, serial + count)))
            serial += count
        if time.monotonic() >= next_rotation:
            next_rotation += period
            rotations += 1
            os.rename(path, logs / f"app.log.{rotations}")
            file.close()
            file = open(path, "ab", buffering=0)
            if rotations > keep:
                os.unlink(logs / f"app.log.{rotations - keep}")
        time.sleep(0.001)
    file.close()
    return serial, rotations


def stored_serials(site, count):
    """How often each serial number is stored; asked for in parts, as one answer has at most a million rows."""
    stored = collections.Counter()
    for digit in range(10):  # by the last digit
        rows = site.query_all(f'{{input="app"}} |~ "^[0-9]{{9}}{digit} " | pattern "<n> <_>" | line_format "{{{{.n}}}}"')
        stored.update(int(row.line) for row in rows)
    return stored


def measure(harness, arguments, folder):
    site = harness.Site(folder)
    try:
        site.collector.start()
        agent = site.add_agent()
        agent.start()
        before = [cpu_seconds(process.popen.pid) for process in (agent, site.collector)]
        lines, rotations = write(site.logs, arguments.rate * 1e6, arguments.seconds, arguments.period, arguments.keep)
        written = time.monotonic()
        try:
            harness.wait_until(lambda: site.count() >= lines, "all lines are stored", 120)
        except AssertionError:
            pass  # the figures say so
        late = time.monotonic() - written
        cpu = [cpu_seconds(process.popen.pid) - was for process, was in zip((agent, site.collector), before)]
        stored = stored_serials(site, lines)
        gigabytes = lines * LINE_BYTES / 1e9
        return {"lines": lines, "rotations": rotations, "mb_per_second": gigabytes * 1000 / arguments.seconds,
                "lost": sum(stored[n] == 0 for n in range(lines)),
                "doubled": sum(stored.values()) - len(stored), "all_stored_after_s": round(late, 2),
                "agent_cpu_s_per_gb": round(cpu[0] / gigabytes, 2),
                "collector_cpu_s_per_gb": round(cpu[1] / gigabytes, 2)}
    finally:
        site.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default=str(ROOT / "build-release"))
    parser.add_argument("--rate", type=float, default=60, help="MB a second (default 60)")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--period", type=float, default=1, help="seconds between rotations (default 1)")
    parser.add_argument("--keep", type=int, default=5, help="rotated files that are kept (default 5)")
    arguments = parser.parse_args()
    os.environ["SEYIR_BUILD_DIR"] = os.path.abspath(arguments.build_dir)
    import harness
    folder = tempfile.mkdtemp(prefix="seyir-bench-")
    try:
        print(machine())
        print(json.dumps(measure(harness, arguments, pathlib.Path(folder)), indent=1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
