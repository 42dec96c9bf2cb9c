# SPDX-License-Identifier: Apache-2.0
"""Rotation at speed, and ten thousand files under kill -9: every line is stored once."""
import collections
import os
import threading
import time

import harness
from harness import wait_until

FILES = 10_000
FOLDERS = 100


class RotatingWriter(threading.Thread):
    """About 10 MB a second into one file that is renamed and created anew; the oldest are removed once read."""

    def __init__(self, logs, seconds, period):
        super().__init__(daemon=True)
        self.logs, self.seconds, self.period = logs, seconds, period
        self.lines = self.rotations = 0

    def run(self):
        begun, path = time.monotonic(), self.logs / "app.log"
        file = open(path, "ab", buffering=0)
        while (passed := time.monotonic() - begun) < self.seconds:
            due = int(passed * 10_000)
            if due > self.lines:
                file.write(b"".join(b"%07d " % n + b"x" * 991 + b"\n" for n in range(self.lines, due)))
                self.lines = due
            if passed > (self.rotations + 1) * self.period:
                file.close()
                os.rename(path, self.logs / f"app.log.{self.rotations}")
                self.rotations += 1
                file = open(path, "ab", buffering=0)
            time.sleep(0.002)
        file.close()


def test_a_log_that_is_renamed_all_the_time_at_speed_is_stored_once(site):
    site.collector.start()
    site.add_agent().start()
    writer = RotatingWriter(site.logs, seconds=5, period=0.25)
    writer.start()
    writer.join()
    assert writer.rotations >= 5
    site.wait_count(writer.lines)
    stored = collections.Counter(row.line[:7] for row in site.query_all())
    assert stored == collections.Counter(b"%07d" % n for n in range(writer.lines))


def test_ten_thousand_files_with_kills_are_stored_once(site):
    rng = harness.seeded_random()
    expected = collections.Counter()

    def write(number, words):
        path = site.logs / f"d{number % FOLDERS:02d}" / f"f{number:05d}.log"
        lines = [f"file {number} {words} {i}" for i in range(2)]
        with open(path, "a") as file:
            file.write("".join(line + "\n" for line in lines))
        expected.update(line.encode() for line in lines)

    for folder in range(FOLDERS):
        (site.logs / f"d{folder:02d}").mkdir()
    for number in range(FILES):
        write(number, "first")
    site.collector.start()
    agent = site.add_agent(logs=site.logs / "*")
    for kill in range(3):
        agent.start(wait=False)
        target = site.count() + rng.randrange(1, 8000)
        wait_until(lambda: site.count() >= min(target, 2 * FILES), f"{target} rows are stored")
        agent.kill9()
        for number in rng.sample(range(FILES), 500):
            write(number, f"while away {kill}")
    agent.start()
    for number in rng.sample(range(FILES), 2000):
        write(number, "last")
    site.wait_count(sum(expected.values()))
    assert collections.Counter(row.line for row in site.query_all()) == expected
