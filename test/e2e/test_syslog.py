# SPDX-License-Identifier: Apache-2.0
"""The real rsyslog sends by UDP and TCP, in both framings; the collector stores every byte."""
import json
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

import harness

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin:/bin")


@pytest.fixture
def net(site):
    site.syslog_port, = harness.free_ports(1)
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  net: {{ type: syslog, udp: ['127.0.0.1:{site.syslog_port}'], tcp: ['127.0.0.1:{site.syslog_port}'],
          unix_path: {site.folder}/log.sock }}
outputs:
  store: {{ type: store }}
""")
    site.collector.start()
    return site


def rsyslog(site, action, lines):
    """Runs rsyslogd on a file of lines until it has sent them all."""
    source = site.folder / "source.log"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    config = site.folder / "rsyslog.conf"
    work = site.folder / "work"
    work.mkdir(exist_ok=True)
    config.write_text(f"""\
global(workDirectory="{work}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" file="{source}" tag="app:" ruleset="out" severity="warning" facility="local3")
ruleset(name="out") {{ action(type="omfwd" target="127.0.0.1" port="{site.syslog_port}" {action}) }}
""")
    log = open(site.folder / "rsyslog.log", "wb")
    process = subprocess.Popen([RSYSLOGD, "-n", "-f", str(config), "-i", str(site.folder / "rsyslog.pid")],
                               stdout=log, stderr=log)
    try:
        return site.wait_rows(len(lines), query='{input="net"}')
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def naughty_lines():
    """Lines as hostile as they come, without what rsyslog itself changes (empty lines, NUL)."""
    lines = ["plain".encode(), "ünïcödé çğış €".encode(), b"<34>looks like syslog", b"12 looks counted",
             b"tab\tand \"quotes\" [x@1 a=\"b\"]", b"x" * 4000]
    corpus = harness.shared_folder()
    path = pathlib.Path(corpus) / "corpora/blns/blns.json" if corpus else None
    if path and path.exists():
        for text in json.loads(path.read_text()):
            line = text.encode("utf-8", "surrogatepass")
            if line.strip() and b"\n" not in line and b"\r" not in line and b"\0" not in line:
                lines.append(line)
    return lines


@pytest.mark.skipif(RSYSLOGD is None, reason="rsyslog is not installed")
@pytest.mark.parametrize("action", [
    'protocol="udp" template="RSYSLOG_SyslogProtocol23Format"',
    'protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"',
    'protocol="tcp" TCP_Framing="traditional" template="RSYSLOG_SyslogProtocol23Format"',
])
def test_rsyslog_lines_come_back_byte_for_byte(net, action):
    lines = naughty_lines()
    rows = rsyslog(net, action, lines)
    # A BOM before MSG says that it is UTF-8 (RFC 5424, 6.4); it is no part of the text.
    assert sorted(row.line for row in rows) == sorted(line.removeprefix(b"\xef\xbb\xbf") for line in lines)
    found = net.query_all('{input="net"} | appname="app" | facility="local3" | severity="warning"')
    assert len(found) == len(lines)


@pytest.mark.skipif(RSYSLOGD is None, reason="rsyslog is not installed")
def test_rsyslog_in_the_old_format_is_understood(net):
    rows = rsyslog(net, 'protocol="tcp" template="RSYSLOG_TraditionalForwardFormat"', [b"one", b"two"])
    assert sorted(row.line for row in rows) == [b"one", b"two"]
    assert abs(rows[0].ts / 1e9 - time.time()) < 86400


def test_datagrams_to_a_unix_socket_are_taken_as_dev_log_takes_them(net):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(str(net.folder / "log.sock"))
        client.send(b"<13>Nov 20 10:00:00 app[7]: hello\n\0")
    rows = net.wait_rows(1, query='{input="net"}')
    assert [row.line for row in rows] == [b"hello"]


def test_hostile_peers_cost_their_connection_and_nobody_else(net):
    address = ("127.0.0.1", net.syslog_port)
    endless = socket.create_connection(address)
    half = socket.create_connection(address)
    half.sendall(b"999999999 <13>1 - h a - - - never whole")
    try:
        for _ in range(100):
            endless.sendall(b"x" * 65536)
        with socket.create_connection(address) as good:
            good.sendall(b"<13>1 - h a - - - served\n")
        rows = net.wait_rows(1, query='{input="net"} |= "served"')
        assert [row.line for row in rows] == [b"served"]
    finally:
        endless.close()
        half.close()
    rss = net.collector.rss_bytes()
    assert rss < (1200 if harness.SANITIZED else 600) << 20, rss


def test_ten_thousand_datagrams_are_stored_or_counted(net):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for i in range(10_000):
            client.sendto(b"<13>1 - h a - - - datagram %d" % i, ("127.0.0.1", net.syslog_port))
            if i % 100 == 0:
                time.sleep(0.002)  # the kernel drops what a socket cannot hold; nobody can count that
    harness.wait_until(lambda: net.metrics().get('seyir_syslog_messages_total{input="net"}', 0) >= (500 if harness.SANITIZED else 5000),
                       "the datagrams have arrived")
    messages = int(net.metrics()['seyir_syslog_messages_total{input="net"}'])
    dropped = int(net.metrics()['seyir_syslog_dropped_datagrams_total{input="net"}'])
    assert len(net.wait_rows(messages - dropped, query='{input="net"}')) >= messages - dropped
