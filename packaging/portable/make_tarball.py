#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_tarball.py BUILD-DIR OUT-DIR [--quick]: the agent and `seyir` for Linux hosts that are not Debian 12.

Everything but the C library is linked into the programs; of the C library they ask for what glibc 2.31
has (make_libc_stub.py). It stays shared, because plugins, the journal's library and libcurl are loaded
at run time, and because name lookups follow the host's configuration. `./dev tarball` runs this.

The same commit gives the same bytes: names sorted, owner root, all times that of the commit.
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GLIBC = "2.31"
SHARED = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2"}
PROGRAMS = {"seyir-agent": "agent/app/seyir-agent", "seyir": "ctl/seyir"}
# Debian packages whose code is inside the programs, for their licences.
INSIDE = ("libfmt-dev", "liblz4-dev", "libzstd-dev", "libxxhash-dev", "libssl-dev", "libyaml-dev", "libre2-dev", "libsimdjson-dev", "libpcre2-dev",
          "libluajit-5.1-dev", "libsnappy-dev", "zlib1g-dev", "librocksdb-dev", "libboost1.81-dev", "rapidjson-dev", "gcc-12-base")


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, **more)


def output_of(*command, **more):
    return run(*command, capture_output=True, text=True, **more).stdout


def commit_time():
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    return int(output_of("git", "-C", ROOT, "log", "-1", "--format=%ct"))


def simdjson_source(folder):
    """Debian has simdjson as a shared object only: its source package, checked by apt's signatures."""
    version = output_of("pkg-config", "--modversion", "simdjson").strip()
    found = folder / f"simdjson-{version}"
    if not found.is_dir():
        lists, parts = folder / "apt" / "lists", folder / "apt" / "sources"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        parts.mkdir(exist_ok=True)
        for path in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"):
            (parts / path.name).write_text(re.sub(r"^Types:.*$", "Types: deb-src", path.read_text(), flags=re.M))
        main = pathlib.Path("/etc/apt/sources.list")
        if main.is_file():
            (parts / "main.list").write_text(re.sub(r"^deb\b", "deb-src", main.read_text(), flags=re.M))
        apt = ("apt-get", "-qq", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}",
               "-o", f"Dir::State::lists={lists}", "-o", "APT::Sandbox::User=root")
        run(*apt, "update")
        run(*apt, "source", "--only-source", "simdjson", cwd=folder, stdout=subprocess.DEVNULL)
    return found


def write_library(folder, name, sources, flags):
    """lib<name>.a, with a .pc file that stands in for the shared one's."""
    objects = []
    for source in sources:
        objects.append(folder / (source.stem + ".o"))
        run("ccache", "clang++-19", "-std=c++20", *flags, "-w", f"-I{source.parent}", "-c", source, "-o", objects[-1])
    archive = folder / f"lib{name}.a"
    archive.unlink(missing_ok=True)
    run("llvm-ar-19", "rcsD", archive, *objects)
    version = output_of("pkg-config", "--modversion", name).strip()
    (folder / f"{name}.pc").write_text(f"Name: {name}\nDescription: {name}\nVersion: {version}\nLibs: -L{folder} -l{name}\n")


def build_flags(is_quick):
    """Those of debian/rules, so that ccache has what the packages were made of; --quick: of `./dev build`."""
    if is_quick:
        return {"CFLAGS": "", "CXXFLAGS": "", "CPPFLAGS": "", "LDFLAGS": "-Wl,--gc-sections"}
    maintainer = {"DEB_BUILD_MAINT_OPTIONS": "hardening=+all"}
    for line in (ROOT / "debian" / "rules").read_text().splitlines():
        found = re.match(r"export (DEB_\w+_MAINT_\w+) = (.*)", line)
        if found:
            maintainer[found.group(1)] = found.group(2)
    environment = dict(os.environ) | maintainer
    flags = output_of("dpkg-buildflags", "--export=cmdline", env=environment, cwd=ROOT)
    return dict(re.findall(r'(C(?:XX|PP)?FLAGS|LDFLAGS)="([^"]*)"', flags))


