#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs inside the chroot: install -> join -> ship -> upgrade -> purge. /debs/1 and /debs/2 hold two
# versions of the packages. Ends with "lifecycle: ok".
set -eu

say() { echo "== $*"; }
fail() {
    echo "FAILED: $*"
    tail -n 30 /tmp/*.out 2>/dev/null || true
    exit 1
}
expect() { # WHAT WANTED GOT
    [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}
until_true() { # WHAT COMMAND...
    what=$1
    shift
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    fail "not within a minute: $what"
}
# What systemd would do: the unit's command line, as the unit's user with its groups.
run_unit() {
    command=$(sed -n 's/^ExecStart=//p' "/lib/systemd/system/$1.service")
    user=$(sed -n 's/^User=//p' "/lib/systemd/system/$1.service")
    setpriv --reuid "$user" --regid "$user" --init-groups --bounding-set=-all --no-new-privs sh -c "umask 077; exec $command" \
        >>"/tmp/$1.out" 2>&1 &
}
end_unit() {
    pid=$(pidof "$1")
    kill "$pid"
    until_true "$1 ends" sh -c "! kill -0 $pid"
}
rows() { seyir query "$1" --server unix:/var/lib/seyir-collector/admin.sock --since 1h --limit 100000 --output raw --no-progress; }
has_row() { rows '{input="system"}' | grep -qx "$1"; }

# debootstrap writes no hosts file; ::1 comes first, where nobody listens.
printf '::1 localhost\n127.0.0.1 localhost\n' >/etc/hosts

say install
dpkg -i /debs/1/*.deb >/tmp/dpkg.out 2>&1 || fail "dpkg -i"
id -nG seyir-agent | tr ' ' '\n' | grep -qx adm || fail "seyir-agent is not in adm"
expect "mode of the state" "700 seyir-agent" "$(stat -c '%a %U' /var/lib/seyir-agent)"
expect "mode of the store" "700 seyir-collector" "$(stat -c '%a %U' /var/lib/seyir-collector)"
seyir validate /etc/seyir/collector.yaml
status=0
seyir-agent --config /etc/seyir/agent.yaml --check 2>/dev/null || status=$?
expect "an agent that has not joined" 78 "$status"
test -s /usr/share/man/man8/seyir-agent.8.gz || say "man pages are excluded by this system's dpkg"

say collector
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout /etc/seyir/tls.key -out /etc/seyir/tls.crt 2>/dev/null
chown seyir-collector /etc/seyir/tls.key
cat >/etc/seyir/collector.yaml <<'END'
version: 1
conf_d: collector.d
listen: { http: 127.0.0.1:7400 }
tls: { cert: /etc/seyir/tls.crt, key: /etc/seyir/tls.key }
inputs:
  agents: { type: agents, listen: 127.0.0.1:7410, join: true }
outputs:
  store: { type: store }
END
run_unit seyir-collector
until_true "the collector answers" seyir status --server unix:/var/lib/seyir-collector/admin.sock

say join
admin=unix:/var/lib/seyir-collector/admin.sock
seyir token create --one-time --name web1 --server $admin >/tmp/token.out
token=$(sed -n 's/.*SEYIR_TOKEN=\([0-9a-f]*\) .*/\1/p' /tmp/token.out)
pin=$(sed -n 's/.*--ca-pin \(sha256:[0-9a-f]*\).*/\1/p' /tmp/token.out)
wrong=sha256:0000000000000000000000000000000000000000000000000000000000000000
if SEYIR_TOKEN=$token seyir agent join https://localhost:7400 --ca-pin $wrong 2>/tmp/wrong.out; then fail "a wrong pin"; fi
SEYIR_TOKEN=$token seyir agent join https://localhost:7400 --ca-pin "$pin"
expect "the token" "600 seyir-agent" "$(stat -c '%a %U' /var/lib/seyir-agent/agent.token)"
if SEYIR_TOKEN=$token seyir agent join https://localhost:7400 --ca-pin "$pin" --force 2>/tmp/again.out; then
    fail "a one-time token worked twice"
fi
grep -q "not known" /tmp/again.out || fail "no reason given: $(cat /tmp/again.out)"
if grep -rq "$token" /var/lib/seyir-collector /tmp/seyir-collector.out; then fail "the token is kept in plain text"; fi
grep -q "audit: agent joined agent=web1" /tmp/seyir-collector.out || fail "no audit line"

say ship
seyir validate /etc/seyir/agent.yaml
run_unit seyir-agent
echo "first line" >>/var/log/try.log
until_true "the first line is stored" has_row "first line"

say upgrade
echo "# the operator's own line" >>/etc/seyir/agent.yaml
dpkg -i /debs/2/*.deb >>/tmp/dpkg.out 2>&1 || fail "dpkg -i of the next version"
grep -q "operator's own line" /etc/seyir/agent.yaml || fail "the upgrade changed a configuration"
expect "version" "2" "$(dpkg-query -W -f '${Version}' seyir-agent | sed 's/.*+//')"
end_unit seyir-agent
end_unit seyir-collector
run_unit seyir-collector
run_unit seyir-agent
echo "second line" >>/var/log/try.log
until_true "a line after the upgrade is stored" has_row "second line"
expect "the first line is stored once" 1 "$(rows '{input="system"}' | grep -cx 'first line')"

say "revoke"
seyir token revoke web1 --server $admin
end_unit seyir-agent
run_unit seyir-agent
until_true "a revoked agent is refused" grep -q "wrong token" /tmp/seyir-agent.out
end_unit seyir-agent
end_unit seyir-collector

say purge
dpkg --purge seyir-agent seyir-collector seyir-ctl seyir-plugin-dev >>/tmp/dpkg.out 2>&1 || fail "dpkg --purge"
for path in /var/lib/seyir-agent /var/lib/seyir-collector /etc/seyir/agent.yaml /etc/seyir/agent.d /usr/bin/seyir \
    /lib/systemd/system/seyir-agent.service /usr/lib/seyir; do
    if [ -e "$path" ]; then fail "$path is left"; fi
done
ls /etc/seyir 2>/dev/null || true
echo "lifecycle: ok"
