# SPDX-License-Identifier: Apache-2.0
"""Install, join, ship, upgrade, purge: in a Debian chroot that is made once and kept in a cache."""
import os
import pathlib
import shutil
import subprocess

import pytest

import packages

SUITE = "bookworm"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "seyir-tests"


def root_file_system():
    """An archive of a minimal Debian with the libraries the packages depend on."""
    if os.geteuid() != 0:
        pytest.skip("a chroot needs root")
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not installed")
    archive = CACHE / f"{SUITE}.tar"
    if archive.is_file():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"{SUITE}.new"
    shutil.rmtree(folder, ignore_errors=True)
    wanted = set()
    for name in packages.NAMES:
        for one in packages.output_of("dpkg-deb", "-f", packages.package(name), "Depends").split(","):
            word = one.split("|")[0].split("(")[0].strip()
            wanted |= {word} if word and not word.startswith("seyir") else set()
    done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(sorted(wanted | {'openssl'}))}", SUITE, str(folder)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"debootstrap could not make a {SUITE}: {(done.stdout + done.stderr)[-300:]}")
    subprocess.run(["tar", "cf", str(archive) + ".new", "-C", str(folder), "."], check=True)
    shutil.rmtree(folder)
    os.rename(str(archive) + ".new", archive)
    return archive


def in_chroot(root, script):
    """Runs it in namespaces of its own: no process, mount or port is left or met."""
    inner = f"ip link set lo up && mount -t proc proc {root}/proc && exec chroot {root} /bin/sh {script}"
    return subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c", inner],
                          capture_output=True, text=True, timeout=900, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})


def test_install_join_ship_upgrade_and_purge(tmp_path):
    archive = root_file_system()
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "xf", str(archive), "-C", str(root)], check=True)
    for version in ("1", "2"):
        (root / "debs" / version).mkdir(parents=True)
    for name in packages.NAMES:
        shutil.copy(packages.package(name), root / "debs" / "1")
        packages.next_version(packages.package(name), root / "debs" / "2")
    shutil.copy(pathlib.Path(__file__).parent / "lifecycle.sh", root / "lifecycle.sh")
    done = in_chroot(root, "/lifecycle.sh")
    try:
        assert done.returncode == 0 and done.stdout.endswith("lifecycle: ok\n"), done.stdout[-6000:] + done.stderr[-3000:]
    finally:
        shutil.rmtree(root, ignore_errors=True)
