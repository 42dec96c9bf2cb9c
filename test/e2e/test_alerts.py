# SPDX-License-Identifier: Apache-2.0
"""Log line → rule → mail in the mailbox and webhook received, with the real collector, a real SMTP server
(aiosmtpd: STARTTLS, TLS from the start, authentication) and a real HTTP server; redaction before both."""
import email
import email.policy
import email.utils
import http.server
import json
import ssl
import threading
import time
import types

import harness
import pytest
from test_security import Certificates

aiosmtpd_controller = pytest.importorskip("aiosmtpd.controller", reason="python3-aiosmtpd is not installed")
from aiosmtpd.smtp import AuthResult  # noqa: E402

CARD = "4111 1111 1111 1111"


class Mailbox:
    """An SMTP server on loopback that keeps what it accepts."""

    def __init__(self, port=None, certificates=None, implicit=False, account=None):
        self.mails, self.account = [], account
        context = None
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.cert, certificates.key)
        more = {}
        if account:
            more = dict(authenticator=self.authenticate, auth_required=True, auth_require_tls=True)
        if context and implicit:
            more.update(ssl_context=context, auth_require_tls=False)
        elif context:
            more.update(tls_context=context, require_starttls=True)
        self.port = port or harness.free_ports(1)[0]
        self.controller = aiosmtpd_controller.Controller(self, hostname="127.0.0.1", port=self.port, **more)
        self.controller.start()

    def authenticate(self, server, session, envelope, mechanism, data):
        good = (data.login.decode(), data.password.decode()) == self.account
        return AuthResult(success=good)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.original_content or envelope.content)))
        return "250 kept"

    def message(self, index=0):
        return email.message_from_bytes(self.mails[index][2], policy=email.policy.default)

    def close(self):
        self.controller.stop()


