# SPDX-License-Identifier: Apache-2.0
"""Both programs are killed at random while files grow: stored exactly once, all the same."""
import os
import threading
import time

import harness

FILES = 50


class Writer(threading.Thread):
    """Appends lines to many files in turn, in pieces that may end inside a line. `content` is what
    each file holds once stop() has returned."""

    def __init__(self, rng, paths, lines_per_second=4000):
        super().__init__(daemon=True)
        self.rng, self.paths, self.rate = rng, paths, lines_per_second
        self.content = {path: bytearray() for path in paths}
        self.stopped = threading.Event()
        self.serial = 0

    def next_line(self):
        self.serial += 1
        filler = b"x" * self.rng.choice([0, 10, 80, 200, 2000])
        return b"%08d level=info msg=" % self.serial + filler + (b"\r\n" if self.serial % 7 == 0 else b"\n")

    def run(self):
        handles = {path: open(path, "ab", buffering=0) for path in self.paths}
        while not self.stopped.wait(0.01):
            for _ in range(self.rate // 100):
                path = self.rng.choice(self.paths)
                line = self.next_line()
                cut = self.rng.randrange(len(line)) if self.rng.random() < 0.05 else len(line)
                for piece in (line[:cut], line[cut:]):
                    handles[path].write(piece)
                self.content[path] += line
        for handle in handles.values():
            handle.close()

    def stop(self):
        self.stopped.set()
        self.join(30)
        return {path: bytes(content) for path, content in self.content.items()}


def kill_and_start(rng, site, proxy, agent):
    """One fault: the acks withheld or not, then one or both programs killed, then up again."""
    if rng.random() < 0.5:
        proxy.acks_flow.clear()
    time.sleep(rng.random() * 0.4)  # the schedule of faults, not a way to wait for something
    victims = rng.choice([[agent], [site.collector], [agent, site.collector], [site.collector, agent]])
    for victim in victims:
        victim.kill9()
    if rng.random() < 0.3:
        proxy.cut()
    proxy.acks_flow.set()
    for victim in reversed(victims):
        victim.start()
    return len(victims)


def campaign(site, rng, kills, seconds_max=0):
    """Kills until the count (and the time, if given) is used up; then everything must be stored.
    Gives back how many programs were killed."""
    proxy = site.add_proxy()
    site.collector.start()
    agent = site.add_agent(port=proxy.port).start()
    paths = [site.logs / f"f{i:02}.log" for i in range(FILES)]
    writer = Writer(rng.__class__(rng.random()), paths, lines_per_second=500 if seconds_max else 4000)
    writer.start()
    done, begun = 0, time.monotonic()
    while done < kills or time.monotonic() - begun < seconds_max:
        done += kill_and_start(rng, site, proxy, agent)
    files = writer.stop()
    expected = sum(len(harness.split_lines(c)) for c in files.values())
    site.wait_count(expected, timeout_s=2 * harness.PATIENCE_S)
    assert agent.terminate() == 0
    rows = site.query_all() if expected <= 1_000_000 else None
    if rows is not None:
        harness.assert_files_stored_once(rows, files)
    for path in paths if rows is None else ():
        file_rows = site.query_all(f'{{input="app"}} | filename="{path}"')
        harness.assert_files_stored_once(file_rows, {path: files[path]})
    assert site.collector.terminate() == 0
    return done


def test_fifty_kills_while_fifty_files_grow(site):
    campaign(site, harness.seeded_random(), kills=int(os.environ.get("SEYIR_E2E_KILLS", "50")))


def test_soak_kills_for_a_long_time(site, record_property):
    """./dev soak sets the time; else a short run."""
    seconds = float(os.environ.get("SEYIR_SOAK_SECONDS", "0"))
    record_property("kills", campaign(site, harness.seeded_random(), kills=6, seconds_max=seconds))


def test_acks_that_never_come_are_sent_again_and_stored_once(site):
    proxy = site.add_proxy()
    site.collector.start()
    agent = site.add_agent(port=proxy.port).start()
    path = site.logs / "a.log"
    first = b"".join(b"line %d\n" % i for i in range(1000))
    path.write_bytes(first)
    site.wait_count(1000)
    proxy.acks_flow.clear()
    second = b"".join(b"more %d\n" % i for i in range(5000))
    with open(path, "ab") as log:
        log.write(second)
    site.wait_count(6000)  # stored, but the agent does not know
    agent.kill9()
    proxy.cut()
    proxy.acks_flow.set()
    agent.start()
    with open(path, "ab") as log:
        log.write(b"the end\n")
    site.wait_count(6001)
    harness.assert_files_stored_once(site.query_all(), {path: first + second + b"the end\n"})


def test_a_corrupt_frame_is_refused_and_sent_again(site):
    proxy = site.add_proxy()
    site.collector.start()
    agent = site.add_agent(port=proxy.port).start()
    path = site.logs / "a.log"
    content = bytearray()
    for turn in range(5):
        proxy.corrupt_next()
        more = b"".join(b"turn %d line %d some text that fills the frame\n" % (turn, i) for i in range(500))
        content += more
        with open(path, "ab") as log:
            log.write(more)
        site.wait_count(500 * (turn + 1))
    harness.assert_files_stored_once(site.query_all(), {path: bytes(content)})
    assert site.collector.alive() and agent.alive()
    assert site.collector.logged("127.0.0.1:"), "the collector names the peer whose frame was corrupt"


def test_a_collector_that_comes_late_and_goes_away_loses_nothing(site):
    path = site.logs / "a.log"
    path.write_bytes(b"before\n")
    site.add_agent().start()
    site.collector.start()
    site.wait_count(1)
    assert site.collector.terminate() == 0
    with open(path, "ab") as log:
        log.write(b"while it was away\n")
    site.collector.start()
    rows = site.wait_rows(2)
    harness.assert_files_stored_once(rows, {path: b"before\nwhile it was away\n"})


def test_sigterm_drains_and_exits_0(site):
    site.collector.start()
    agent = site.add_agent().start()
    path = site.logs / "a.log"
    content = b"".join(b"line %d\n" % i for i in range(20000))
    path.write_bytes(content)
    site.wait_count(1)
    assert agent.terminate() == 0
    assert site.collector.terminate() == 0
    site.collector.start()
    agent.start()
    harness.assert_files_stored_once(site.wait_rows(20000), {path: content})


def test_memory_stays_bounded_while_nothing_is_acknowledged(site):
    proxy = site.add_proxy()
    site.collector.start()
    agent = site.add_agent(port=proxy.port).start()
    path = site.logs / "a.log"
    path.write_bytes(b"first\n")
    site.wait_count(1)
    proxy.acks_flow.clear()
    line = b"%08d " + b"some text that is not the same everywhere " * 4 + b"\n"
    lines_each = 100_000 if harness.SANITIZED else 1_000_000
    with open(path, "ab") as log:
        for i in range(lines_each):
            log.write(line % i)
    # Withheld acks fill the agent's budget; then no more bytes come.
    seen = [-1]

    def at_rest():
        before, seen[0] = seen[0], proxy.bytes_up
        return before == seen[0]
    harness.wait_until(at_rest, "the agent stops sending", interval_s=2)
    assert agent.rss_bytes() < (1500 if harness.SANITIZED else 150) * 1024 * 1024
    proxy.acks_flow.set()
    site.wait_count(lines_each + 1, timeout_s=2 * harness.PATIENCE_S)
    assert agent.terminate() == 0
