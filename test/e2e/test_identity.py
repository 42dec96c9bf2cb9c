# SPDX-License-Identifier: Apache-2.0
"""Lane identity (docs/format/wire.md, "Resuming"): state that is lost, copied or rolled back, on
either side. Nothing is stored twice, nothing acknowledged is lost, and `seyir status` says what happened."""
import shutil

import harness


def lines(word, count):
    return b"".join(b"%s %d\n" % (word.encode(), i) for i in range(count))


def append(path, content):
    with open(path, "ab") as log:
        log.write(content)


def stop(process):
    assert process.terminate() == 0


def status_text(site):
    done = site.seyir("status")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def grown_site(site):
    """A site with 300 stored lines of one file, all up; (agent, path)."""
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 300))
    site.collector.start()
    agent = site.add_agent().start()
    site.wait_count(300)
    return agent, path


def test_a_deleted_agent_state_resumes_at_the_collectors_positions(site):
    agent, path = grown_site(site)
    stop(agent)
    shutil.rmtree(site.folder / "agent")
    append(path, lines("second", 100))
    agent.start()
    harness.assert_files_stored_once(site.wait_rows(400), {path: lines("first", 300) + lines("second", 100)})


def test_a_rolled_back_agent_state_resumes_at_the_collectors_positions(site):
    agent, path = grown_site(site)
    stop(agent)
    shutil.copytree(site.folder / "agent", site.folder / "snapshot")
    append(path, lines("second", 100))
    agent.start()
    site.wait_count(400)
    stop(agent)
    shutil.rmtree(site.folder / "agent")
    shutil.copytree(site.folder / "snapshot", site.folder / "agent")
    append(path, lines("third", 50))
    agent.start()
    harness.assert_files_stored_once(
        site.wait_rows(450), {path: lines("first", 300) + lines("second", 100) + lines("third", 50)})


def test_a_host_rolled_back_with_its_files_is_a_fork(site):
    """A virtual machine back on its snapshot, which then went on differently."""
    agent, path = grown_site(site)
    stop(agent)
    shutil.copytree(site.folder / "agent", site.folder / "snapshot")
    append(path, lines("second", 100))
    agent.start()
    site.wait_count(400)
    stop(agent)
    shutil.rmtree(site.folder / "agent")
    shutil.copytree(site.folder / "snapshot", site.folder / "agent")
    with open(path, "r+b") as log:  # the same inode, cut back and grown anew
        log.truncate(len(lines("first", 300)))
    append(path, lines("other", 200))
    agent.start()
    rows = site.wait_rows(600)
    got = [row.line for row in rows]
    expected = harness.split_lines(lines("first", 300) + lines("second", 100) + lines("other", 200))
    assert sorted(got) == sorted(expected)
    assert "lane_forked" in status_text(site)


def test_a_clone_that_connects_first_does_not_lock_its_original_out(site):
    agent, path = grown_site(site)
    stop(agent)
    shutil.copytree(site.folder / "agent", site.folder / "clone")
    clone_logs = site.folder / "clone-logs"
    clone_logs.mkdir()
    (clone_logs / "c.log").write_bytes(lines("clone", 150))
    site.add_agent("clone", logs=clone_logs).start()
    site.wait_count(150, '{input="app"} |= "clone "')
    append(path, lines("second", 100))
    agent.start()
    site.wait_count(100, '{input="app"} |= "second "')
    found = harness.by_file(site.query_all())
    assert found[str(path)] == harness.split_lines(lines("first", 300) + lines("second", 100))
    assert "lane_forked" in status_text(site)


def test_a_clone_that_runs_beside_its_original_takes_its_own_id(site):
    agent, path = grown_site(site)
    stop(agent)
    shutil.copytree(site.folder / "agent", site.folder / "clone")
    clone_logs = site.folder / "clone-logs"
    shutil.copytree(site.logs, clone_logs)
    agent.start()
    append(path, lines("second", 100))
    site.wait_count(400)
    clone_path = clone_logs / "a.log"
    append(clone_path, lines("clone", 150))
    clone = site.add_agent("clone", logs=clone_logs).start()
    query = '{input="app"} |= "clone "'
    site.wait_count(150, query)
    append(path, lines("third", 50))
    site.wait_count(50, '{input="app"} |= "third "')
    append(clone_path, lines("later", 20))
    site.wait_count(20, '{input="app"} |= "later "')
    assert agent.alive() and clone.alive()
    found = harness.by_file(site.query_all())
    assert found[str(path)] == harness.split_lines(lines("first", 300) + lines("second", 100) + lines("third", 50))
    # Its old lines are the original's; under its own id they may be stored once more, never twice.
    cloned = found[str(clone_path)]
    assert len(set(cloned)) == len(cloned)
    assert cloned[-170:] == harness.split_lines(lines("clone", 150) + lines("later", 20))
    assert "lane_forked" in status_text(site)


