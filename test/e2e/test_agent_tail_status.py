# SPDX-License-Identifier: Apache-2.0
"""What the agent says of the files its tail inputs read, leave out and do not find."""
import json
import os
import time

import pytest

import harness
from harness import http_get, wait_until
from test_agent_operate import dry_run


def agent_with(site, include, more=""):
    port = harness.free_ports(1)[0]
    return site.add_agent(http_port=port, text=f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{port} }}
inputs:
  app: {{ type: tail, include: ['{include}']{more} }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
""")


def told(agent):
    return json.loads(http_get(agent.http_port, "/health").body)["inputs"][0]


def test_files_left_out_by_ignore_older_are_told_and_hold_up_no_dry_run(site):
    old, new = site.logs / "old.log", site.logs / "new.log"
    old.write_bytes(b"old\n")
    new.write_bytes(b"new\n")
    os.utime(old, (time.time() - 86_400,) * 2)
    agent = agent_with(site, f"{site.logs}/*.log", ", ignore_older: 1h")
    done = dry_run(agent.config)
    assert done.returncode == 0 and "1 records read" in done.stderr, done.stderr
    assert "nothing new for" not in done.stderr, "the dry run waited for a file it does not read"
    site.collector.start()
    agent.start()
    site.wait_count(1)
    now = wait_until(lambda: told(agent)["lag_bytes"] == 0 and told(agent), "nothing is behind")
    assert (now["ignored"], now["files"], now["open_files"]) == (1, 1, 1), now
    assert site.metrics(agent)['seyir_agent_tail_ignored_files{input="app"}'] == 1
    with old.open("ab") as log:
        log.write(b"changed\n")
    site.wait_count(3)
    wait_until(lambda: told(agent)["ignored"] == 0, "it is not left out any more")


def test_a_pattern_that_matches_nothing_is_named_once_and_is_no_trouble(site):
    agent = agent_with(site, f"{site.folder}/nowhere/*.log")
    assert f"there is no folder {site.folder}/nowhere" in dry_run(agent.config).stderr
    site.collector.start()
    agent.start()
    wait_until(lambda: agent.logged("warn", f"there is no folder {site.folder}/nowhere"), "it is named in the log")
    scans = time.monotonic() + 2.5  # some scans later it is not said again
    wait_until(lambda: time.monotonic() > scans, "some scans went by")
    assert agent.log_text().count("there is no folder") == 1
    assert told(agent)["complaints"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link somebody else's")
def test_a_refused_symlink_is_named_in_the_log_once(site):
    secret = site.folder / "secret"
    secret.write_bytes(b"x\n")
    link = site.logs / "out.log"
    link.symlink_to(secret)
    os.lchown(link, 12345, 12345)
    (site.logs / "a.log").write_bytes(b"one\n")
    site.collector.start()
    agent = agent_with(site, f"{site.logs}/*.log").start()
    site.wait_count(1)
    wait_until(lambda: agent.logged("warn", "out.log", "not followed"), "it is named in the log")
    scans = time.monotonic() + 2.5
    wait_until(lambda: time.monotonic() > scans, "some scans went by")
    assert agent.log_text().count("not followed") == 1
    said = told(agent)["complaints"]
    assert len(said) == 1 and "permission" not in said[0], said


@pytest.mark.parametrize("include, what", [("~/x/*.log", "home folder"), ("{logs}", "is a folder")])
def test_a_path_that_cannot_be_meant_is_refused(site, include, what):
    agent = agent_with(site, include.format(logs=site.logs))
    status, said = agent.run_to_end()
    assert status == 78 and "E0414" in said and what in said, said
    assert "agent.yaml:5" in said, said
