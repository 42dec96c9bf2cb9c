# SPDX-License-Identifier: Apache-2.0
"""Pinned clients of other programs, installed once into a cache outside the repository."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

CLIENTS = pathlib.Path(__file__).resolve().parent / "clients"
INSTALL_S = 300


def cache_folder():
    return pathlib.Path(os.environ.get("SEYIR_TEST_CACHE", pathlib.Path.home() / ".cache" / "seyir-test"))


def installed(kind, pins, install):
    """The folder that `install(folder)` filled for this content of `pins`; skips when it cannot."""
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"{kind}-{digest}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    attempt = pathlib.Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=folder.parent))
    try:
        install(attempt)
        attempt.rename(folder)  # whole or not at all
    except OSError:
        if not folder.is_dir():  # another test run was faster
            raise
    except subprocess.SubprocessError as error:
        output = getattr(error, "stderr", None) or b""
        pytest.skip(f"cannot install the pinned {kind} packages: {error} {output.decode(errors='replace')[-300:]}")
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    return folder


def run(command, **more):
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=INSTALL_S,
                   stdin=subprocess.DEVNULL, **more)


def python_packages():
    """What goes into PYTHONPATH for the packages of clients/requirements.txt."""
    pins = CLIENTS / "requirements.txt"
    return installed("python", pins, lambda folder: run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--retries", "1", "--target", folder, "-r", pins]))


def node_modules():
    """What goes into NODE_PATH for the packages of clients/package.json."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    pins = CLIENTS / "package.json"

    def install(folder):
        shutil.copy(pins, folder)
        run(["npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund",
             "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"], cwd=folder)
    return installed("node", pins, install) / "node_modules"


def python_client(script, *arguments):
    """Command and environment of a script of clients/."""
    environment = {**os.environ, "PYTHONPATH": str(python_packages())}
    return [sys.executable, str(CLIENTS / script), *map(str, arguments)], environment


def node_client(script, *arguments):
    environment = {**os.environ, "NODE_PATH": str(node_modules())}
    return ["node", str(CLIENTS / script), *map(str, arguments)], environment
