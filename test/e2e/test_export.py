# SPDX-License-Identifier: Apache-2.0
"""R6.6: records leave a collector whole, in order and each once, also through interruptions."""
import gzip
import json
import random
import shutil
import signal
import subprocess
import time

import pytest

import harness


@pytest.fixture
def store(site):
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  loki: {{ type: loki }}
outputs:
  store: {{ type: store, retention: 36500d }}
""")
    site.collector.start()
    return site


BEGIN = 1_750_000_000 * 10**9


def push(site, rows, seed=1):
    """Rows of three streams, whose times overlap and are sometimes the same; gives what to expect."""
    rng = random.Random(seed)
    expected = []
    for part in range(0, rows, 2000):
        streams = {name: [] for name in "abc"}
        for i in range(part, min(rows, part + 2000)):
            at = BEGIN + rng.randrange(rows) * 10**6
            line = f"row {i} \u00fc " + rng.randbytes(rng.randrange(100)).hex()
            name = rng.choice("abc")
            streams[name].append([str(at), line, {"n": str(i)}])
            expected.append((at, name, line, str(i)))
        body = json.dumps({"streams": [{"stream": {"app": name}, "values": values} for name, values in streams.items()]})
        answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body.encode(),
                                  headers={"Content-Type": "application/json"})
        assert answer.status == 204, answer.body
    return expected


def shown(line):
    record = json.loads(line)
    seconds, fraction = record["timestamp"].rstrip("Z").split(".")
    at = int(time.mktime(time.strptime(seconds + " UTC", "%Y-%m-%dT%H:%M:%S %Z"))) - time.timezone
    return at * 10**9 + int(fraction), record["labels"]["app"], record["body"], record["attributes"]["n"]


def export(site, *arguments):
    done = site.seyir("export", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_records_come_in_order_and_packed_as_the_name_says(store):
    expected = push(store, 6000)
    lines = export(store).splitlines(keepends=True)
    assert lines == sorted(lines)
    assert sorted(map(shown, lines)) == sorted(expected)
    plain = store.folder / "all.jsonl"
    export(store, "--out", plain)
    assert plain.read_bytes() == b"".join(lines)
    export(store, "--out", store.folder / "all.jsonl.gz")
    assert gzip.decompress((store.folder / "all.jsonl.gz").read_bytes()) == plain.read_bytes()
    if shutil.which("zstd"):
        export(store, "--out", store.folder / "all.jsonl.zst")
        unpacked = subprocess.run(["zstd", "-dc", store.folder / "all.jsonl.zst"], capture_output=True, check=True)
        assert unpacked.stdout == plain.read_bytes()
    assert not list(store.folder.glob("*.partial*"))


def test_a_selector_and_times_choose(store):
    expected = push(store, 3000)
    middle = BEGIN + 1500 * 10**6
    lines = export(store, '{app="b"}', "--from", middle, "--to", middle + 10**9).splitlines()
    want = [row for row in expected if row[1] == "b" and middle <= row[0] < middle + 10**9]
    assert want and sorted(map(shown, lines)) == sorted(want)
    assert export(store, '{app="none"}') == b""


def test_an_export_killed_and_resumed_has_the_same_bytes(store):
    push(store, 100_000)
    whole = store.folder / "whole.jsonl"
    export(store, "--out", whole)
    out = store.folder / "again.jsonl"
    mark = store.folder / "again.jsonl.partial.mark"
    for _ in range(10):
        with open(store.folder / "export.log", "wb") as log:
            process = subprocess.Popen([harness.program("seyir"), "--server", f"http://127.0.0.1:{store.http_port}",
                                        "export", "--out", out], stderr=log)
        while not mark.exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if mark.exists():
            break
        out.unlink()  # it was faster than the kill
    assert mark.exists() and not out.exists(), "no export was interrupted"
    kept = json.loads(mark.read_bytes())["records"]
    assert 0 < kept < 100_000
    refused = store.seyir("export", "--out", out)
    assert refused.returncode == 1 and b"--resume" in refused.stderr
    export(store, "--out", out, "--resume")
    assert out.read_bytes() == whole.read_bytes()


def test_a_collector_that_is_not_there_and_wrong_use_are_told_apart(store):
    assert store.seyir("export", "{app=").returncode == 1
    assert store.seyir("export", "--resume").returncode == 2
    assert store.seyir("export", "--from", "yesterday-ish").returncode == 2
    store.collector.kill9()
    assert store.seyir("export", "--out", store.folder / "none.jsonl").returncode == 1
    assert not (store.folder / "none.jsonl").exists()
