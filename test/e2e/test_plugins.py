# SPDX-License-Identifier: Apache-2.0
"""Plugins from outside: our examples built from the installed files alone, and what is refused."""
import json
import pathlib
import re
import shutil
import time

import pytest

import harness
import plugins

EXAMPLES = harness.ROOT / "examples" / "plugins"
FIXTURES = harness.ROOT / "test" / "plugin_fixtures"


def build_example(name, folder, environment):
    project = folder / name
    shutil.copytree(EXAMPLES / name, project)
    plugins.run(["meson", "setup", "build"], project, environment)
    plugins.run(["meson", "test", "-C", "build", "--print-errorlogs"], project, environment)
    return project / "build"


@pytest.mark.parametrize("compiler", ["g++", "clang++-19"])
@pytest.mark.parametrize("name", ["shout", "mask_digits"])
def test_an_example_builds_from_the_installed_files_alone(folder, name, compiler):
    environment = plugins.author_environment(folder, compiler)
    built = build_example(name, folder, environment)
    checked = plugins.run(["seyir", "plugin", "check", f"{name}.so"], built, environment).stdout
    assert "no problems found" in checked and "WRONG" not in checked, checked


def collector_with(site, directory, filters, through, extra=""):
    path = site.folder / "collector.yaml"
    path.write_text(f"""version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
plugins: {{ directories: [{directory}] }}
inputs:
  push: {{ type: loki }}
filters:
{filters}
outputs:
  store: {{ type: store }}
  dead: {{ type: file, path: {site.folder}/dead.jsonl, format: json }}
routes:
  - {{ name: all, from: [push], through: [{through}], to: [store], dead_letter: dead }}
{extra}
""")
    process = harness.Process("seyir-collector", path, site.folder / "plugin-collector.log", site.http_port)
    site.processes.append(process)
    return process


def push(port, lines):
    values = [[str(time.time_ns() + i), line] for i, line in enumerate(lines)]
    body = json.dumps({"streams": [{"stream": {"app": "try"}, "values": values}]})
    return harness.http_get(port, "/loki/api/v1/push", method="POST", body=body,
                            headers={"Content-Type": "application/json"})


def lines_stored(port):
    answer = harness.http_get(port, "/loki/api/v1/query_range", {
        "query": '{app="try"}', "limit": 1000, "start": str(time.time_ns() - 3600 * 10**9),
        "end": str(time.time_ns() + 60 * 10**9)})
    assert answer.status == 200, answer.body
    return [value[1] for stream in json.loads(answer.body)["data"]["result"] for value in stream["values"]]


def test_plugins_of_version_1_0_run_in_a_collector(site):
    collector = collector_with(
        site, FIXTURES / "v1.0", "  loud: { type: shout, suffix: '?' }\n  masked: { type: mask_digits, keep: 2 }",
        "loud, masked").start()
    assert push(site.http_port, ["hello 12345", "plain"]).status in (200, 204)
    stored = harness.wait_until(lambda: sorted(lines_stored(site.http_port)), "two lines are stored")
    assert stored == ["HELLO ***45?", "PLAIN?"]
    metrics = harness.http_get(site.http_port, "/metrics").body.decode()
    assert 'seyir_plugin_shout_records_total{filter="loud"} 2' in metrics
    assert 'seyir_plugin_mask_digits_digits_total{filter="masked"} 3' in metrics
    assert collector.terminate() == 0


def misbehaving(site):
    directory = site.folder / "misbehaving"
    directory.mkdir()
    shutil.copy(harness.BUILD / "test" / "plugin_fixtures" / "misbehave.so", directory)
    return directory


def health_of(port):
    return harness.http_get(port, "/health").body.decode()


def test_a_plugin_that_throws_is_contained_and_named(site):
    collector_with(site, misbehaving(site), "  bad: { type: misbehave, mode: throw }", "bad").start()
    assert push(site.http_port, ["one", "two"]).status in (200, 204)
    dead = site.folder / "dead.jsonl"
    harness.wait_until(lambda: dead.exists() and len(dead.read_text().splitlines()) == 2, "two dead letters")
    text = dead.read_text()
    assert '"one"' in text and '"two"' in text and "half done" not in text, text
    assert "plugin_misbehaved" in text, text
    assert lines_stored(site.http_port) == []
    health = health_of(site.http_port)
    assert '"bad"' in health and "on purpose" in health, health


def test_rows_of_a_plugin_that_gives_up_are_dead_letters_and_health_is_red(site):
    collector_with(site, misbehaving(site), "  bad: { type: misbehave, mode: fatal }", "bad").start()
    dead = site.folder / "dead.jsonl"
    for line in ("one", "two"):
        assert push(site.http_port, [line]).status in (200, 204)
    assert "plugin_gave_up" in dead.read_text() and '"two"' in dead.read_text()
    assert lines_stored(site.http_port) == []
    health = health_of(site.http_port)
    assert '"bad"' in health and "the licence ran out" in health, health


def test_a_plugin_others_may_write_to_is_refused_with_the_remedy(site):
    directory = misbehaving(site)
    (directory / "misbehave.so").chmod(0o757)
    collector = collector_with(site, directory, "  bad: { type: misbehave }", "bad")
    status, said = collector.run_to_end()
    assert status == 78, said
    assert "E0601" in said and "writable by others" in said and "chmod go-w" in said, said


def test_check_survives_a_plugin_that_crashes(folder):
    environment = plugins.author_environment(folder)
    settings = folder / "crash.yaml"
    settings.write_text("mode: crash\n")
    plugin = harness.BUILD / "test" / "plugin_fixtures" / "misbehave.so"
    done = plugins.run(["seyir", "plugin", "check", str(plugin), "--settings", str(settings)], folder, environment,
                       ok=False)
    assert done.returncode == 1
    if not harness.SANITIZED:  # a sanitizer answers a crash itself
        assert re.search(r"WRONG: it crashed \(.*\) while handling batches of seed 1", done.stdout), done.stdout
    (folder / "throw.yaml").write_text("mode: throw\n")
    done = plugins.run(["seyir", "plugin", "check", str(plugin), "--settings", str(folder / "throw.yaml")], folder,
                       environment, ok=False)
    assert done.returncode == 1 and "on purpose" in done.stdout, done.stdout


def test_ls_shows_what_is_loaded_and_what_is_refused(folder):
    environment = plugins.author_environment(folder)
    directory = folder / "plugins"
    directory.mkdir()
    shutil.copy(FIXTURES / "v1.0" / "shout.so", directory)
    pathlib.Path(directory / "broken.so").write_text("no")
    done = plugins.run(["seyir", "plugin", "ls", str(directory)], folder, environment, ok=False)
    assert done.returncode == 1
    assert "shout.so" in done.stdout and "filter shout" in done.stdout
    assert "REFUSED" in done.stdout and "not an ELF file" in done.stdout, done.stdout