def build(directory, folder, is_quick):
    flags = build_flags(is_quick)
    compiled = (flags["CXXFLAGS"] + " " + flags["CPPFLAGS"]).split() + ["-fPIC"]
    write_library(folder, "fmt", [HERE / "fmt_library.cpp"], compiled)
    write_library(folder, "simdjson", [simdjson_source(folder) / "singleheader" / "simdjson.cpp"], compiled)
    shim = folder / "old_glibc.o"
    run("clang-19", "-O2", "-fPIC", "-c", HERE / "old_glibc.c", "-o", shim)
    run(sys.executable, HERE / "make_libc_stub.py", GLIBC, folder / "libc", shim)
    link = [flags["LDFLAGS"], f"-L{folder / 'libc'}", "-static-libstdc++", "-static-libgcc", "-Wl,--wrap=__libc_start_main",
            "-Wl,--exclude-libs,ALL", str(shim), "-Wl,--no-as-needed", "-lpthread", "-ldl", "-Wl,--as-needed", "-l:libbz2.a"]  # RocksDB's
    environment = dict(os.environ) | flags | {"LDFLAGS": " ".join(link), "PKG_CONFIG_PATH": str(folder)}
    if not (directory / "build.ninja").is_file():
        run("meson", "setup", "--native-file", ROOT / "tools" / "clang19.ini", directory, ROOT, "--buildtype=debugoptimized" if is_quick else "--buildtype=plain", "--prefix=/usr/local",
            "--sysconfdir=/etc", "-Dtests=false", "-Dprefer_static=true", env=environment, stdout=subprocess.DEVNULL)
    run("ninja", "-C", directory, "--quiet", *PROGRAMS.values(), stdout=sys.stderr)


def check(program):
    """What it asks of the host."""
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-dW", program)))
    if not needed <= SHARED:
        sys.exit(f"{program} needs {', '.join(sorted(needed - SHARED))}")
    versions = re.findall(r"GLIBC_([\d.]+)", output_of("readelf", "-VW", program))
    newest = max(versions, key=lambda v: [int(part) for part in v.split(".")])
    if [int(p) for p in newest.split(".")] > [int(p) for p in GLIBC.split(".")]:
        sys.exit(f"{program} needs glibc {newest}")


def assemble(directory, tree):
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "etc", "lib/systemd", "lib/sysusers.d", "lib/tmpfiles.d", "licenses", "examples"):
        (tree / folder).mkdir(parents=True)
    for name, built in PROGRAMS.items():
        check(directory / built)
        run("llvm-strip-19", "-o", tree / "bin" / name, directory / built)
    packaging = ROOT / "packaging"
    shutil.copy(packaging / "etc" / "agent.yaml", tree / "etc")
    shutil.copy(ROOT / "configs" / "agent.yaml", tree / "examples")
    shutil.copy(packaging / "systemd" / "10-read-all.conf.example", tree / "examples")
    shutil.copy(directory / "packaging" / "seyir-agent.service", tree / "lib" / "systemd")
    for kind in ("sysusers.d", "tmpfiles.d"):
        shutil.copy(packaging / kind / "seyir-agent.conf", tree / "lib" / kind)
    shutil.copy(HERE / "install.sh", tree)
    shutil.copy(HERE / "README.txt", tree / "README")
    shutil.copy(ROOT / "LICENSE", tree)
    for package in INSIDE:
        shutil.copy(f"/usr/share/doc/{package}/copyright", tree / "licenses" / package)


def pack(tree, archive, when):
    def plain(entry):
        executable = entry.isdir() or entry.name.endswith(".sh") or "/bin/" in entry.name
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime, entry.mode = when, 0o755 if executable else 0o644
        return entry

    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, when) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in [tree, *sorted(tree.rglob("*"))]:
            tar.add(path, str(path.relative_to(tree.parent)), recursive=False, filter=plain)


def main():
    directory, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    folder = out / "portable"
    folder.mkdir(parents=True, exist_ok=True)
    build(directory, folder, "--quick" in sys.argv)
    name = f"seyir-agent-{(ROOT / 'VERSION').read_text().strip()}-x86_64-glibc{GLIBC}"
    assemble(directory, folder / name)
    pack(folder / name, out / f"{name}.tar.gz", commit_time())
    print(f"{out / name}.tar.gz")


if __name__ == "__main__":
    main()
