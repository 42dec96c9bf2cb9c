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


@pytest.fixture
def other(site):
    """A second collector, which takes imports."""
    second = harness.Site(site.folder / "other")
    second.configure_collector(f"""\
version: 1
data_dir: {second.folder}/data
listen: {{ http: 127.0.0.1:{second.http_port} }}
inputs:
  web: {{ type: http }}
outputs:
  store: {{ type: store, retention: 36500d }}
""")
    second.collector.start()
    yield second
    second.close()
    assert second.sanitizer_reports() == []


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_an_export_imported_elsewhere_is_exported_there_with_the_same_bytes(store, other, ending):
    push(store, 5000)
    out = store.folder / f"all.jsonl{ending}"
    export(store, "--out", out)
    for _ in range(2):  # the second time it knows
        done = other.seyir("import", out)
        assert done.returncode == 0, done.stderr
    assert b"already" in done.stderr
    assert export(other) == export(store)


def test_an_import_killed_again_and_again_stores_each_record_once(store, other):
    push(store, 60_000)
    out = store.folder / "all.jsonl"
    export(store, "--out", out)
    mark = store.folder / "all.jsonl.import"
    kills = 0
    for attempt in range(30):
        seen = mark.read_bytes() if mark.exists() else b""
        process = subprocess.Popen([harness.program("seyir"), "--server", f"http://127.0.0.1:{other.http_port}", "import", out],
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and (mark.read_bytes() if mark.exists() else b"") == seen:
            time.sleep(0.0005)
        time.sleep(0.001 * (attempt % 5))  # somewhere in the next request
        process.send_signal(signal.SIGKILL)
        kills += process.wait() != 0
        if process.returncode == 0:
            break
    assert kills >= 3, "no import was interrupted"
    assert other.seyir("import", out).returncode == 0
    assert export(other) == out.read_bytes()


def begin_import(other, out):
    """An import of which nothing was answered yet: its mark."""
    assert other.seyir("import", out, "--path", "/nowhere").returncode == 1
    mark = json.loads(out.with_name(out.name + ".import").read_text())
    assert mark["offset"] == 0 and len(mark["id"]) == 32
    mark["target"] = mark["target"].replace("/nowhere", "/ingest")
    return mark


@pytest.mark.parametrize("first", [150, 4000])
def test_what_an_import_stored_is_left_out_however_its_requests_are_cut_later(store, other, first):
    push(store, 20_000)
    out = store.folder / "all.jsonl"
    export(store, "--out", out)
    mark = begin_import(other, out)
    lines = out.read_bytes().splitlines(keepends=True)
    stored = b"".join(lines[:first])
    place = {"import": {"file": mark["file"], "line": 1, "id": mark["id"], "begin": 0, "end": len(stored)}}
    body = json.dumps(place, separators=(",", ":")).encode() + b"\n" + stored
    for _ in range(2):  # it comes again
        answer = harness.http_get(other.http_port, "/ingest", method="POST", body=body,
                                  headers={"Content-Type": "application/x-seyir-records"})
        assert answer.status < 300, answer.body
    out.with_name(out.name + ".import").write_text(json.dumps(mark))  # killed before it noted that
    done = other.seyir("import", out)
    assert done.returncode == 0, done.stderr
    assert export(other) == out.read_bytes()


def test_an_import_with_an_old_mark_stores_nothing_twice(store, other):
    push(store, 20_000)
    out = store.folder / "all.jsonl"
    export(store, "--out", out)
    assert other.seyir("import", out).returncode == 0
    path = out.with_name(out.name + ".import")
    mark = json.loads(path.read_text())
    lines = out.read_bytes().splitlines(keepends=True)
    for line in (0, 100):  # requests of other bytes than those that were stored
        mark.update(done=False, line=line, offset=len(b"".join(lines[:line])))
        path.write_text(json.dumps(mark))
        assert other.seyir("import", out).returncode == 0
        assert export(other) == out.read_bytes()
    assert other.seyir("import", out, "--anew").returncode == 0
    assert len(export(other)) == 2 * len(out.read_bytes())


def test_records_that_are_the_same_are_all_imported(store, other):
    line = b'{"timestamp":"2026-01-01T00:00:00.000000000Z","labels":{"a":"b"},"body":"' + b"x" * 100 + b'"}\n'
    file = store.folder / "same.jsonl"
    file.write_bytes(line * 15_000)  # more than one request
    assert other.seyir("import", file).returncode == 0
    assert export(other) == file.read_bytes()


def test_a_bad_line_is_named_and_stops_or_is_skipped(store, other):
    good = b'{"timestamp":"2026-01-01T00:00:00.00000000%dZ","labels":{"a":"b"},"body":"row"}\n'
    file = store.folder / "bad.jsonl"
    file.write_bytes(good % 1 + good % 2 + b'{"timestamp":"2026-01-01T00:00:00Z","labels":[],"body":""}\n{]\n' + good % 3)
    stopped = other.seyir("import", file)
    assert stopped.returncode == 1 and b"bad.jsonl:3:37: `labels`" in stopped.stderr, stopped.stderr
    assert export(other) == good % 1 + good % 2
    skipped = other.seyir("import", file, "--on-error", "skip")
    assert skipped.returncode == 0, skipped.stderr
    assert b"bad.jsonl:3:37: " in skipped.stderr and b"bad.jsonl:4:2: " in skipped.stderr, skipped.stderr
    assert b"3 records, 2 lines skipped" in skipped.stderr, skipped.stderr
    assert export(other) == good % 1 + good % 2 + good % 3
    wrong = other.seyir("import", file, "--anew", "--path", "/nowhere")
    assert wrong.returncode == 1 and b"--path" in wrong.stderr, wrong.stderr


@pytest.mark.parametrize("asked, says", [
    (["{app="], b"parse"),
    (["--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], b"is after --to"),
])
def test_an_export_that_cannot_begin_leaves_no_file_and_no_advice_to_resume(store, asked, says):
    out = store.folder / "none.jsonl"
    done = store.seyir("export", *asked, "--out", out)
    assert done.returncode != 0 and says in done.stderr, done.stderr
    assert b"--resume" not in done.stderr and b".partial" not in done.stderr, done.stderr
    assert list(store.folder.glob("none.jsonl*")) == []


def test_advice_fits_what_is_wrong(store):
    missing = store.seyir("verify", store.folder / "nowhere", server=False)
    assert missing.returncode != 0 and b"No such file" in missing.stderr, missing.stderr
    assert b"doctor" not in missing.stderr
    second = harness.Process("seyir-collector", store.collector.config, store.folder / "second.log", harness.free_ports(1)[0])
    status, log = second.run_to_end()
    assert status != 0 and "in use by another process" in log, log
    assert "writable by this user" not in log
