# SPDX-License-Identifier: Apache-2.0
"""Input nobody should send: a message that names the file or the peer, a process that stays up."""
import os
import pathlib
import socket
import subprocess

import pytest

import harness

RUNS_AS_ROOT = os.geteuid() == 0


def append(path, content):
    with open(path, "ab") as log:
        log.write(content)


def still_ships(site, path):
    """The whole way still works: one more line is appended and answered."""
    append(path, b"a good line\n")
    site.wait_count(1, '{input="app"} |= "a good line"')


def recorded_conversation(site):
    """What a healthy agent says from hello to its first frames."""
    proxy = site.add_proxy()
    site.collector.start()
    agent = site.add_agent("recorded", port=proxy.port).start()
    path = site.logs / "recorded.log"
    path.write_bytes(b"".join(b"recorded line %d\n" % i for i in range(200)))
    site.wait_count(200)
    assert agent.terminate() == 0
    return max((bytes(s) for s in proxy.sent_up), key=len), path


def say(site, content, end=False):
    """Sends bytes to the agents' port until the collector hangs up (or answers and waits)."""
    with socket.create_connection(("127.0.0.1", site.agents_port), timeout=harness.PATIENCE_S) as s:
        local = "127.0.0.1:%d" % s.getsockname()[1]
        try:
            s.sendall(content)
            if end:
                s.shutdown(socket.SHUT_WR)
            s.settimeout(10)
            while s.recv(65536):
                pass
        except (ConnectionError, socket.timeout):
            pass
    return local


def test_a_wrong_token_is_refused_and_named(site):
    site.collector.start()
    (site.logs / "a.log").write_bytes(b"never\n")
    agent = site.add_agent(token="wrong").start()
    harness.wait_until(lambda: site.collector.logged("127.0.0.1:", "token"), "the collector names the peer")
    harness.wait_until(lambda: agent.logged("token"), "the agent says that its token was refused")
    assert site.collector.alive() and agent.alive()
    assert site.count() == 0
    assert "wrong" not in site.collector.log_text().replace("wrong token", "")  # the secret itself is not logged


def test_bytes_that_are_no_hello_are_refused(site):
    site.collector.start()
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 5000, b"\xff" * 5000, os.urandom(100_000),
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 600, b"x", b""):
        say(site, garbage, end=True)
    # Who sends garbage again and again is counted; the log names the first of its kind.
    harness.wait_until(lambda: site.collector.logged("127.0.0.1:", "not the agent protocol"), "the collector names the peer")
    harness.wait_until(lambda: sum(site.status()["refused_connections"].values()) >= 5, "all are counted")
    site.add_agent().start()
    still_ships(site, site.logs / "a.log")


