# SPDX-License-Identifier: Apache-2.0
"""The agent's tarball on other distributions: unpack, install, join, ship a line to a real collector."""
import gzip
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tarfile
import time

import pytest

import packages
from test_lifecycle import CACHE

BUILD = pathlib.Path(os.environ.get("SEYIR_BUILD_DIR", packages.ROOT / "build"))
COLLECTOR, SEYIR = BUILD / "collector" / "app" / "seyir-collector", BUILD / "ctl" / "seyir"
# glibc of each: 2.31, the oldest that will do, and 2.41.
SUITES = ("bullseye", "trixie")
GLIBC = ("ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2")
WAIT_S = 60


def tarball():
    found = sorted(packages.FOLDER.glob("seyir-agent-*-x86_64-glibc*.tar.gz"))
    if not found:
        pytest.skip(f"no tarball in {packages.FOLDER}: run ./dev tarball --quick")
    return found[-1]


def unpacked(folder):
    subprocess.run(["tar", "xzf", str(tarball()), "-C", str(folder)], check=True)
    return folder / tarball().name.removesuffix(".tar.gz")


def until(what, condition):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def collector(tmp_path):
    if not COLLECTOR.is_file():
        pytest.skip(f"no collector in {BUILD}: run ./dev build")
    http, agents = free_port(), free_port()
    key, crt = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    (tmp_path / "collector.yaml").write_text(f"""\
version: 1
data_dir: {tmp_path}/data
listen: {{ http: 127.0.0.1:{http} }}
tls: {{ cert: {crt}, key: {key} }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{agents}, join: true }}
outputs:
  store: {{ type: store }}
""")
    admin = tmp_path / "data" / "admin.sock"
    with open(tmp_path / "collector.log", "wb") as log:
        program = subprocess.Popen([str(COLLECTOR), "--config", str(tmp_path / "collector.yaml")], stdout=log, stderr=log)
    try:
        until("the collector answers", admin.exists)
        yield {"http": http, "agents": agents, "admin": admin}
    finally:
        program.terminate()
        assert program.wait(WAIT_S) == 0


def ask(collector, *words):
    return subprocess.run([str(SEYIR), *words, "--server", f"unix:{collector['admin']}"], capture_output=True, text=True, check=True).stdout


def lines(collector):
    return ask(collector, "query", '{input="system"} |= "a line of"', "--since", "1h", "--output", "raw", "--no-progress").splitlines()


def test_it_asks_for_nothing_but_an_old_c_library(tmp_path):
    tree = unpacked(tmp_path)
    for program in ("seyir-agent", "seyir"):
        said = subprocess.run(["readelf", "-dVW", str(tree / "bin" / program)], check=True, capture_output=True, text=True).stdout
        assert set(re.findall(r"\(NEEDED\).*\[(.*)\]", said)) <= set(GLIBC)
        versions = {tuple(int(part) for part in v.split(".")) for v in re.findall(r"GLIBC_([\d.]+)", said)}
        assert versions and max(versions) <= (2, 31), max(versions)


def test_its_bytes_follow_from_the_commit():
    """No names, times or owners of the machine it was made on."""
    with tarfile.open(tarball()) as tar:
        entries = tar.getmembers()
    names = [entry.name for entry in entries]
    assert names == sorted(names, key=lambda name: pathlib.PurePath(name).parts)
    assert {(e.uid, e.gid, e.uname, e.gname) for e in entries} == {(0, 0, "root", "root")}
    assert {e.mode for e in entries} == {0o644, 0o755} and len({e.mtime for e in entries}) == 1
    with open(tarball(), "rb") as raw:
        assert struct.unpack("<I", raw.read(8)[4:])[0] == entries[0].mtime
    with gzip.open(tarball()) as unpacked_bytes:
        assert str(packages.ROOT).encode() not in unpacked_bytes.read()


def test_install_writes_an_image_keeps_a_configuration_and_removes_itself(tmp_path):
    tree, root = unpacked(tmp_path), tmp_path / "image"

    def install(*words):
        return subprocess.run([str(tree / "install.sh"), *words], capture_output=True, text=True)

    assert install("--root", str(root), "--prefix", "/opt/seyir").returncode == 0
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == {"opt/seyir/bin/seyir", "opt/seyir/bin/seyir-agent", "etc/seyir/agent.yaml", "etc/systemd/system/seyir-agent.service",
                     "etc/sysusers.d/seyir-agent.conf", "etc/tmpfiles.d/seyir-agent.conf"}
    unit = (root / "etc/systemd/system/seyir-agent.service").read_text()
    assert "ExecStart=/opt/seyir/bin/seyir-agent --config /etc/seyir/agent.yaml" in unit
    (root / "etc/seyir/agent.yaml").write_text("mine")
    assert "kept" in install("--root", str(root), "--prefix", "/opt/seyir").stdout
    assert install("--root", str(root), "--prefix", "/opt/seyir", "--remove").returncode == 0
    assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == {"etc/seyir/agent.yaml"}
    assert (root / "etc/seyir/agent.yaml").read_text() == "mine"
    assert install("--prefix", "opt").returncode == 1 and install("--nosuch").returncode == 2


