#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rotation at full speed: a program writes at a given rate and its log is rotated every second.

Each line carries a serial number; afterwards the store is asked for all of them: prints lines written, lost and
doubled, and CPU seconds per GB of both programs. MB and GB are powers of ten.

By default the log is renamed and created anew; rotated files beyond --keep are removed, as logrotate would, so
an agent that is late loses them. With --copytruncate another process copies the log and cuts it, as logrotate's
copytruncate does, while the program goes on writing. What is written between the end of the copy and the cut is in
no file afterwards (`lines_in_no_file`); an agent can store it only where it read it before the cut. All copies
are kept and read, so that every line is one of: in a file, or saved by the agent, or lost. What the agent counted
(`seyir_agent_tail_truncations_total`, `_copies_total`, `_lost_bytes_total`) stands beside it."""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import time

from run import ROOT, cpu_seconds, machine

LINE_BYTES = 1000


def copy_and_cut(path, copy, pause_s):
    """What logrotate's copytruncate does, and a busy host in between."""
    with open(path, "r+b", buffering=0) as source, open(copy, "xb", buffering=0) as target:
        while os.sendfile(target.fileno(), source.fileno(), None, 1 << 20) > 0:
            pass
        time.sleep(pause_s)
        os.ftruncate(source.fileno(), 0)


def write(logs, rate, seconds, period, keep, copytruncate, pause_s):
    """Returns how many lines were written, and how many rotations there were."""
    filler = b" level=info msg=" + b"x" * (LINE_BYTES - 31) + b" end\n"
    path, serial, rotations, copier = logs / "app.log", 0, 0, None
    begun = next_rotation = time.monotonic()
    next_rotation += period
    file = open(path, "ab", buffering=0)
    while time.monotonic() < begun + seconds:
        due = int((time.monotonic() - begun) * rate / LINE_BYTES)
        while serial < due:
            count = min(256, due - serial)
            file.write(b"".join(b"%010d" % number + filler for number in range(serial, serial + count)))
            serial += count
        if time.monotonic() >= next_rotation and not (copier is not None and copier.is_alive()):
            next_rotation += period
            rotations += 1
            rotated = logs / f"app.log.{rotations}"
            if copytruncate:
                copier = multiprocessing.Process(target=copy_and_cut, args=(path, rotated, pause_s))
                copier.start()
            else:
                os.rename(path, rotated)
                file.close()
                file = open(path, "ab", buffering=0)
                if rotations > keep:
                    os.unlink(logs / f"app.log.{rotations - keep}")
        time.sleep(0.001)
    file.close()
    if copier is not None:
        copier.join()
    return serial, rotations


def serials_in_files(logs):
    """Of the whole lines in the log and its copies. All lines are equally long, and a cut log begins with a line."""
    serials = set()
    for path in logs.iterdir():
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b" end\n"):
                    serials.add(int(line[:10]))
    return serials


def stored_serials(site, count):
    """How often each serial number is stored; asked for in parts, as one answer has at most a million rows."""
    stored = collections.Counter()
    for digit in range(10):  # by the last digit
        rows = site.query_all(f'{{input="app"}} |~ "^[0-9]{{9}}{digit} .* end$" | pattern "<n> <_>" | line_format "{{{{.n}}}}"')
        stored.update(int(row.line) for row in rows)
    return stored


def wait_for_the_end(harness, site, agent, lines, copytruncate):
    def is_done():
        if not copytruncate:
            return site.count() >= lines
        now = site.metrics(agent)
        # Nothing unread, and the part of a line at the end of a copy was sent too.
        progress = (now.get('seyir_agent_tail_lag_bytes{input="app"}'), site.count())
        since = seen.setdefault(progress, time.monotonic())
        return progress[0] == 0 and time.monotonic() - since > 10
    seen = {}
    try:
        harness.wait_until(is_done, "all lines are stored", 120, interval_s=0.2)
    except AssertionError:
        pass  # the figures say so


def measure(harness, arguments, folder):
    site = harness.Site(folder)
    try:
        site.collector.start()
        logs = site.logs
        agent = site.add_agent()
        if arguments.copytruncate:
            agent.config.write_text(agent.config.read_text().replace(f"{logs}/*.log", f"{logs}/app.log*"))
        agent.start()
        before = [cpu_seconds(process.popen.pid) for process in (agent, site.collector)]
        lines, rotations = write(logs, arguments.rate * 1e6, arguments.seconds, arguments.period, arguments.keep,
                                 arguments.copytruncate, arguments.pause)
        written = time.monotonic()
        wait_for_the_end(harness, site, agent, lines, arguments.copytruncate)
        late = time.monotonic() - written
        cpu = [cpu_seconds(process.popen.pid) - was for process, was in zip((agent, site.collector), before)]
        stored = stored_serials(site, lines)
        gigabytes = lines * LINE_BYTES / 1e9
        counted = site.metrics(agent)
        result = {"lines": lines, "rotations": rotations, "mb_per_second": gigabytes * 1000 / arguments.seconds,
                  "lost": sum(stored[n] == 0 for n in range(lines)),
                  "doubled": sum(stored.values()) - len(stored), "all_stored_after_s": round(late, 2),
                  "agent_cpu_s_per_gb": round(cpu[0] / gigabytes, 2),
                  "collector_cpu_s_per_gb": round(cpu[1] / gigabytes, 2)}
        if arguments.copytruncate:
            there = serials_in_files(logs)
            result |= {"lines_in_no_file": lines - len(there),
                       "of_these_stored": sum(stored[n] > 0 for n in range(lines) if n not in there),
                       "lost_though_in_a_file": sum(stored[n] == 0 for n in there),
                       "parts_of_lines_stored": site.count('{input="app"} !~ " end$"'),
                       "lost_bytes": sum(stored[n] == 0 for n in range(lines)) * LINE_BYTES}
            result |= {f"counted_{what}": int(counted[f'seyir_agent_tail_{what}_total{{input="app"}}'])
                       for what in ("truncations", "copies", "lost_bytes")}
        return result
    finally:
        if arguments.log:
            shutil.copy(agent.log, arguments.log)
        site.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default=str(ROOT / "build-release"))
    parser.add_argument("--rate", type=float, default=60, help="MB a second (default 60)")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--period", type=float, default=1, help="seconds between rotations (default 1)")
    parser.add_argument("--keep", type=int, default=5, help="rotated files that are kept (default 5)")
    parser.add_argument("--copytruncate", action="store_true", help="copy and cut instead of renaming")
    parser.add_argument("--pause", type=float, default=0, help="seconds between the end of the copy and the cut")
    parser.add_argument("--log", help="copy the agent's log there")
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
