#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_libc_stub.py VERSION FOLDER SHIM: the C library to link portable programs against.

A program linked on Debian 12 asks for the newest version of each symbol of glibc 2.36, and does not
start where glibc is older. glibc keeps the older versions for programs of the past. This writes shared
objects without code (libc, libm, libpthread, libdl) that offer of each symbol the newest version not
above VERSION, as the libraries of this machine state it in their dynamic symbol tables (ELF gABI,
symbol versioning as in the Linux Standard Base). Only the linker sees them. Symbols that came later are
missing here, so that a program using one fails to link instead of failing to start; SHIM, an object
file, holds those that portable/old_glibc.c can express by older ones.
"""
import collections
import pathlib
import re
import subprocess
import sys

SYSTEM = pathlib.Path("/lib/x86_64-linux-gnu")
SYMBOL = re.compile(r"^\s*\d+: ([0-9a-f]+) +(\w+) (FUNC|IFUNC|OBJECT|NOTYPE) +(GLOBAL|WEAK) +DEFAULT +(\w+) ([^@ ]+)@+GLIBC_([\d.]+)$", re.M)
# Names by which a program asks for a library; up to glibc 2.33 threads and dlopen were not in libc.
LIBRARIES = {"libc.so": "libc.so.6", "libm.so": "libm.so.6", "libpthread.so": "libpthread.so.0", "libdl.so": "libdl.so.2"}


def number(version):
    return tuple(int(part) for part in version.split("."))


def symbols(library, limit):
    """name -> (version, kind, size, address) of the newest version that is not above the limit."""
    table = subprocess.run(["readelf", "--dyn-syms", "--wide", str(library)], check=True, capture_output=True, text=True).stdout
    newest = {}
    for address, size, kind, _, section, name, version in SYMBOL.findall(table):
        if section in ("UND", "ABS") or number(version) > limit:
            continue
        if name not in newest or number(version) > number(newest[name][0]):
            newest[name] = (version, kind, int(size, 0), address)
    return newest


def defined_in(shim):
    table = subprocess.run(["readelf", "--syms", "--wide", shim], check=True, capture_output=True, text=True).stdout
    return {line.split()[7] for line in table.splitlines() if " GLOBAL " in line and " UND " not in line}


def write_stub(folder, name, soname, found):
    by_version, objects, code = collections.defaultdict(list), collections.defaultdict(list), []
    for symbol, (version, kind, size, address) in sorted(found.items()):
        by_version[version].append(symbol)
        if kind == "OBJECT":
            objects[address, size].append(symbol)
        else:
            code += [f".globl {symbol}", f".type {symbol},@function", f"{symbol}: .byte 0", f".size {symbol},1"]
    # The linker may copy an object into the program, with all its names (environ, __environ): size and
    # place matter.
    code.append(".data")
    for (_, size), names in objects.items():
        code += [f".globl {symbol}\n.type {symbol},@object\n.size {symbol},{size}\n{symbol}:" for symbol in names]
        code.append(f".skip {max(size, 1)}")
    code.append('.section .note.GNU-stack,"",@progbits')
    (folder / f"{soname}.s").write_text("\n".join(code) + "\n")
    nodes, before = [], ""
    for version in sorted(by_version, key=number):
        nodes.append(f"GLIBC_{version} {{ global: {'; '.join(by_version[version])}; }}{before};")
        before = f" GLIBC_{version}"
    if nodes:
        nodes[0] = nodes[0].replace("; }", "; local: *; }", 1)
    (folder / f"{soname}.map").write_text("\n".join(nodes) + "\n")
    versions = [f"-Wl,--version-script={folder / soname}.map"] if nodes else []
    subprocess.run(["clang-19", "-shared", "-nostdlib", "-fuse-ld=lld-19", f"-Wl,-soname,{soname}", *versions,
                    str(folder / f"{soname}.s"), "-o", str(folder / name)], check=True)


def main():
    limit, folder, shim = number(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    own = defined_in(shim)
    loader = symbols(SYSTEM / "ld-linux-x86-64.so.2", limit)
    for name, soname in LIBRARIES.items():
        found = symbols(SYSTEM / soname, limit)
        if name == "libc.so":
            found |= {symbol: found.get(symbol, loader[symbol]) for symbol in loader if symbol == "__tls_get_addr"}
        write_stub(folder, name, soname, {symbol: what for symbol, what in found.items() if symbol not in own})


if __name__ == "__main__":
    main()
