# SPDX-License-Identifier: Apache-2.0
"""R6.8 with the real programs: backup, loss of the data directory, restore, and agents that refill."""
import http.server
import json
import random
import shutil
import threading
import time

import harness


def configure(site, backup="", retention="3650d"):
    site.configure_collector(
        inputs="  loki: { type: loki }\n  self: { type: internal_logs }\n",
        store=f'retention: {retention}, backup: {{ path: {site.folder}/backups, schedule: "@yearly", {backup} }}, ')


def as_owner(site, *arguments):
    """Through the admin socket: without tokens, nobody administers over TCP."""
    return site.seyir("--server", f"unix:{site.folder}/data/admin.sock", *arguments, server=False)


def back_up(site, *more):
    done = as_owner(site, "backup", "run", "--output", "json", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def restore(site, *more):
    return site.seyir("restore", site.folder / "backups", "--to", site.folder / "data", *more, server=False)


def write_lines(site, name, begin, end):
    path = site.logs / name
    with open(path, "ab") as file:
        file.write(b"".join(b"%s line %d %s\n" % (name.encode(), i, b"x" * (i % 150)) for i in range(begin, end)))
    return path


def contents(site):
    return {path: path.read_bytes() for path in site.logs.glob("*.log")}


def push_seal(site, age_days, megabytes, job="old"):
    """Lines that do not compress: the store seals them once there are 32 MiB."""
    rng = random.Random(job)
    now = time.time_ns() - age_days * 86_400 * 10**9
    for part in range(megabytes):
        values = [[str(now + part * 10**6 + i), f"{job} {part} {i} {rng.randbytes(500).hex()}"] for i in range(1000)]
        body = json.dumps({"streams": [{"stream": {"job": job}, "values": values}]})
        answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body,
                                  headers={"Content-Type": "application/json"})
        assert answer.status == 204, answer.body


def object_files(site):
    return [path for path in (site.folder / "backups" / "files").rglob("*") if path.is_file()]


def test_R6_8_drill_a_lost_store_comes_back_and_agents_refill_it(site):
    configure(site)
    site.collector.start()
    agent = site.add_agent()
    write_lines(site, "a.log", 0, 3000)
    write_lines(site, "b.log", 0, 500)
    agent.start()
    site.wait_rows(3500)
    made = back_up(site)
    assert made["records"] >= 3500 and made["copied_bytes"] > 0
    # What the backup lacks: more of a known file, a new file, and one stored before that is idle.
    write_lines(site, "a.log", 3000, 5000)
    write_lines(site, "c.log", 0, 700)
    site.wait_rows(6200)
    site.collector.kill9()
    shutil.rmtree(site.folder / "data")
    began = time.monotonic()
    done = restore(site)
    assert done.returncode == 0, done.stderr
    assert b"every checksum fits" in done.stdout, done.stdout
    site.collector.start()
    harness.assert_files_stored_once(site.wait_rows(6200), contents(site))
    print(f"RTO: {time.monotonic() - began:.2f} s from an empty disk to all 6200 lines, refill included")
    assert site.status()["store"]["restore_generation"] == 1
    # It stays so, and what is written next arrives once.
    write_lines(site, "a.log", 5000, 5100)
    harness.assert_files_stored_once(site.wait_rows(6300), contents(site))
    agent.restart()
    write_lines(site, "b.log", 500, 600)
    harness.assert_files_stored_once(site.wait_rows(6400), contents(site))
    # The restored store goes on in the same folder.
    assert back_up(site)["ok"]


def test_R6_8_a_backup_copies_what_changed_and_nothing_else(site):
    configure(site)
    site.collector.start()
    push_seal(site, 1, 70)
    harness.wait_until(lambda: site.status()["store"]["segments"] > 0, "a segment")
    first = back_up(site)
    assert first["bytes"] > 1_000_000
    again = back_up(site)
    assert again["copied_bytes"] < 100_000, again
    push_seal(site, 0, 1, "new")
    small = back_up(site)
    assert small["copied_bytes"] < 2_000_000 < first["copied_bytes"], (first, small)
    on_disk = sum(path.stat().st_size for path in object_files(site))
    assert on_disk == first["copied_bytes"] + again["copied_bytes"] + small["copied_bytes"]
    listed = site.seyir("backup").stdout.decode()
    assert listed.count(" records ") == 3 and first["id"] in listed and "last, at" in listed
    metrics = site.metrics()
    assert metrics['seyir_backup_runs_total{outcome="done"}'] == 3
    assert metrics["seyir_backup_copied_bytes_total"] == on_disk
    assert metrics["seyir_backup_last_done_seconds"] > time.time() - 600