def test_a_collector_rolled_back_to_a_snapshot_is_refilled(site):
    agent, path = grown_site(site)
    stop(agent)
    stop(site.collector)
    shutil.copytree(site.folder / "data", site.folder / "snapshot")
    site.collector.start()
    agent.start()
    append(path, lines("second", 100))
    site.wait_count(400)
    stop(site.collector)
    shutil.rmtree(site.folder / "data")
    shutil.copytree(site.folder / "snapshot", site.folder / "data")
    site.collector.start()
    append(path, lines("third", 50))
    harness.assert_files_stored_once(
        site.wait_rows(450), {path: lines("first", 300) + lines("second", 100) + lines("third", 50)})
    assert agent.alive()
    assert "rewind" in status_text(site) or "refill" in status_text(site)


def test_a_collector_rolled_back_refills_idle_files_of_a_running_agent(site):
    """Nothing is written after the rollback and the agent is not restarted: it asks by itself."""
    agent, path = grown_site(site)
    stop(site.collector)
    shutil.copytree(site.folder / "data", site.folder / "snapshot")
    site.collector.start()
    idle = site.logs / "idle.log"
    append(idle, lines("idle", 100))
    append(path, lines("second", 50))
    site.wait_count(450)
    site.collector.kill9()
    shutil.rmtree(site.folder / "data")
    shutil.copytree(site.folder / "snapshot", site.folder / "data")
    site.collector.start()
    harness.assert_files_stored_once(
        site.wait_rows(450), {path: lines("first", 300) + lines("second", 50), idle: lines("idle", 100)})
    assert agent.alive()
    assert "refill" in status_text(site)
    append(idle, lines("more", 20))
    harness.assert_files_stored_once(
        site.wait_rows(470),
        {path: lines("first", 300) + lines("second", 50), idle: lines("idle", 100) + lines("more", 20)})


def test_an_empty_collector_starts_at_the_agents_checkpoint(site):
    agent, path = grown_site(site)
    append(path, lines("second", 100))
    site.wait_count(400)
    stop(agent)  # the checkpoint holds what was acknowledged
    stop(site.collector)
    shutil.rmtree(site.folder / "data")
    site.collector.start()
    append(path, lines("third", 50))
    agent.start()
    site.wait_count(50)
    append(path, lines("fourth", 10))
    rows = site.wait_rows(60)
    assert [row.line for row in rows] == harness.split_lines(lines("third", 50) + lines("fourth", 10))
    assert "lane_start" in status_text(site)


def test_a_new_file_of_the_old_name_is_a_new_source(site):
    agent, path = grown_site(site)
    stop(agent)
    path.unlink()
    path.write_bytes(lines("anew", 100))
    agent.start()
    rows = site.wait_rows(400)
    assert [row.line for row in rows] == harness.split_lines(lines("first", 300) + lines("anew", 100))


def test_a_file_rotated_out_of_the_glob_while_the_agent_was_down_is_read_to_its_end(site):
    agent, path = grown_site(site)
    stop(agent)
    append(path, lines("unread", 500))
    path.rename(path.with_name("a.log.1"))
    path.write_bytes(lines("anew", 100))
    agent.start()
    rows = site.wait_rows(900)
    written = lines("first", 300) + lines("unread", 500) + lines("anew", 100)
    assert sorted(row.line for row in rows) == sorted(harness.split_lines(written))


def test_a_copytruncate_while_the_agent_was_down_sends_nothing_twice(site):
    agent, path = grown_site(site)
    stop(agent)
    append(path, lines("unread", 50))
    shutil.copyfile(path, path.with_name("a.1.log"))
    with open(path, "r+b") as log:
        log.truncate(0)
    agent.start()
    site.wait_count(350)
    append(path, lines("anew", 100))
    rows = site.wait_rows(450)
    written = lines("first", 300) + lines("unread", 50) + lines("anew", 100)
    assert sorted(row.line for row in rows) == sorted(harness.split_lines(written))
