# SPDX-License-Identifier: Apache-2.0
"""R9 with the real programs: old days are archived, dropped, on record, and the admin gets a mail."""
import gzip
import json
import time

import harness
from test_alerts import Mailbox, closing  # noqa: F401 (a fixture)

DAY_NS = 86_400 * 10**9


def configure(site, retention, outputs="", routes="", clean_up=""):
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  loki: {{ type: loki }}
  self: {{ type: internal_logs }}
outputs:
  store:
    type: store
    retention: {retention}
    clean_up:
      archive: {{ directory: {site.folder}/archive }}
      {clean_up}
{outputs}
{routes}
""")


def push_days(site, ages):
    now = time.time_ns()
    values = [[str(now - age * DAY_NS), f"age {age}"] for age in ages]
    body = json.dumps({"streams": [{"stream": {"job": "old"}, "values": values}]})
    answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body,
                              headers={"Content-Type": "application/json"})
    assert answer.status == 204, answer.body


def audit(site):
    path = site.folder / "data" / "audit" / "retention.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def lines(site):
    return sorted(row.line.decode() for row in site.query_all('{job="old"}'))


def as_owner(site, *arguments):
    """Through the admin socket: without tokens, nobody administers over TCP."""
    return site.seyir("--server", f"unix:{site.folder}/data/admin.sock", *arguments, server=False)


def test_R9_old_days_are_archived_dropped_recorded_and_mailed(site, closing):  # noqa: F811
    mailbox = closing(Mailbox())
    configure(site, "90d")
    site.collector.start()
    push_days(site, [0, 1, 40, 41])
    site.collector.terminate()
    configure(site, "30d", outputs=f"""\
  mail:
    type: email
    server: smtp://127.0.0.1:{mailbox.port}
    starttls: off
    from: seyir@example.org
    to: [ops@example.org]
    subject: '{{{{__line__}}}}'
""", routes="""\
routes:
  - { name: all, to: [store] }
  - { name: people, from: [self], match: '{input="self"} | event="clean_up"', to: [mail] }
""")
    site.collector.start()
    # R9.6: what would go, and nothing changes.
    plan = as_owner(site, "retention", "run", "--dry-run")
    assert plan.returncode == 0 and b"would be dropped:" in plan.stdout, plan.stdout + plan.stderr
    assert plan.stdout.count(b" records ") == 2
    assert lines(site) == ["age 0", "age 1", "age 40", "age 41"] and audit(site) == []
    # R9.1, R9.3, R9.4.
    done = as_owner(site, "retention", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(site) == ["age 0", "age 1"]
    archived = []
    for path in sorted((site.folder / "archive").glob("*.json.gz")):
        archived += [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [record["body"] for record in archived] == ["age 41", "age 40"]
    assert archived[0]["labels"]["job"] == "old"
    [record] = audit(site)
    assert record["ok"] and record["trigger"] == "operator" and record["records"] == 2
    assert len(record["archives"]) == 2
    # R9.5, and the record is in the store too.
    harness.wait_until(lambda: mailbox.mails, "a mail")
    assert "dropped 2 days" in mailbox.message()["Subject"]
    [row] = site.wait_rows(1, '{input="self"}')
    assert row.line.startswith(b"clean-up: dropped 2 days")
    assert b"last, at" in site.seyir("retention").stdout


def test_R9_2_a_run_that_was_missed_is_made_up_for_at_start(site):
    configure(site, "90d")
    site.collector.start()
    push_days(site, [0, 50])
    site.collector.terminate()
    audit_path = site.folder / "data" / "audit" / "retention.jsonl"
    audit_path.parent.mkdir(exist_ok=True)
    audit_path.write_text('{"unix_nanos":1700000000000000000,"time":"2023-11-14T22:13:20Z","ok":true}\n')
    configure(site, "30d", clean_up='schedule: "0 3 * * *"')
    site.collector.start()
    harness.wait_until(lambda: len(audit(site)) == 2, "a run")
    assert audit(site)[-1]["trigger"] == "schedule" and audit(site)[-1]["records"] == 1
    assert lines(site) == ["age 0"]


def test_a_class_of_streams_goes_at_its_own_time(site):
    configure(site, "90d")
    site.collector.start()
    push_days(site, [0, 40, 41])
    site.collector.terminate()
    configure(site, "90d\n    retention_classes: [{ match: '{job=\"new\"}', retention: 30d }]")
    site.collector.start()
    assert as_owner(site, "retention", "run").returncode == 0
    assert lines(site) == ["age 0", "age 40", "age 41"]
    site.collector.terminate()
    configure(site, "90d\n    retention_classes: [{ match: '{job=\"old\"}', retention: 30d }]")
    site.collector.start()
    shown = as_owner(site, "retention").stdout
    assert b"keeps 90 days (other streams as `retention_classes` says)" in shown
    done = as_owner(site, "retention", "run")
    assert done.returncode == 0 and b"dropped:" in done.stdout, done.stdout + done.stderr
    assert lines(site) == ["age 0"]


def test_R9_8_a_failing_archive_keeps_the_day_and_is_told(site):
    configure(site, "90d")
    site.collector.start()
    push_days(site, [0, 50])
    site.collector.terminate()
    (site.folder / "archive").write_text("a file where a directory should be")
    configure(site, "30d")
    site.collector.start()
    failed = as_owner(site, "retention", "run")
    assert failed.returncode == 1 and b"failed: " in failed.stdout
    assert lines(site) == ["age 0", "age 50"]
    assert not audit(site)[-1]["ok"]
    state = json.loads(site.get("/api/v1/retention").body)
    assert state["failed_attempts"] == 1
    (site.folder / "archive").unlink()
    assert as_owner(site, "retention", "run").returncode == 0
    assert lines(site) == ["age 0"]
