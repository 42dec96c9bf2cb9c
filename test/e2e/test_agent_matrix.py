# SPDX-License-Identifier: Apache-2.0
"""What can happen to log files, as a table: every line of every case is stored once, whatever else dies.

Each case is a generator that writes lines and moves files about, one step at a time. All cases run side by
side under one agent; the runner decides what is alive meanwhile. A case yields SETTLE before it destroys
bytes that exist nowhere else (truncation, deletion): what nobody has read by then no reader can bring back."""
import collections
import gzip
import json
import os
import shutil
import time

import pytest

import harness
from harness import wait_until

SETTLE = "settle"
STEP = "step"
BANNER = b"=== service starts; version 1.2.3; the same banner in many files ===\n"


class Case:
    """A folder, and the lines written into it."""

    def __init__(self, name, root):
        self.name, self.folder = name, root / name
        self.folder.mkdir(parents=True)
        self.written = collections.Counter()
        self.number = 0

    def at(self, name):
        return self.folder / name

    def lines(self, count=20):
        """New lines, each different."""
        made = []
        for _ in range(count):
            self.number += 1
            made.append(f"{self.name} line {self.number:06d} {'x' * (self.number % 90)}".encode())
        self.written.update(made)
        return made

    def write(self, file, count=20, end=b"\n", mode="ab"):
        with open(self.at(file), mode) as f:
            f.write(b"\n".join(self.lines(count)) + end)

    def put(self, file, content):
        with open(self.at(file), "ab") as f:
            f.write(content)
        self.written.update(harness.split_lines(content))


def rename_and_create(c):
    for i in range(4):
        c.write("a.log")
        yield STEP
        os.rename(c.at("a.log"), c.at(f"a.log.{i}"))
        c.write("a.log")
        yield STEP


def written_after_the_rename(c):
    c.write("a.log")
    yield STEP
    os.rename(c.at("a.log"), c.at("a.log.1"))
    yield STEP
    c.write("a.log.1")  # the program still has it open
    c.write("a.log")
    yield STEP


def rename_chain_to_gz(c):
    for _ in range(3):
        c.write("a.log")
        yield STEP
        if c.at("a.log.1").exists():
            yield SETTLE  # gzip removes the bytes
            packed = gzip.compress(c.at("a.log.1").read_bytes())
            c.at("a.log.2.gz").write_bytes(packed)
            c.at("a.log.1").unlink()
        os.rename(c.at("a.log"), c.at("a.log.1"))
        yield STEP


def renamed_out_of_the_glob(c):
    c.write("a.log")
    yield SETTLE  # a file that no agent ever saw under a name it reads is not one of its files
    c.write("a.log")
    yield STEP
    os.rename(c.at("a.log"), c.at("a.old"))
    c.write("a.log")
    yield STEP


def copytruncate(c):
    for i in range(3):
        c.write("a.log")
        yield SETTLE
        shutil.copyfile(c.at("a.log"), c.at(f"a.log.{i}"))  # the copy is inside the glob
        os.truncate(c.at("a.log"), 0)
        c.write("a.log")
        yield STEP


def truncated_in_place(c):
    c.write("a.log", 50)
    yield SETTLE
    c.write("a.log", 10, mode="wb")
    yield STEP
    c.write("a.log")
    yield STEP


def rewritten_longer_in_place(c):
    c.write("a.log", 10)
    yield SETTLE
    c.write("a.log", 60, mode="r+b")
    yield STEP


def deleted_and_created(c):
    for _ in range(3):
        c.write("a.log")
        yield SETTLE
        c.at("a.log").unlink()
        c.write("a.log")
        yield STEP


def inode_reused(c):
    for i in range(6):  # unlink and create in one folder: most file systems give the inode again
        c.write(f"a{i}.log", 3)
        yield SETTLE
        c.at(f"a{i}.log").unlink()
        c.write(f"a{i + 1}.log", 3)
        yield STEP


def hard_link(c):
    c.write("a.log")
    yield STEP
    os.link(c.at("a.log"), c.at("b.log"))
    c.write("b.log")
    yield STEP
    c.at("a.log").unlink()
    c.write("b.log")
    yield STEP


def symlink_retargeted(c):
    c.at("real").mkdir()
    for day in ("mon", "tue", "wed"):
        c.write(f"real/{day}.txt")
        if os.path.islink(c.at("now.log")):
            c.at("now.log").unlink()
        os.symlink(c.at(f"real/{day}.txt"), c.at("now.log"))
        yield SETTLE
        c.write(f"real/{day}.txt")
        yield SETTLE


def copied_inside_the_glob(c):
    c.write("a.log", 30)
    yield SETTLE
    before = c.written.copy()
    shutil.copyfile(c.at("a.log"), c.at("copy.log"))  # nothing shrinks: it is a file of its own
    c.written.update(before)
    yield STEP
    c.write("a.log")
    yield STEP


def saved_by_an_editor(c):
    c.write("a.log", 30)
    yield SETTLE
    shutil.copyfile(c.at("a.log"), c.at("a.swap"))
    with open(c.at("a.swap"), "ab") as f:
        f.write(b"\n".join(c.lines(5)) + b"\n")
    os.rename(c.at("a.swap"), c.at("a.log"))
    yield STEP