class Webhook:
    """An HTTP server that keeps bodies and answers with the next of `answers`, then 200."""

    def __init__(self, answers=()):
        self.requests, self.answers = [], list(answers)
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = hook.answers.pop(0) if hook.answers else (200, {})
                hook.requests.append((time.monotonic(), status, dict(self.headers), body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def accepted(self):
        return [(headers, body) for _, status, headers, body in self.requests if status == 200]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def closing():
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in things:
        thing.close()


def start_collector(site, outputs, rule=""):
    names = [line.split(":")[0].strip() for line in outputs.splitlines() if line.startswith("  ") and line[2] != " "]
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  loki: {{ type: loki }}
filters:
  privacy: {{ type: redact }}
  checkout:
    type: alert
    if: '|= "checkout failed"'
    by: [host]
    threshold: 3
    window: 1m
    cooldown: 1h
    summary: '{{{{.alert_count}}}} failures on {{{{.alert_labels_host}}}} (ödeme)'
    to: [{", ".join(names)}]
{rule}
outputs:
  store: {{ type: store }}
{outputs}
routes:
  - {{ name: all, through: [privacy, checkout], to: [store] }}
""")
    site.collector.start()


def push(site, lines, host="web1"):
    now = time.time_ns()
    body = json.dumps({"streams": [{"stream": {"job": "shop", "host": host},
                                    "values": [[str(now + i), line] for i, line in enumerate(lines)]}]})
    answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body,
                              headers={"Content-Type": "application/json"})
    assert answer.status == 204, answer.body


def failures(count):
    return [f".\ncheckout failed for card {CARD} (attempt {i})" for i in range(count)]


def mail_output(site, mailbox, certificates, scheme="smtp", password="pässword"):
    return f"""\
  mail:
    type: email
    server: {scheme}://127.0.0.1:{mailbox.port}
    user: seyir
    password: {password}
    from: Seyir <seyir@example.org>
    to: [ops@example.org, gone@example.org]
    subject: '[{{{{.alert_severity}}}}] {{{{.alert_name}}}}: {{{{__line__}}}}'
    body: "{{{{__line__}}}}\\n.\\nlast: {{{{.alert_last_line}}}}"
    tls: {{ ca: {certificates.ca} }}
"""


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_line_becomes_a_mail_and_a_webhook(site, folder, closing, scheme):
    certificates = Certificates(folder)
    mailbox = closing(Mailbox(certificates=certificates, implicit=scheme == "smtps", account=("seyir", "pässword")))
    hook = closing(Webhook())
    start_collector(site, mail_output(site, mailbox, certificates, scheme) + f"""\
  hook: {{ type: http, url: 'http://127.0.0.1:{hook.port}/alerts', format: json_array }}
""")
    push(site, failures(2) + ["all is well"])
    push(site, failures(2), host="web2")
    push(site, failures(1))
    harness.wait_until(lambda: mailbox.mails and hook.accepted(), "a mail and a webhook")
    assert "W0313" not in site.collector.log_text(), "outputs of an alert are in use"

    sender, recipients, raw = mailbox.mails[0]
    assert (sender, recipients) == ("seyir@example.org", ["ops@example.org"])
    message = mailbox.message()
    assert message["Subject"] == "[error] checkout: 3 failures on web1 (ödeme)"
    assert message["From"] == "Seyir <seyir@example.org>"
    assert email.utils.parsedate_to_datetime(message["Date"]).timestamp() == pytest.approx(time.time(), abs=120)
    assert message["Message-ID"].startswith("<") and "@" in message["Message-ID"]
    text = message.get_content()
    assert text.splitlines()[:3] == ["3 failures on web1 (ödeme)", ".", "last: ."]
    assert "checkout failed for card [card] (attempt 0)" in text
    assert CARD.encode() not in raw

    headers, body = hook.accepted()[0]
    event = json.loads(body)[0]
    assert CARD.encode() not in body
    assert headers["Content-Type"] == "application/json"
    assert event["attributes"]["alert.state"] == "firing" and event["attributes"]["alert.count"] == 3
    assert event["labels"]["alert"] == "checkout"
    # The other host is below the threshold, and the cooldown holds.
    push(site, failures(3))
    assert len(site.wait_rows(9, '{job="shop"}')) == 9
    assert all(CARD.encode() not in row.line for row in site.query_all('{job="shop"}'))
    assert len(mailbox.mails) == 1 and len(hook.accepted()) == 1
    assert site.metrics()['seyir_alert_notices_total{filter="checkout",state="firing"}'] == 1


def test_a_mail_waits_for_its_server(site, folder, closing):
    certificates = Certificates(folder)
    port = harness.free_ports(1)[0]

    start_collector(site, mail_output(site, types.SimpleNamespace(port=port), certificates))
    push(site, failures(3))
    harness.wait_until(lambda: site.collector.logged("email output mail", "smtp://127.0.0.1"), "a first try that fails")
    mailbox = closing(Mailbox(port=port, certificates=certificates, account=("seyir", "pässword")))
    harness.wait_until(lambda: mailbox.mails, "the mail, tried again")
    assert "pässword" not in site.collector.log_text()


def test_no_mail_to_a_server_that_is_not_who_it_should_be(site, folder, closing):
    certificates, others = Certificates(folder), Certificates(folder, "others")
    mailbox = closing(Mailbox(certificates=others, account=("seyir", "pässword")))
    start_collector(site, mail_output(site, mailbox, certificates))
    push(site, failures(3))
    harness.wait_until(lambda: site.collector.logged("email output mail", "certificate"), "a refused certificate")
    assert not mailbox.mails


def test_a_busy_webhook_gets_its_notice_after_the_pause_it_asked_for(site, closing):
    hook = closing(Webhook(answers=[(503, {"Retry-After": "2"})]))
    start_collector(site, f"  hook: {{ type: http, url: 'http://127.0.0.1:{hook.port}/?token=url-secret' }}\n")
    push(site, failures(3))
    harness.wait_until(hook.accepted, "the notice, sent again")
    assert len(hook.requests) == 2 and hook.requests[1][0] - hook.requests[0][0] > 1.5
    assert "url-secret" not in site.collector.log_text()


def test_slack_gets_one_message(site, closing):
    hook = closing(Webhook())
    start_collector(site, f"  team: {{ type: slack, url: 'http://127.0.0.1:{hook.port}/services/x', template: '*{{{{.alert_name}}}}* {{{{__line__}}}} <b>' }}\n")
    push(site, failures(3))
    harness.wait_until(hook.accepted, "a message")
    assert json.loads(hook.accepted()[0][1]) == {"text": "*checkout* 3 failures on web1 (ödeme) &lt;b&gt;"}


def test_a_restart_does_not_forget_what_the_window_holds(site, closing):
    hook = closing(Webhook())
    start_collector(site, f"  hook: {{ type: http, url: 'http://127.0.0.1:{hook.port}/' }}\n")
    push(site, failures(2))
    site.collector.restart()
    assert not hook.requests
    push(site, failures(1))
    harness.wait_until(hook.accepted, "the notice that counts what came before the restart")
    assert json.loads(hook.accepted()[0][1])["attributes"]["alert.count"] == 3
