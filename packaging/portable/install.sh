#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the agent of this folder: programs, unit, user, a first configuration. Nothing is started.
# An upgrade is the same command; /etc/seyir/agent.yaml is written once and then left alone.
set -eu

usage() {
    echo "usage: ./install.sh [--prefix DIR] [--root DIR] [--remove]"
    echo "  --prefix DIR  programs go into DIR/bin (default /usr/local)"
    echo "  --root DIR    install under DIR, as for an image: no users are made, systemd is not told"
    echo "  --remove      remove programs and unit; configuration and state stay"
}
die() {
    echo "install.sh: $*" >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local root= remove=no
while [ $# -gt 0 ]; do
    case "$1" in
    --prefix | --root)
        [ $# -ge 2 ] || die "$1 needs a directory"
        case "$2" in /*) ;; *) die "$1 needs an absolute path, not '$2'" ;; esac
        if [ "$1" = --prefix ]; then prefix=${2%/}; else root=${2%/}; fi
        shift
        ;;
    --remove) remove=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done
[ "$(id -u)" -eq 0 ] || [ -n "$root" ] || die "needs root (or --root DIR)"

units=/etc/systemd/system
has_systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

if [ "$remove" = yes ]; then
    if has_systemd; then systemctl disable --now seyir-agent.service || true; fi
    rm -f "$root$prefix/bin/seyir-agent" "$root$prefix/bin/seyir" "$root$units/seyir-agent.service" \
        "$root/etc/sysusers.d/seyir-agent.conf" "$root/etc/tmpfiles.d/seyir-agent.conf"
    if has_systemd; then systemctl daemon-reload; fi
    echo "removed; /etc/seyir and /var/lib/seyir-agent are still there"
    exit 0
fi

[ -n "$root" ] || "$here/bin/seyir-agent" --version >/dev/null ||
    die "the programs do not run here: they need x86-64 and glibc 2.31 or newer"

# A file in use is replaced, never written over.
put() { # MODE SOURCE TARGET
    mkdir -p "$root$(dirname "$3")"
    cp "$2" "$root$3.new"
    chmod "$1" "$root$3.new"
    mv -f "$root$3.new" "$root$3"
}
put 755 "$here/bin/seyir-agent" "$prefix/bin/seyir-agent"
put 755 "$here/bin/seyir" "$prefix/bin/seyir"
put 644 "$here/lib/sysusers.d/seyir-agent.conf" /etc/sysusers.d/seyir-agent.conf
put 644 "$here/lib/tmpfiles.d/seyir-agent.conf" /etc/tmpfiles.d/seyir-agent.conf
put 644 "$here/lib/systemd/seyir-agent.service" "$units/seyir-agent.service"
sed -i "s:/usr/local/bin/:$prefix/bin/:" "$root$units/seyir-agent.service"
mkdir -p "$root/etc/seyir/agent.d"
if [ -e "$root/etc/seyir/agent.yaml" ]; then
    echo "kept /etc/seyir/agent.yaml"
else
    put 644 "$here/etc/agent.yaml" /etc/seyir/agent.yaml
fi

if [ -z "$root" ]; then
    # adm and systemd-journal own logs on some distributions; the unit names them, so they must exist.
    for group in adm systemd-journal seyir-agent; do
        getent group "$group" >/dev/null || groupadd --system "$group"
    done
    id seyir-agent >/dev/null 2>&1 ||
        useradd --system --gid seyir-agent --home-dir /var/lib/seyir-agent --no-create-home --shell "$(command -v nologin || echo /bin/false)" seyir-agent
    usermod -a -G adm,systemd-journal seyir-agent
    mkdir -p /var/lib/seyir-agent
    chown seyir-agent:seyir-agent /var/lib/seyir-agent
    chmod 700 /var/lib/seyir-agent
fi
if has_systemd; then
    systemctl daemon-reload
    systemctl try-restart seyir-agent.service
fi
echo "installed; next: seyir agent join, then systemctl enable --now seyir-agent (see README)"
