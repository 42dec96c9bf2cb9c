# SPDX-License-Identifier: Apache-2.0
"""TLS and tokens, on the wire between the programs and on HTTP."""
import json
import subprocess
import time

import harness


class Certificates:
    """An authority and a certificate for 127.0.0.1 that it signed."""

    def __init__(self, folder, name="authority"):
        self.ca, self.cert, self.key = (folder / f"{name}-{part}.pem" for part in ("ca", "cert", "key"))
        ca_key, request, extensions = (folder / f"{name}-{part}" for part in ("ca.key", "request", "extensions"))
        new_key = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self._run(*new_key, "-x509", "-days", "2", "-subj", f"/CN={name}", "-keyout", ca_key, "-out", self.ca)
        self._run(*new_key, "-subj", "/CN=localhost", "-keyout", self.key, "-out", request)
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial",
                  "-days", "2", "-extfile", extensions, "-out", self.cert)

    @staticmethod
    def _run(*command):
        subprocess.run([str(word) for word in command], check=True, capture_output=True)


def secure_site(site, certificates, tokens=True):
    """TLS everywhere; tokens `reader` (read) and `writer` (ingest) on HTTP."""
    tls = f"{{ cert: '{certificates.cert}', key: '{certificates.key}' }}"
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
tls: {tls}
tokens:
  - {{ name: grafana, token: reader, scopes: [read] }}
  - {{ name: pusher, token: writer, scopes: [ingest] }}
inputs:
  agents: {{ type: agents, listen: 127.0.0.1:{site.agents_port}, token: {harness.TOKEN}, tls: {tls} }}
  loki: {{ type: loki }}
outputs:
  store: {{ type: store }}
""")
    site.tls = site.collector.tls = harness.server_tls_context(certificates.ca)
    site.token = "reader"
    return site


def secure_agent(site, ca, name="agent", token=harness.TOKEN):
    return site.add_agent(name, output=f"""{{
    type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {token}, tls: {{ ca: '{ca}' }} }}""")


def test_lines_arrive_over_tls_and_are_read_with_a_token(site):
    certificates = Certificates(site.folder)
    secure_site(site, certificates)
    path = site.logs / "a.log"
    content = b"".join(b"line %d\n" % i for i in range(5000))
    path.write_bytes(content)
    site.collector.start()
    secure_agent(site, certificates.ca).start()
    harness.assert_files_stored_once(site.wait_rows(5000), {path: content})


def test_each_scope_allows_its_own_requests_only(site):
    secure_site(site, Certificates(site.folder))
    site.collector.start()
    now = time.time_ns()
    body = json.dumps({"streams": [{"stream": {"job": "x"}, "values": [[str(now), "pushed"]]}]})

    def push(token):
        return harness.http_get(site.http_port, "/loki/api/v1/push", token=token, tls=site.tls, method="POST", body=body,
                                headers={"Content-Type": "application/json"}).status

    def query(token):
        return harness.http_get(site.http_port, "/loki/api/v1/labels", token=token, tls=site.tls).status

    assert push(None) == 401 and query(None) == 401
    assert push("guess") == 401 and query("guess") == 401
    assert push("reader") == 403 and query("writer") == 403
    assert push("writer") == 204 and query("reader") == 200
    assert harness.http_get(site.http_port, "/ready", tls=site.tls).status == 200
    log = site.collector.log_text()
    assert "guess" not in log and "writer" not in log.replace("token: writer", "")


def test_an_authority_nobody_trusts_is_refused_and_named(site):
    certificates = Certificates(site.folder)
    other = Certificates(site.folder, "other")
    secure_site(site, certificates)
    (site.logs / "a.log").write_bytes(b"never\n")
    site.collector.start()
    agent = secure_agent(site, other.ca).start()
    harness.wait_until(lambda: agent.logged("127.0.0.1", "certificate") or agent.logged("127.0.0.1", "verify"),
                       "the agent says whose certificate it does not trust")
    assert agent.alive() and site.count() == 0


def test_plain_bytes_on_a_tls_port_do_no_harm(site):
    certificates = Certificates(site.folder)
    secure_site(site, certificates)
    path = site.logs / "a.log"
    path.write_bytes(b"over tls\n")
    site.collector.start()
    plain = site.add_agent("plain").start()
    try:
        assert harness.http_get(site.http_port, "/ready", timeout_s=10).status == 400
    except OSError:
        pass  # closed without an answer: as good
    secure_agent(site, certificates.ca, "secure").start()
    site.wait_count(1)
    assert site.collector.alive() and plain.alive()


def test_seyir_reads_over_tls_with_a_token(site):
    certificates = Certificates(site.folder)
    secure_site(site, certificates)
    (site.logs / "a.log").write_bytes(b"asked for over tls\n")
    site.collector.start()
    secure_agent(site, certificates.ca).start()
    site.wait_count(1)
    server = f"https://127.0.0.1:{site.http_port}"
    done = site.seyir("--server", server, "query", '{input="app"}', "--since", "1h", "--output", "raw", server=False,
                      environment={"SEYIR_TOKEN": "reader", "SEYIR_CA": str(certificates.ca)})
    assert done.stdout == b"asked for over tls\n", done.stderr
    refused = site.seyir("--server", server, "query", '{input="app"}', "--since", "1h", server=False,
                         environment={"SEYIR_CA": str(certificates.ca)})
    assert refused.returncode != 0 and b"token" in refused.stderr.lower()


def test_without_tokens_administration_is_for_the_socket_and_nothing_for_web_pages(site):
    site.collector.start()
    agent = site.add_agent().start()
    evil = {"Origin": "http://evil.example"}
    rebound = {"Host": f"evil.example:{site.http_port}"}
    for port, home in ((site.http_port, "data"), (agent.http_port, "agent")):
        def status(method, path, headers=None):
            return harness.http_get(port, path, method=method, headers=headers, timeout_s=20).status
        assert status("GET", "/api/v1/tap?limit=1") == 403
        assert status("POST", "/api/v1/reload") == 403
        assert status("GET", "/api/v1/reload/plan") == 403
        assert status("GET", "/metrics") == 200
        assert status("GET", "/metrics", evil) == 403 and status("GET", "/metrics", rebound) == 403
        plan = site.seyir("--server", f"unix:{site.folder}/{home}/admin.sock", "reload", "--plan", server=False)
        assert plan.returncode == 0, plan.stderr
    paths = [("GET", "/loki/api/v1/labels"), ("GET", "/api/v1/status"), ("POST", "/loki/api/v1/push")]
    for method, path in paths:
        for headers in (evil, rebound):
            assert harness.http_get(site.http_port, path, method=method, headers=headers).status == 403, (path, headers)


def test_state_and_store_are_readable_by_their_owner_alone(site):
    (site.logs / "a.log").write_bytes(b"private\n")
    site.collector.start()
    site.add_agent().start()
    site.wait_count(1)
    for root in (site.folder / "data", site.folder / "agent"):
        assert root.stat().st_mode & 0o077 == 0, root  # nobody else can enter, so nothing in it is reached