def test_frames_truncated_spoiled_or_replayed_store_nothing_new(site):
    conversation, path = recorded_conversation(site)
    rng = harness.seeded_random()
    hello_end = after_hello(conversation)
    before = site.count()
    assert before == 200
    for _ in range(30):
        spoiled = bytearray(conversation)
        for _ in range(rng.randrange(1, 4)):
            spoiled[rng.randrange(hello_end, len(spoiled))] ^= 1 << rng.randrange(8)
        say(site, bytes(spoiled), end=True)
    for at in (1, 4, 8, 16, 40, len(conversation) // 2, len(conversation) - 1):
        say(site, conversation[:at], end=True)
    say(site, conversation, end=True)  # as it was: duplicates at most
    assert site.collector.alive()
    assert site.count() == before
    site.add_agent("recorded2").start()
    still_ships(site, path)


def after_hello(conversation):
    """Offset behind the hello: what comes before says who speaks, and any agent may say its own."""
    return 16 + int.from_bytes(conversation[12:16], "little")


def first_frame(conversation):
    """Offset of the first frame message (docs/format/wire.md): 8 bytes of preface, then messages."""
    at = 8
    while conversation[at] != 6:
        at += 8 + int.from_bytes(conversation[at + 4:at + 8], "little")
    return at


def test_another_wire_version_is_refused_and_named(site):
    conversation, path = recorded_conversation(site)
    other = bytearray(conversation)
    other[4] = 9  # major version
    peer = say(site, bytes(other), end=True)
    harness.wait_until(lambda: site.collector.logged(peer, "version"), "the collector names the peer and its version")
    newer = bytearray(conversation)
    newer[5] += 1  # one minor apart interoperates
    say(site, bytes(newer), end=True)
    assert site.collector.alive() and site.count() == 200
    site.add_agent("after").start()
    still_ships(site, path)


@pytest.mark.parametrize("claim, offset, width", [
    ("message of 4 GiB", 4, 4), ("payload unpacked to 4 GiB", 8 + 36, 4), ("payload of 4 GiB", 8 + 40, 4),
    ("4 G rows", 8 + 16, 4), ("unknown codec", 8 + 2, 1), ("unknown frame version", 8 + 0, 1), ("wrong checksum", 8 + 44, 8)])
def test_a_frame_that_claims_too_much_is_refused_before_it_is_believed(site, claim, offset, width):
    conversation, path = recorded_conversation(site)
    before = site.collector.rss_bytes()
    at = first_frame(conversation) + offset
    spoiled = conversation[:at] + b"\xff" * width + conversation[at + width:]
    peer = say(site, spoiled, end=True)
    harness.wait_until(lambda: site.collector.logged(peer), f"the collector names the peer of a {claim}")
    assert site.collector.alive() and site.count() == 200
    assert site.collector.rss_bytes() < before + 200 * 1024 * 1024
    site.add_agent("after").start()
    still_ships(site, path)


def test_a_line_of_100_megabytes_is_cut_by_the_limit_and_counted(site):
    path = site.logs / "long.log"
    path.write_bytes(b"before\n" + b"y" * 100_000_000 + b"\nafter\n")
    site.collector.start()
    agent = site.add_agent().start()
    site.wait_count(1, '{input="app"} |= "after"')
    assert agent.alive() and site.collector.alive()
    assert agent.logged(str(path)), "the agent names the file whose line was too long"
    assert agent.rss_bytes() < (1200 if harness.SANITIZED else 300) * 1024 * 1024
    rows = site.query_all('{input="app"} != "yyy"')
    assert [row.line for row in rows] == [b"before", b"after"]
    counted = [v for k, v in site.metrics(agent).items() if "line" in k and ("limit" in k or "trunc" in k or "long" in k or
                                                                              "split" in k or "dropped" in k)]
    assert any(v > 0 for v in counted), "the cut is counted in /metrics"


def test_empty_unreadable_and_odd_files_do_not_stop_the_others(site):
    good = site.logs / "good.log"
    (site.logs / "empty.log").write_bytes(b"")
    (site.logs / "folder.log").mkdir()
    os.mkfifo(site.logs / "fifo.log")
    (site.logs / "dangling.log").symlink_to(site.logs / "nowhere")
    unreadable = site.logs / "unreadable.log"
    unreadable.write_bytes(b"secret\n")
    unreadable.chmod(0)
    site.collector.start()
    agent = site.add_agent()
    if RUNS_AS_ROOT:
        # Root reads everything: run the agent as nobody in directories that are nobody's.
        become_nobody(site, agent)
    agent.start()
    still_ships(site, good)
    harness.wait_until(lambda: agent.logged(str(unreadable)), "the agent names the file it may not read")
    assert agent.alive()


def become_nobody(site, agent):
    for folder in (site.folder, site.logs, pathlib.Path(site.folder / "agent")):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    agent.user = "nobody"


def test_a_data_directory_that_is_read_only_from_the_start_is_named(site):
    data = site.folder / "data"
    data.mkdir()
    with mounted(data, "ro"):
        site.collector.start(wait=False)
        harness.wait_until(lambda: site.collector.logged(str(data)), "the collector names its data directory")
        status = site.collector.popen.poll()
        assert status is None or status == 1, status
        site.collector.kill9()


def test_a_data_directory_that_becomes_read_only_loses_nothing(site):
    """As a disk with errors=remount-ro does. It stays so until it is repaired and mounted again."""
    data = site.folder / "data"
    data.mkdir()
    small_disk(site)
    with failing_disk(data, site.folder / "disk.img") as disk:
        site.collector.start()
        agent = site.add_agent().start()
        path = site.logs / "a.log"
        path.write_bytes(b"first\n")
        site.wait_count(1)
        disk.fail()
        append(path, b"while it was read-only\n")
        harness.wait_until(lambda: site.collector.logged("Read-only") or site.collector.logged("read-only"),
                           "the collector says what is wrong")
        assert site.collector.alive() and agent.alive()
        assert site.count() == 1  # what was acknowledged still answers
        site.collector.kill9()
        disk.repair()
        site.collector.start()
        rows = site.wait_rows(2)
        harness.assert_files_stored_once(rows, {path: b"first\nwhile it was read-only\n"})
        site.close()


class failing_disk:
    """An ext4 file system in a file, which can be told to fail as a bad disk makes it."""

    def __init__(self, folder, image):
        self.folder, self.image = folder, image

    def _run(self, *command):
        return subprocess.run([str(word) for word in command], capture_output=True, text=True)

    def _mount(self):
        return self._run("mount", "-o", "loop,errors=remount-ro", self.image, self.folder)

    def __enter__(self):
        with open(self.image, "wb") as file:
            file.truncate(200 * 1024 * 1024)
        made = self._run("mkfs.ext4", "-q", "-F", self.image)
        done = self._mount() if made.returncode == 0 else made
        if done.returncode != 0:
            pytest.skip("needs the right to mount a file system: " + done.stderr.strip())
        device = self._run("findmnt", "-no", "SOURCE", self.folder).stdout.strip()
        self.trigger = pathlib.Path("/sys/fs/ext4") / pathlib.Path(device).name / "trigger_fs_error"
        if not self.trigger.exists():
            self.__exit__()
            pytest.skip("this kernel cannot make ext4 fail on demand")
        return self

    def fail(self):
        self.trigger.write_text("a test of errors=remount-ro\n")

    def repair(self):
        self._run("umount", self.folder)
        self._run("e2fsck", "-fy", self.image)
        mounted_again = self._mount()
        assert mounted_again.returncode == 0, mounted_again.stderr

    def __exit__(self, *_):
        self._run("umount", "-l", self.folder)


def small_disk(site):
    """The least the store may be told to leave free, so that a small disk can be filled."""
    config = site.folder / "collector.yaml"
    config.write_text(config.read_text().replace("type: store", "type: store, min_free: { soft: 17MiB, hard: 16MiB }"))


def recover(site, rows):
    """By itself, or at the latest after a restart."""
    try:
        site.wait_count(rows, timeout_s=20)
    except AssertionError:
        site.collector.restart()
        site.wait_count(rows)


def test_a_full_disk_refuses_and_recovers(site):
    data = site.folder / "data"
    data.mkdir()
    small_disk(site)
    with mounted(data, "size=100m"):
        site.collector.start()
        agent = site.add_agent().start()
        path = site.logs / "a.log"
        rng = harness.seeded_random()
        content = b"first\n"
        path.write_bytes(content)
        site.wait_count(1)
        filler = data / "filler"
        fill(filler)
        more = b"".join(b"%016x%016x\n" % (rng.getrandbits(64), rng.getrandbits(64)) for _ in range(200_000))
        append(path, more)
        content += more
        harness.wait_until(lambda: site.collector.logged("space") or site.collector.logged("No space"),
                           "the collector says that the disk is full")
        assert site.collector.alive() and agent.alive()
        filler.unlink()
        recover(site, 200_001)  # 6 MB of random text fit in what is free now
        harness.assert_files_stored_once(site.query_all(), {path: content})
        site.close()


def test_a_collector_started_on_a_full_disk_says_so_and_never_aborts(site):
    data = site.folder / "data"
    data.mkdir()
    small_disk(site)
    with mounted(data, "size=64m"):
        site.collector.start()
        path = site.logs / "a.log"
        path.write_bytes(b"first\n")
        agent = site.add_agent().start()
        site.wait_count(1)
        agent.terminate()
        site.collector.terminate()
        fill(data / "filler")
        site.collector.start(wait=False)
        harness.wait_until(lambda: not site.collector.alive() or site.collector.listens(), "it runs or says why not")
        if not site.collector.alive():
            assert site.collector.popen.returncode == 1 and str(data) in site.collector.log_text()
        (data / "filler").unlink()
        site.collector.kill9()
        site.collector.start()
        site.wait_count(1)
        site.close()


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass


class mounted:
    """A small file system of its own at `folder`; skips where that is not allowed."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options

    def __enter__(self):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.folder)], capture_output=True)
        if done.returncode != 0:
            pytest.skip("needs the right to mount a tmpfs: " + done.stderr.decode().strip())

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True)


def test_bad_configurations_exit_78_and_point_at_the_place(site):
    config = site.folder / "collector.yaml"
    good = config.read_text()
    for bad, words in [
        (good.replace("data_dir:", "data_dirr:"), ["data_dirr", "data_dir", ":2:1"]),
        (good.replace("type: store", "type: stoer"), ["stoer", "store"]),
        (good + "data_dir: /elsewhere\n", ["data_dir", "twice"]),
        (good.replace("127.0.0.1:%d }" % site.http_port, "127.0.0.1:99999 }"), ["99999"]),
        ("version: [", ["collector.yaml:"]),
        (good.replace("version: 1", "version: 7"), ["version", "7"]),
        ("", ["version"]),
    ]:
        config.write_text(bad)
        status, said = site.collector.run_to_end()
        assert status == 78, (bad, status, said)
        assert str(config) in said or "collector.yaml" in said, said
        for word in words:
            assert word in said or (word == "twice" and "duplicate" in said), (word, said)
        validated = site.seyir("validate", config, server=False)
        assert validated.returncode != 0 and b"collector.yaml" in validated.stderr + validated.stdout


def test_a_missing_configuration_exits_78_and_names_it(site):
    for process in (site.collector, site.add_agent()):
        process.config = "/nowhere/at-all.yaml"
        status, said = process.run_to_end()
        assert status == 78 and "/nowhere/at-all.yaml" in said, said


def test_a_port_in_use_is_named(site):
    with socket.create_server(("127.0.0.1", site.http_port)):
        status, said = site.collector.run_to_end()
    assert status not in (0, 78) and str(site.http_port) in said, (status, said)


def test_beyond_loopback_needs_tls_and_tokens(site):
    config = site.folder / "collector.yaml"
    config.write_text(config.read_text().replace("http: 127.0.0.1:", "http: 0.0.0.0:"))
    status, said = site.collector.run_to_end()
    assert status == 78 and "without TLS" in said and "token" in said, said


def test_a_copied_data_directory_is_not_opened_twice(site):
    site.collector.start()
    second = harness.Process("seyir-collector", site.folder / "second.yaml", site.folder / "second.log", 0)
    http_port, agents_port = harness.free_ports(2)
    (site.folder / "second.yaml").write_text(
        (site.folder / "collector.yaml").read_text().replace(str(site.http_port), str(http_port))
        .replace(str(site.agents_port), str(agents_port)))
    site.processes.append(second)
    status, said = second.run_to_end()
    assert status != 0 and str(site.folder / "data") in said, said
    assert site.collector.alive()