def file_system(suite):
    """An archive of a minimal Debian, made once."""
    if os.geteuid() != 0:
        pytest.skip("a chroot needs root")
    archive = CACHE / f"{suite}.tar"
    if archive.is_file():
        return archive
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"{suite}.new"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(["debootstrap", "--variant=minbase", suite, str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"debootstrap could not make a {suite}: {(done.stdout + done.stderr)[-300:]}")
    subprocess.run(["tar", "cf", f"{archive}.new", "-C", str(folder), "."], check=True)
    shutil.rmtree(folder)
    os.rename(f"{archive}.new", archive)
    return archive


def stop(agent):
    agent.terminate()
    assert agent.wait(WAIT_S) == 0


@pytest.mark.parametrize("suite", SUITES)
def test_another_distribution_installs_joins_and_ships(suite, tmp_path, collector):
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "xf", str(file_system(suite)), "-C", str(root)], check=True)
    try:
        unpacked(root)

        def inside(*words, **more):
            return subprocess.run(["chroot", str(root), *words], capture_output=True, text=True,
                                  env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} | more)

        installed = inside(f"/{tarball().name.removesuffix('.tar.gz')}/install.sh")
        assert installed.returncode == 0, installed.stdout + installed.stderr
        assert "adm" in inside("id", "-nG", "seyir-agent").stdout.split()
        made = ask(collector, "token", "create", "--one-time", "--name", suite)
        token, pin = re.search(r"SEYIR_TOKEN=(\S+)", made).group(1), re.search(r"--ca-pin (\S+)", made).group(1)
        # By name: the C library's own lookups work.
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        joined = inside("seyir", "agent", "join", f"https://localhost:{collector['http']}", "--ca-pin", pin,
                        "--endpoint", f"localhost:{collector['agents']}", SEYIR_TOKEN=token)
        assert joined.returncode == 0, joined.stdout + joined.stderr
        (root / "var" / "log" / "app.log").write_text(f"a line of {suite}\n")
        command = ["chroot", "--userspec=seyir-agent:seyir-agent", "--groups=adm", str(root), "/usr/local/bin/seyir-agent",
                   "--config", "/etc/seyir/agent.yaml"]
        with open(tmp_path / "agent.log", "wb") as log:
            agent = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until("the line is stored", lambda: f"a line of {suite}" in lines(collector))
        finally:
            stop(agent)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_a_folder_with_nothing_but_the_c_library_is_enough(tmp_path, collector):
    """No /etc, no certificates, no terminal data: as in a container made from scratch."""
    if os.geteuid() != 0:
        pytest.skip("a chroot needs root")
    root = tmp_path / "root"
    for folder in ("lib64", "lib/x86_64-linux-gnu", "state", "logs"):
        (root / folder).mkdir(parents=True)
    for name in GLIBC:
        shutil.copy(f"/lib/x86_64-linux-gnu/{name}", root / "lib" / "x86_64-linux-gnu")
    shutil.copy("/lib64/ld-linux-x86-64.so.2", root / "lib64")
    shutil.copy(unpacked(tmp_path) / "bin" / "seyir-agent", root)
    shutil.copy(tmp_path / "tls.crt", root)
    (tmp_path / "agent.d").mkdir()
    made = ask(collector, "token", "create", "--one-time", "--name", "bare")
    joined = subprocess.run([str(SEYIR), "agent", "join", f"https://127.0.0.1:{collector['http']}", "--ca-pin", re.search(r"--ca-pin (\S+)", made).group(1),
                             "--endpoint", f"127.0.0.1:{collector['agents']}", "--state-dir", str(root / "state"), "--config-dir", str(tmp_path / "agent.d")],
                            capture_output=True, text=True, env={"SEYIR_TOKEN": re.search(r"SEYIR_TOKEN=(\S+)", made).group(1)})
    assert joined.returncode == 0, joined.stdout + joined.stderr
    (root / "agent.yaml").write_text(f"""\
version: 1
state_dir: /state
inputs:
  system: {{ type: tail, include: ['/logs/*.log'] }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{collector['agents']}'], token: "${{file:/state/agent.token}}", tls: {{ ca: /tls.crt }} }}
""")
    (root / "logs" / "app.log").write_text("a line of nothing\n")
    with open(tmp_path / "agent.log", "wb") as log:
        agent = subprocess.Popen(["chroot", str(root), "/seyir-agent", "--config", "/agent.yaml"], stdout=log, stderr=log)
    try:
        until("the line is stored", lambda: "a line of nothing" in lines(collector))
    finally:
        stop(agent)
