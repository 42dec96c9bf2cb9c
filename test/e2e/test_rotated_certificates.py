# SPDX-License-Identifier: Apache-2.0
"""Certificates, authorities and tokens of both programs change on disk while they run: the next connection
uses them, a broken file leaves the one before, and no line is lost or doubled by it."""
import os
import shutil

import harness
from test_security import Certificates


def put(source, target):
    """By rename, as rotation does it."""
    shutil.copyfile(source, f"{target}.new")
    os.replace(f"{target}.new", target)


class Secured:
    """A collector that asks for client certificates, and an agent that shows one; all by files of one name."""

    def __init__(self, site):
        self.site, self.first, self.second = site, Certificates(site.folder, "first"), Certificates(site.folder, "second")
        self.files = {name: site.folder / f"used-{name}" for name in ("server.pem", "server.key", "server.ca",
                                                                      "client.pem", "client.key", "client.ca")}
        self.token = site.folder / "used-token"
        self.token.write_text(harness.TOKEN + "\n")
        self.use("server", self.first, self.first)
        self.use("client", self.first, self.first)
        f = self.files
        site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents:
    type: agents
    listen: 127.0.0.1:{site.agents_port}
    token: {harness.TOKEN}
    tls: {{ cert: '{f["server.pem"]}', key: '{f["server.key"]}', client_ca: '{f["server.ca"]}' }}
outputs:
  store: {{ type: store }}
""")
        self.agent = site.add_agent(output=f"""{{
    type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token_file: {self.token},
    retry: {{ initial: 50ms, max: 200ms }},
    tls: {{ ca: '{f["client.ca"]}', cert: '{f["client.pem"]}', key: '{f["client.key"]}' }} }}""")
        site.collector.start()
        self.agent.start()
        self.lines = 0

    def use(self, side, identity, trusted):
        put(identity.cert, self.files[f"{side}.pem"])
        put(identity.key, self.files[f"{side}.key"])
        put(trusted.ca, self.files[f"{side}.ca"])

    def write(self, count=100):
        with (self.site.logs / "app.log").open("ab") as log:
            log.write(b"".join(b"line %d\n" % (self.lines + i) for i in range(count)))
        self.lines += count

    def check_all_stored_once(self):
        self.site.wait_count(self.lines)
        path = self.site.logs / "app.log"
        harness.assert_files_stored_once(self.site.query_all(), {path: path.read_bytes()})

    def counted(self, outcome):
        return self.site.metrics(self.agent)[f'seyir_ship_credential_reloads_total{{output="central",outcome="{outcome}"}}']

    def reconnect_until(self, process, condition):
        """Files are looked at for a connection, at most once a second."""
        def again():
            process.restart()
            return condition()
        harness.wait_until(again, "the changed files are looked at", interval_s=0.3)

    def reconnect(self):
        """The collector's end is made anew; it kept what it has."""
        self.site.collector.restart()


def test_both_sides_change_their_certificates_while_they_run(site):
    secured = Secured(site)
    secured.write()
    secured.check_all_stored_once()

    # A new authority on both sides; the agent's own certificate is still of the old one.
    secured.use("server", secured.second, secured.second)
    put(secured.second.ca, secured.files["client.ca"])
    secured.reconnect()
    secured.write()
    harness.wait_until(lambda: site.metrics().get('seyir_collector_agents_refused_total{input="agents",reason="tls"}'),
                       "the agent is refused for its certificate")
    pid = secured.agent.popen.pid
    secured.use("client", secured.second, secured.second)
    secured.check_all_stored_once()
    assert secured.agent.popen.pid == pid and secured.agent.alive(), "the agent was not restarted"
    assert secured.counted("loaded") >= 1


def test_the_collector_uses_new_files_for_the_next_connection_and_keeps_the_old_beside_broken_ones(site):
    secured = Secured(site)
    secured.write()
    secured.check_all_stored_once()
    secured.files["server.pem"].write_text("half written")
    secured.reconnect_until(secured.agent,
                            lambda: site.collector.logged("changed TLS files do not load", "used-server.pem"))
    secured.write()
    secured.check_all_stored_once()
    assert site.metrics()['seyir_collector_agents_tls_reloads_total{input="agents",outcome="failed"}'] == 1
    secured.use("server", secured.second, secured.second)
    secured.use("client", secured.second, secured.second)
    loaded = 'seyir_collector_agents_tls_reloads_total{input="agents",outcome="loaded"}'
    secured.reconnect_until(secured.agent, lambda: site.metrics().get(loaded))
    secured.write()
    secured.check_all_stored_once()


def test_broken_files_of_the_agent_leave_those_before_and_a_token_file_is_read_again(site):
    secured = Secured(site)
    secured.write()
    secured.check_all_stored_once()
    secured.files["client.key"].write_text("half written")
    secured.token.unlink()
    secured.reconnect_until(site.collector, lambda: secured.counted("failed") == 2)
    secured.write()
    secured.check_all_stored_once()
    assert secured.agent.logged("changed TLS files do not load", "used-client.key")
    assert secured.agent.logged("token file cannot be used", "used-token")

    # The collector's token changes: the agent is refused until its file has the new one.
    text = (site.folder / "collector.yaml").read_text()
    site.configure_collector(text.replace(f"token: {harness.TOKEN}", "token: another"))
    put(secured.first.key, secured.files["client.key"])
    secured.reconnect()
    secured.write()
    harness.wait_until(lambda: secured.agent.logged("refuses this agent"), "the agent is refused")
    secured.token.write_text("another")
    secured.check_all_stored_once()
    assert harness.TOKEN not in secured.agent.log_text() and "another\n" not in secured.agent.log_text()
