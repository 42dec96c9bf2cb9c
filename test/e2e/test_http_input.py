# SPDX-License-Identifier: Apache-2.0
"""The `http` input: plain requests in, the same bytes out of a query; bad ones refused whole."""
import json
import pathlib

import pytest

import harness


@pytest.fixture
def web(site):
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  web: {{ type: http }}
  shop: {{ type: http, path: /shop, line_key: message, time_key: time }}
outputs:
  store: {{ type: store }}
""")
    site.collector.start()
    return site


def post(site, body, path="/ingest", content_type=None):
    headers = {"Content-Type": content_type} if content_type else None
    return harness.http_get(site.http_port, path, method="POST", body=body, headers=headers)


def lines(site, name="web"):
    return sorted(row.line for row in site.query_all(f'{{input="{name}"}}'))


@pytest.mark.parametrize("body, content_type, stored", [
    (b'{"a":1}\n{"b": [1,2]}\n\n', None, [b'{"a":1}', b'{"b": [1,2]}']),
    (b'[{"a":1},{"a":2}]', "application/json", [b'{"a":1}', b'{"a":2}']),
    (b'{"a":\n 1}', "application/json", [b'{"a":\n 1}']),
    (b"one\ntwo\r\n\n", "text/plain", [b"", b"one", b"two\r"]),
    (b'{"big":123456789012345678901234567890.5}', None, [b'{"big":123456789012345678901234567890.5}']),
    (b'{"a":1}\n{"huge":1e999,"half":"\\ud800"}', None, [b'{"a":1}', b'{"huge":1e999,"half":"\\ud800"}']),
    (b'[{"a": 1} , {"huge": -1E+999}]', None, [b'{"a": 1}', b'{"huge": -1E+999}']),
])
def test_each_form_of_body_is_stored_byte_for_byte(web, body, content_type, stored):
    answer = post(web, body, content_type=content_type)
    assert answer.status == 200, answer.body
    assert json.loads(answer.body) == {"accepted": len(stored)}
    assert lines(web) == stored


def test_a_body_with_one_bad_record_is_refused_whole_and_says_where(web):
    answer = post(web, b'{"a":1}\n{"a":\n{"a":3}\n')
    assert answer.status == 400
    assert b"line 2" in answer.body, answer.body
    assert lines(web) == []


def test_the_same_request_again_is_stored_once(web):
    for _ in range(3):
        assert post(web, b"only once\n", content_type="text/plain").status == 200
    assert lines(web) == [b"only once"]


def test_members_become_line_time_and_attributes(web):
    body = b'{"time":"2026-11-20T10:00:00Z","message":"sold","price":9.5,"who":{"id":7}}\n{"no":"message"}\n'
    assert post(web, body, "/shop").status == 200
    rows = web.query_all('{input="shop"}')
    assert sorted(row.line for row in rows) == [b"sold", b'{"no":"message"}']
    assert next(row for row in rows if row.line == b"sold").ts == 1795168800 * 10**9  # 2026-11-20T10:00:00Z
    found = web.query_all('{input="shop"} | price = "9.5"')
    assert [row.line for row in found] == [b"sold"]


def test_naughty_strings_come_back_byte_for_byte(web):
    corpus = harness.shared_folder()
    if corpus is None or not (pathlib.Path(corpus) / "corpora/blns/blns.json").exists():
        pytest.skip("no corpora beside the checkout")
    strings = json.loads((pathlib.Path(corpus) / "corpora/blns/blns.json").read_text())
    body = "\n".join(json.dumps({"s": s}) for s in strings).encode()
    assert post(web, body).status == 200
    assert lines(web) == sorted(body.split(b"\n"))
