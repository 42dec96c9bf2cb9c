# SPDX-License-Identifier: Apache-2.0
"""The guide's first steps, done as written (in another directory, on other ports)."""
import re
import subprocess

import harness


def blocks():
    text = (harness.ROOT / "docs" / "guide" / "first-steps.md").read_text()
    return re.findall(r"```sh\n(.*?)```", text, re.S)


def adapted(block, folder, ports):
    block = block.replace("/tmp/seyir-try", str(folder)).replace("build/", f"{harness.BUILD}/")
    for written, free in ports.items():
        block = block.replace(str(written), str(free))
    return re.sub(r"(/seyir) (query|status)", rf"\1 --server http://127.0.0.1:{ports[7400]} \2", block)


def test_the_first_steps_work_as_written(folder):
    ports = dict(zip((7400, 7410, 7420), harness.free_ports(3)))
    tried = folder / "try"
    prepare, ask, stop = [adapted(block, tried, ports) for block in blocks()]
    assert prepare.count("&\n") == 2  # the two programs, in the background
    shell = subprocess.Popen(["bash", "-e"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait = f"""
for i in $(seq 200); do ready=$(exec 3<>/dev/tcp/127.0.0.1/{ports[7400]} && echo yes || true) 2>/dev/null
  [ -n "$ready" ] && break; sleep 0.1; done
"""
    write, queries = ask.split("\n", 1)
    until = f"""
for i in $(seq 200); do
  {harness.program("seyir")} --server http://127.0.0.1:{ports[7400]} query '{{input="app"}}' --since 1h 2>&1 | grep -q payment && break
  sleep 0.1
done
"""
    script = prepare + wait + write + until + queries + stop
    said, _ = shell.communicate(script, timeout=2 * harness.PATIENCE_S)
    assert shell.returncode == 0 and not tried.exists(), said
    assert said.count("payment failed") >= 2, said
    assert re.search(r'1\s+\{level="error"\}', said), said
    assert "records" in said, said
