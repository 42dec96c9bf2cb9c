# SPDX-License-Identifier: Apache-2.0
"""Which file is in which package, and what the packages ask of a machine."""
import re
import shutil
import subprocess

import pytest

import packages

FILES = {
    "seyir-agent": {
        "etc/seyir/agent.yaml", "lib/systemd/system/seyir-agent.service", "usr/bin/seyir-agent",
        "usr/lib/sysusers.d/seyir-agent.conf", "usr/lib/tmpfiles.d/seyir-agent.conf",
        "usr/share/doc/seyir-agent/examples/10-read-all.conf.example", "usr/share/doc/seyir-agent/examples/agent.yaml",
        "usr/share/man/man5/seyir-agent.yaml.5.gz", "usr/share/man/man8/seyir-agent.8.gz"},
    "seyir-collector": {
        "etc/seyir/collector.yaml", "lib/systemd/system/seyir-collector.service", "usr/bin/seyir-collector",
        "usr/lib/sysusers.d/seyir-collector.conf", "usr/lib/tmpfiles.d/seyir-collector.conf",
        "usr/share/doc/seyir-collector/examples/collector.yaml", "usr/share/man/man5/seyir-collector.yaml.5.gz",
        "usr/share/man/man8/seyir-collector.8.gz"},
    "seyir-ctl": {"usr/bin/seyir", "usr/share/bash-completion/completions/seyir", "usr/share/man/man1/seyir.1.gz"},
    "seyir-plugin-dev": {
        "usr/include/seyir/plugin.h", "usr/include/seyir/plugin.hpp", "usr/include/seyir/version.h",
        "usr/include/seyir/harness.hpp", "usr/include/seyir/harness_host.hpp", "usr/include/seyir/harness_json.hpp",
        "usr/include/seyir/harness_record.hpp", "usr/share/pkgconfig/seyir-plugin-1.pc", "usr/share/pkgconfig/seyir.pc"},
}


def contents(name):
    lines = packages.output_of("dpkg-deb", "-c", packages.package(name)).splitlines()
    return {line.split()[5].removeprefix("./"): line.split()[:2] for line in lines}


@pytest.mark.parametrize("name", packages.NAMES)
def test_a_package_holds_its_files_and_no_others(name):
    found = {path for path in contents(name) if path and not path.endswith("/")}
    found -= {f"usr/share/doc/{name}/changelog.gz", f"usr/share/doc/{name}/copyright",
              f"usr/share/lintian/overrides/{name}"}
    assert found == FILES[name]


@pytest.mark.parametrize("name", packages.NAMES)
def test_everything_belongs_to_root_and_only_root_writes(name):
    for path, (mode, owner) in contents(name).items():
        assert owner == "root/root" and mode[5] != "w" and mode[8] != "w", f"{path}: {mode} {owner}"


@pytest.mark.parametrize("name", packages.NAMES)
def test_the_version_is_that_of_the_tree(name):
    version = packages.output_of("dpkg-deb", "-f", packages.package(name), "Version").strip()
    assert version == (packages.ROOT / "VERSION").read_text().strip()


def test_the_agent_needs_no_library_of_the_store():
    depends = packages.output_of("dpkg-deb", "-f", packages.package("seyir-agent"), "Depends")
    assert "rocksdb" not in depends and "libc6" in depends, depends


def test_configuration_files_are_conffiles():
    for name, path in (("seyir-agent", "/etc/seyir/agent.yaml"), ("seyir-collector", "/etc/seyir/collector.yaml")):
        assert path in packages.output_of("dpkg-deb", "-I", packages.package(name), "conffiles").split()


def test_lintian_has_nothing_to_say():
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    packages.package("seyir-agent")
    debs = sorted(packages.FOLDER.glob("*.deb"))
    done = subprocess.run(["lintian", *map(str, debs)], capture_output=True, text=True)
    assert not re.findall(r"^[EW]: .*", done.stdout, re.M), done.stdout
