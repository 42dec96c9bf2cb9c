# SPDX-License-Identifier: Apache-2.0
"""The author's guide, done as written: from an empty folder to a filter in a running collector."""
import re
import subprocess

import harness
import plugins

GUIDE = harness.ROOT / "docs" / "guide" / "write-a-filter.md"


def blocks():
    return re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.S)


def test_the_guide_works_as_written(folder):
    make, start, ask, stop = blocks()
    assert make.startswith("seyir plugin new filter shout") and start.count("&\n") == 1
    port = harness.free_ports(1)[0]
    empty = folder / "empty"
    empty.mkdir()
    environment = plugins.author_environment(folder)
    environment["SEYIR_SERVER"] = f"http://127.0.0.1:{port}"
    wait = f"""
for i in $(seq 300); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.1; done
"""
    script = (make + start + wait + ask + stop).replace("7400", str(port))
    done = subprocess.run(["bash", "-e"], input=script, cwd=empty, env=environment, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "no problems found" in done.stdout, done.stdout
    assert "HELLO, WORLD!!" in done.stdout, done.stdout
    assert not (empty / "shout" / "data").exists()


def test_every_language_makes_a_project_that_works(folder):
    environment = plugins.author_environment(folder)
    plugins.run(["seyir", "plugin", "new", "filter", "mask_pan", "--lang", "c"], folder, environment)
    project = folder / "mask_pan"
    plugins.run(["ci/run"], project, environment)
    page = plugins.run(["seyir", "plugin", "doc", "build/mask_pan.so"], project, environment).stdout
    assert "## mask_pan" in page and "| `suffix` | string | `!` |" in page, page
    listed = plugins.run(["seyir", "plugin", "ls", "build"], project, environment).stdout
    assert "filter mask_pan" in listed, listed
    plugins.run(["seyir", "plugin", "new", "filter", "quiet", "--lang", "lua"], folder, environment)
    assert "function quiet(" in (folder / "quiet" / "quiet.lua").read_text()
    again = plugins.run(["seyir", "plugin", "new", "filter", "mask_pan"], folder, environment, ok=False)
    assert again.returncode != 0 and "has files already" in again.stderr
