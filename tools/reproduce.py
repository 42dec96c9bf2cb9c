#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev reproduce: does one commit give the same packages, whoever builds it, where and when?

Clones HEAD into two directories with names of different length, builds packages and tarball in each
(the second in another time zone, locale and umask), and compares every file. Where two
differ, their members are named. Exit status 1: something differs.

The compiler's cache serves the second build what the first has compiled, so as called by default this
shows that linking, generated files and packing are the same; --no-cache compiles everything twice.
"""
import argparse
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


def build(folder, quick, environment, umask):
    started = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True)
    for command in ("deb", "tarball"):
        subprocess.run(["./dev", command, *quick], cwd=folder, env=os.environ | environment, umask=umask, check=True, stdout=subprocess.DEVNULL)
    out = folder / "build-packages" / ("quick" if quick else "")
    print(f"built in {folder} ({time.monotonic() - started:.0f} s)", flush=True)
    return {path.name: path for kind in ("*.deb", "*.tar.gz") for path in out.glob(kind)}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def archive_members(data, prefix):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            content = tar.extractfile(entry).read() if entry.isfile() else entry.linkname.encode()
            yield prefix + entry.name, (sha256(content), entry.mode, entry.mtime, entry.uname)


def members(path):
    """What is inside a package or tarball: name -> what identifies it."""
    if path.suffix != ".deb":
        return dict(archive_members(path.read_bytes(), ""))
    found = {}
    for name in subprocess.run(["ar", "t", str(path)], check=True, capture_output=True, text=True).stdout.split():
        data = subprocess.run(["ar", "p", str(path), name], check=True, capture_output=True).stdout
        found[name] = sha256(data)
    for option, prefix in (("--ctrl-tarfile", "control: "), ("--fsys-tarfile", "")):
        data = subprocess.run(["dpkg-deb", option, str(path)], check=True, capture_output=True).stdout
        found |= dict(archive_members(data, prefix))
    return found


def compare(first, second):
    """How many files differ; says which, and where."""
    differing = 0
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            print(f"ONLY ONCE {name}")
            differing += 1
            continue
        digests = [sha256(files[name].read_bytes()) for files in (first, second)]
        if digests[0] == digests[1]:
            print(f"same      {name}  {digests[0]}")
            continue
        differing += 1
        print(f"DIFFERS   {name}")
        ours, theirs = members(first[name]), members(second[name])
        for member in sorted(ours.keys() | theirs.keys()):
            if ours.get(member) != theirs.get(member):
                print(f"            {member}: {ours.get(member)} and {theirs.get(member)}")
    return differing


def main():
    parser = argparse.ArgumentParser(prog="./dev reproduce", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="packages that are not optimised")
    parser.add_argument("--no-cache", action="store_true", help="compile everything twice")
    arguments = parser.parse_args()
    quick = ["--quick"] if arguments.quick else []
    uncached = {"CCACHE_RECACHE": "1"} if arguments.no_cache else {}
    with tempfile.TemporaryDirectory(prefix="seyir-reproduce-") as folder:
        first = build(pathlib.Path(folder, "a"), quick, uncached, 0o022)
        second = build(pathlib.Path(folder, "somewhere-else-altogether"), quick, uncached | {"TZ": "Pacific/Apia", "LC_TIME": "C.UTF-8"}, 0o027)
        differing = compare(first, second)
    if not first:
        sys.exit("nothing was built")
    print(f"{len(first) - differing} of {len(first)} files are the same")
    sys.exit(differing != 0)


if __name__ == "__main__":
    main()
