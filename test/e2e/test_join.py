# SPDX-License-Identifier: Apache-2.0
"""An agent joins with a one-time token: over TLS, pinned, once, and for good."""
import os
import re
import stat

import pytest

import harness
from test_security import Certificates


def joining_site(site, certificates, extra=""):
    """A collector whose agents must have joined."""
    tls = f"{{ cert: '{certificates.cert}', key: '{certificates.key}' }}"
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
tls: {tls}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{site.agents_port}, join: true{extra} }}
outputs:
  store: {{ type: store }}
""")
    site.tls = site.collector.tls = harness.server_tls_context(certificates.ca)
    site.collector.start()
    return site


def admin(site, *arguments):
    done = site.seyir("--server", f"unix:{site.folder}/data/admin.sock", *arguments, server=False)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def one_time_token(site, *options):
    """(token, pin) as `token create` prints them."""
    status, text = admin(site, "token", "create", "--one-time", *options)
    assert status == 0, text
    match = re.search(r"SEYIR_TOKEN=([0-9a-f]{64}) seyir agent join https://HOST:PORT --ca-pin (sha256:[0-9a-f]{64})", text)
    assert match, text
    return match.groups()


def join(site, token, pin, name="joined", *options):
    """Runs the join into directories of the site; (status, text)."""
    state, config = site.folder / name, site.folder / f"{name}.d"
    state.mkdir(exist_ok=True)
    config.mkdir(exist_ok=True)
    done = site.seyir("agent", "join", f"https://localhost:{site.http_port}", "--ca-pin", pin, "--state-dir", state,
                      "--config-dir", config, *options, server=False, environment={"SEYIR_TOKEN": token})
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def joined_agent(site, name="joined"):
    """An agent that reads what the join wrote."""
    http_port, = harness.free_ports(1)
    return site.add_agent(name, http_port=http_port, text=f"""\
version: 1
conf_d: {name}.d
state_dir: {site.folder}/{name}
listen: {{ http: 127.0.0.1:{http_port} }}
inputs:
  app: {{ type: tail, include: ['{site.logs}/*.log'] }}
""")


@pytest.fixture
def pinned(site):
    """The collector shows only its own certificate: the pin is the leaf's."""
    return joining_site(site, Certificates(site.folder))


def test_an_agent_joins_once_and_ships(pinned):
    token, pin = one_time_token(pinned, "--name", "web1")
    status, text = join(pinned, token, pin)
    assert status == 0 and "joined as web1" in text, text
    private = pinned.folder / "joined" / "agent.token"
    assert stat.S_IMODE(os.stat(private).st_mode) == 0o600
    assert private.read_text().strip() != token
    (pinned.logs / "a.log").write_bytes(b"one\ntwo\n")
    agent = joined_agent(pinned).start()
    pinned.wait_rows(2)

    status, text = join(pinned, token, pin, "second")
    assert status == 1 and "it was used, has expired or was never made" in text, text
    assert not (pinned.folder / "second" / "agent.token").exists()

    # The tokens survive the collector; the secrets are nowhere but with the agent.
    pinned.collector.restart()
    agent.restart()
    (pinned.logs / "b.log").write_bytes(b"three\n")
    pinned.wait_rows(3)
    assert join(pinned, token, pin, "third")[0] == 1
    kept = (pinned.folder / "data" / "agent_tokens.json").read_text() + pinned.collector.log_text()
    assert token not in kept and private.read_text().strip() not in kept
    assert pinned.collector.logged("audit: one-time token made", "agent=web1")
    assert pinned.collector.logged("audit: agent joined", "agent=web1")


def test_without_a_token_nobody_ships(pinned):
    harness_agent = pinned.add_agent("stranger", text=f"""\
version: 1
state_dir: {pinned.folder}/stranger
listen: {{ http: off }}
inputs:
  app: {{ type: tail, include: ['{pinned.logs}/*.log'] }}
outputs:
  central:
    type: collector
    endpoints: ['127.0.0.1:{pinned.agents_port}']
    token: {"0" * 64}
    tls: {{ ca: '{pinned.folder}/authority-ca.pem' }}
""")
    (pinned.logs / "a.log").write_bytes(b"one\n")
    harness_agent.start(wait=False)
    harness.wait_until(lambda: harness_agent.logged("wrong token"), "the agent is told that its token is wrong")
    assert pinned.count() == 0


def test_a_wrong_pin_sends_no_token(pinned):
    token, pin = one_time_token(pinned)
    status, text = join(pinned, token, "sha256:" + "0" * 64)
    assert status == 1 and "shows no certificate with the pin" in text, text
    assert join(pinned, token, pin)[0] == 0  # the token was not used up


def test_a_join_that_cannot_be_written_uses_nothing_up(pinned):
    token, pin = one_time_token(pinned)
    done = pinned.seyir("agent", "join", f"https://127.0.0.1:{pinned.http_port}", "--ca-pin", pin, "--state-dir",
                        pinned.folder / "missing", "--config-dir", pinned.folder, server=False, environment={"SEYIR_TOKEN": token})
    assert done.returncode == 1 and b"cannot write to" in done.stderr, done.stderr
    assert join(pinned, token, pin)[0] == 0
    status, text = join(pinned, one_time_token(pinned)[0], pin)
    assert status == 1 and "--force replaces it" in text, text


def test_tokens_never_cross_a_network_in_plain_text(pinned):
    done = pinned.seyir("agent", "join", "http://192.0.2.1:7400", "--state-dir", pinned.folder, "--config-dir", pinned.folder,
                        server=False, environment={"SEYIR_TOKEN": "0" * 64})
    assert done.returncode == 1 and b"give https://" in done.stderr, done.stderr


def test_a_revoked_agent_is_refused_at_its_next_connection(pinned):
    token, pin = one_time_token(pinned, "--name", "web1")
    assert join(pinned, token, pin)[0] == 0
    agent = joined_agent(pinned).start()
    (pinned.logs / "a.log").write_bytes(b"one\n")
    pinned.wait_rows(1)
    status, text = admin(pinned, "token", "ls")
    assert status == 0 and re.search(r"^web1 +agent +20", text, re.M), text
    assert admin(pinned, "token", "revoke", "web1")[0] == 0
    agent.restart()
    harness.wait_until(lambda: agent.logged("wrong token"), "the agent is told that its token is wrong")
    assert admin(pinned, "token", "revoke", "web1")[0] == 1


def test_an_authority_in_the_chain_is_pinned_so_that_the_leaf_may_be_renewed(site):
    certificates = Certificates(site.folder)
    certificates.cert.write_bytes(certificates.cert.read_bytes() + certificates.ca.read_bytes())
    joining_site(site, certificates)
    token, pin = one_time_token(site)
    assert join(site, token, pin)[0] == 0
    assert (site.folder / "joined" / "collector-ca.pem").read_bytes().split() == certificates.ca.read_bytes().split()