def test_R6_8_old_backups_go_and_take_only_what_is_theirs(site):
    configure(site, backup="keep: 2")
    site.collector.start()
    first = None
    for number in range(4):
        push_seal(site, 0, 1, f"n{number}")
        made = back_up(site)
        first = first or made
    assert len(list((site.folder / "backups" / "backups").iterdir())) == 2
    assert made["removed"] and made["freed_bytes"] > 0
    for index in (0, 1):
        at = json.loads(site.get("/api/v1/backup").body)["backups"][index]
        target = site.folder / f"back{index}"
        done = site.seyir("restore", site.folder / "backups", "--at", at["time"], "--to", target, "--output", "json", server=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["id"] == at["id"]
    too_old = site.seyir("restore", site.folder / "backups", "--at", "2001-01-01T00:00:00Z", "--to", site.folder / "x", server=False)
    assert too_old.returncode == 1 and b"the oldest was begun at" in too_old.stderr


def test_R6_8_killed_in_the_middle_of_a_backup_leaves_the_last_one_whole(site):
    configure(site)
    site.collector.start()
    push_seal(site, 1, 2)
    good = back_up(site)
    push_seal(site, 1, 60, "more")
    rng = harness.seeded_random()
    for _ in range(5):
        asked = harness.http_get(site.http_port, "/health")
        assert asked.status == 200
        runner = harness.subprocess.Popen([harness.program("seyir"), "--server", f"unix:{site.folder}/data/admin.sock",
                                           "backup", "run"], stdout=harness.subprocess.DEVNULL, stderr=harness.subprocess.DEVNULL)
        time.sleep(rng.uniform(0, 0.3))
        site.collector.kill9()
        runner.wait(harness.PATIENCE_S)
        site.collector.start()
        assert not (site.folder / "data" / "backup-image").exists()
    ids = [entry["id"] for entry in json.loads(site.get("/api/v1/backup").body)["backups"]]
    assert good["id"] in ids
    at = site.folder / "probe"
    done = site.seyir("restore", site.folder / "backups", "--at", f"{good['time']}", "--to", at, "--output", "json", server=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["records"] == good["records"]
    # The next run goes on, and nothing of the interrupted ones is left.
    back_up(site)
    assert not list((site.folder / "backups" / "partial").iterdir())
    named = set()
    for path in (site.folder / "backups" / "backups").iterdir():
        named |= {json.loads(line)["xxh3"] for line in path.read_text().splitlines()[1:-1]}
    assert {path.name for path in object_files(site)} == named


def test_R6_8_a_flipped_bit_in_a_backup_is_refused_and_mended(site):
    configure(site)
    site.collector.start()
    push_seal(site, 1, 3)
    back_up(site)
    victim = max(object_files(site), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    place = len(data) - 1000
    data[place] ^= 0x10
    victim.write_bytes(data)
    refused = site.seyir("restore", site.folder / "backups", "--to", site.folder / "other", server=False)
    piece = place // 2**20 * 2**20
    assert refused.returncode == 1
    assert str(victim).encode() in refused.stderr and f"between bytes {piece} and ".encode() in refused.stderr, refused.stderr
    assert back_up(site, "--recheck")["copied_bytes"] >= len(data)
    again = site.seyir("restore", site.folder / "backups", "--to", site.folder / "third", server=False)
    assert again.returncode == 0, again.stderr


def test_R6_8_restore_refuses_a_folder_that_holds_something(site):
    configure(site)
    site.collector.start()
    push_seal(site, 0, 1)
    back_up(site)
    site.collector.terminate()
    refused = restore(site)
    assert refused.returncode == 1 and b"is not empty" in refused.stderr and b"mv " in refused.stderr
    site.collector.start()
    assert site.count('{job="old"}') == 1000


def test_R6_8_a_new_store_does_not_push_out_the_backups_of_the_lost_one(site):
    configure(site)
    site.collector.start()
    push_seal(site, 0, 1)
    back_up(site)
    site.collector.kill9()
    shutil.rmtree(site.folder / "data")
    site.collector.start()
    refused = as_owner(site, "backup", "run")
    assert refused.returncode == 1 and b"backups of another store" in refused.stdout, refused.stdout + refused.stderr
    # It is told, counted, and tried again.
    [row] = site.wait_rows(1, '{input="self"} | event="backup"')
    assert row.line.startswith(b"backup: failed: ")
    assert site.metrics()['seyir_backup_runs_total{outcome="failed"}'] == 1
    assert json.loads(site.get("/api/v1/backup").body)["failed_attempts"] == 1


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def test_R6_8_verify_reads_backups_and_stores_and_names_what_is_damaged(site):
    configure(site)
    site.collector.start()
    push_seal(site, 1, 70)
    harness.wait_until(lambda: site.status()["store"]["segments"] > 0, "a segment")
    back_up(site)
    good = site.seyir("verify", site.folder / "backups", server=False)
    assert good.returncode == 0 and b"every checksum fits" in good.stdout, good.stdout + good.stderr
    # While the collector runs and takes more.
    running = site.seyir("verify", site.folder / "data", "--output", "json", server=False)
    report = json.loads(running.stdout)
    assert running.returncode == 0 and report["records"] == report["promised_records"] >= 70_000, running.stdout
    victim = max(object_files(site), key=lambda path: path.stat().st_size)
    flip(victim, 4000)
    bad = site.seyir("verify", site.folder / "backups", server=False)
    assert bad.returncode == 1 and str(victim).encode() in bad.stdout and b"between bytes 0 and " in bad.stdout


def test_R6_8_doctor_names_the_damage_and_mends_it_from_a_backup(site):
    configure(site)
    site.collector.start()
    push_seal(site, 1, 70)
    harness.wait_until(lambda: site.status()["store"]["segments"] > 0, "a segment")
    back_up(site)
    site.collector.terminate()
    segment = max((site.folder / "data" / "segments").rglob("*.sst"), key=lambda path: path.stat().st_size)
    flip(segment, segment.stat().st_size // 2)
    found = site.seyir("doctor", site.folder / "data", server=False)
    assert found.returncode == 1, found.stdout + found.stderr
    assert segment.name.encode() in found.stdout and b"records from " in found.stdout
    assert f"seyir doctor {site.folder}/data --repair".encode() in found.stdout
    # The rest answers meanwhile, and nothing repairs what is in use.
    site.collector.start()
    in_use = site.seyir("doctor", site.folder / "data", "--repair", server=False)
    assert in_use.returncode == 1 and b"in use by process" in in_use.stderr
    site.collector.terminate()
    mended = site.seyir("doctor", site.folder / "data", "--repair", "--from", site.folder / "backups", server=False)
    assert mended.returncode == 0 and b"by the backup's" in mended.stdout, mended.stdout + mended.stderr
    site.collector.start()
    assert site.count('{job="old"}') == 70_000


def test_R6_8_a_collector_with_a_damaged_database_names_the_command_that_mends_it(site):
    configure(site)
    site.collector.start()
    push_seal(site, 0, 2)
    site.collector.terminate()
    (site.folder / "data" / "db" / "CURRENT").write_text("MANIFEST-999999\n")
    status, said = site.collector.run_to_end()
    assert status == 1 and f"seyir doctor {site.folder}/data --repair" in said, said[-2000:]
    looked = site.seyir("doctor", site.folder / "data", server=False)
    assert looked.returncode == 1 and b"cannot be opened" in looked.stdout
    mended = site.seyir("doctor", site.folder / "data", "--repair", server=False)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    site.collector.start()
    assert site.count('{job="old"}') == 2000


def test_after_a_loss_of_the_log_status_and_doctor_say_until_when_and_what_to_do(site):
    configure(site)
    site.collector.start()
    push_seal(site, 0, 2)
    site.collector.terminate()
    logs = sorted((site.folder / "data" / "db").glob("*.log"))
    logs[-1].unlink()
    site.collector.start()
    note, = (site.folder / "data" / "quarantine").glob("*.txt")
    remedy = f"rm {note}".encode()
    for said in (site.seyir("status").stdout, site.seyir("doctor", site.folder / "data", server=False).stdout):
        assert b"say that they are partial" in said or b"say partial" in said, said
        assert b"alert windows there count as not filled" in said, said
        assert remedy in said, said
    doctor = site.seyir("doctor", site.folder / "data", server=False)
    assert doctor.returncode == 1 and b"nothing of what is here is damaged" in doctor.stdout, doctor.stdout
    told = json.loads(site.seyir("verify", site.folder / "data", "--output", "json", server=False).stdout)
    assert told["missing"][0]["note"] == str(note) and not told["ok"]
    note.unlink()
    doctor = site.seyir("doctor", site.folder / "data", server=False)
    assert doctor.returncode == 0 and b"nothing is damaged" in doctor.stdout, doctor.stdout


def restarting_collector(after):
    """Answers as a collector that is started again, with a new life, once it was asked `after` times."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, value):
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer({"life": "first", "run": 3})

        def do_GET(self):
            asked.append(self.path)
            progress = {"files_done": 1, "files_total": 9, "bytes_done": 10, "bytes_total": 90}
            if len(asked) <= after:
                self.answer({"life": "first", "runs": 2, "running": True, "last": None, "progress": progress})
            else:
                # Its third run is another one, of which nobody asked.
                self.answer({"life": "second", "runs": 3, "running": False, "last": {"ok": True, "id": "other"}})

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, asked


def test_a_backup_run_ends_with_an_error_when_the_collector_is_started_again_meanwhile(site):
    server, asked = restarting_collector(after=2)
    try:
        done = site.seyir("--server", f"http://127.0.0.1:{server.server_address[1]}", "backup", "run", server=False)
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == 3, asked
    assert done.returncode != 0
    assert b"started again before the backup was done" in done.stderr, done.stderr
    assert b"other" not in done.stdout, done.stdout