def folders_come_and_go(c):
    for i in range(3):
        c.at(f"pod{i}").mkdir()
        c.write(f"pod{i}/a.log")
        yield SETTLE
        shutil.rmtree(c.at(f"pod{i}"))
        yield STEP


def nul_filled_tail(c):
    c.write("a.log")
    c.put("a.log", b"\0" * 4096 + b"after the crash of the host\n")
    yield STEP
    c.write("a.log")
    yield STEP


def no_final_newline(c):
    c.write("a.log", end=b"")
    yield SETTLE
    c.put("b.log", b"alone and without an end")
    yield STEP


def equal_banners(c):
    for i in range(12):
        c.put(f"s{i}.log", BANNER)
        yield STEP
        c.write(f"s{i}.log", 2)
    yield STEP


CASES = [rename_and_create, written_after_the_rename, rename_chain_to_gz, renamed_out_of_the_glob, copytruncate,
         truncated_in_place, rewritten_longer_in_place, deleted_and_created, inode_reused, hard_link,
         symlink_retargeted, copied_inside_the_glob, saved_by_an_editor, folders_come_and_go, nul_filled_tail,
         no_final_newline, equal_banners]


class Matrix:
    def __init__(self, site, random, makers):
        self.site, self.random, self.makers = site, random, makers
        self.root = site.folder / "matrix"
        self.cases = [Case(make.__name__, self.root) for make in makers]
        http_port = harness.free_ports(1)[0]
        self.kills = collections.Counter()
        self.agent = site.add_agent(http_port=http_port, text=f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  app:
    type: tail
    include: ['{self.root}/*/*.log*', '{self.root}/*/pod*/*.log']
    partial_line_wait: 300ms
    rescan_interval: 200ms
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN}, retry: {{ max: 1s }} }}
""")

    def stored(self):
        rows = self.site.try_query_all()
        return None if rows is None else collections.Counter(row.line for row in rows)

    def all_up(self):
        for process in (self.site.collector, self.agent):
            if not process.alive():
                process.start()

    def settle(self, case):
        self.all_up()

        def has_all():
            stored = self.stored()
            return stored is not None and not case.written - stored
        wait_until(has_all, f"every line of {case.name} is stored before its bytes are destroyed")

    def kill(self, process):
        """It runs and has answered, so that the kill meets work under way and not a start."""
        if not process.alive():
            process.start()
        process.kill9()
        self.kills[process.name] += 1

    def run(self, disturb, victims=()):
        self.all_up()
        # Chance alone may leave everything alive: one step of each case is drawn for a kill of each victim.
        drawn = {(case.name, victim): self.random.randrange(2) for case in self.cases for victim in victims}
        numbers = collections.Counter()
        steps = [(case, make(case)) for case, make in zip(self.cases, self.makers)]
        while steps:
            self.random.shuffle(steps)
            left = []
            for case, generator in steps:
                disturb(self)
                wish = next(generator, None)
                for victim in victims:
                    if drawn.get((case.name, victim)) == numbers[case.name]:
                        time.sleep(self.random.random() * 0.05)  # where in the work it dies is drawn too
                        self.kill(self.agent if victim == "agent" else self.site.collector)
                        del drawn[case.name, victim]
                numbers[case.name] += 1
                if wish == SETTLE:
                    self.settle(case)
                if wish is not None:
                    left.append((case, generator))
            steps = left
            time.sleep(0.05)
        assert not drawn, f"no kill met {list(drawn)}"
        self.all_up()
        expected = sum((case.written for case in self.cases), collections.Counter())
        last = collections.Counter()

        def complete():
            nonlocal last
            last = self.stored() or last
            return not expected - last
        try:
            wait_until(complete, "")
        except AssertionError:
            pass  # said better below
        wait_until(lambda: self.lag() == 0, "nothing is unread")
        last = self.stored()
        lost, doubled = expected - last, last - expected
        assert not lost and not doubled, (
            f"{sum(lost.values())} lost {list(lost)[:5]}, {sum(doubled.values())} doubled {list(doubled)[:5]}")

    def lag(self):
        return json.loads(harness.http_get(self.agent.http_port, "/health").body)["inputs"][0]["lag_bytes"]


def leave_alone(_):
    pass


def kill_the_agent(matrix):
    if matrix.random.random() < 0.12:
        if matrix.agent.alive():
            matrix.agent.kill9()
        else:
            matrix.agent.start(wait=False)


def take_the_collector_away(matrix):
    if matrix.random.random() < 0.08:
        if matrix.site.collector.alive():
            matrix.site.collector.kill9()
        else:
            matrix.site.collector.start(wait=False)


def kill_both(matrix):
    kill_the_agent(matrix)
    take_the_collector_away(matrix)


@pytest.mark.parametrize("disturb, victims", [
    (leave_alone, []), (kill_the_agent, ["agent"]), (take_the_collector_away, ["collector"]),
    (kill_both, ["agent", "collector"])])
def test_every_line_is_stored_once_whatever_happens_to_its_file(site, disturb, victims):
    matrix = Matrix(site, harness.seeded_random(), CASES)
    matrix.run(disturb, victims)
    # At least once in the life of each file's fate.
    for process in (matrix.agent, site.collector):
        is_victim = process.name.removeprefix("seyir-") in victims
        assert matrix.kills[process.name] >= (len(CASES) if is_victim else 0), matrix.kills
        assert is_victim or matrix.kills[process.name] == 0
