# SPDX-License-Identifier: Apache-2.0
"""Live tail by websocket: with the client library others use, by `seyir tail`, and with clients that misbehave."""
import base64
import json
import os
import socket
import struct
import subprocess
import time

import clients_cache
import harness


def push(site, lines, app="live"):
    now = time.time_ns()
    body = json.dumps({"streams": [{"stream": {"app": app}, "values": [[str(now + i), line] for i, line in enumerate(lines)]}]})
    answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body,
                              headers={"Content-Type": "application/json"})
    assert answer.status == 204, answer


def start_client(site, *arguments):
    command, environment = clients_cache.python_client("tail_ws.py", site.http_port, *arguments)
    client = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "open\n", client.stderr.read()
    return client


def lines_of(messages):
    return [value[1] for message in messages for stream in message["streams"] for value in stream["values"]]


def read_lines(client, count):
    """Messages until `count` lines came."""
    messages = []
    while len(lines_of(messages)) < count:
        messages.append(json.loads(client.stdout.readline()))
    return messages


def test_a_websocket_client_sees_history_then_what_is_stored_and_a_clean_end(site):
    site.collector.start()
    push(site, ["history"])
    push(site, ["not asked for"], app="other")
    client = start_client(site, '{app="live"} != "hidden"', "until-close")
    assert lines_of(read_lines(client, 1)) == ["history"]
    push(site, ["one", "hidden", "two"])
    push(site, ["not asked for"], app="other")
    messages = read_lines(client, 2)
    assert lines_of(messages) == ["one", "two"]
    assert messages[0]["streams"][0]["stream"] == {"app": "live", "detected_level": "unknown"}
    assert all(message["dropped_entries"] == [] for message in messages)
    assert site.collector.terminate() == 0
    assert json.loads(client.stdout.readline()) == {"close": 1000, "pongs": 1}
    assert client.wait(harness.PATIENCE_S) == 0


def test_a_client_that_does_not_read_loses_rows_is_told_and_costs_bounded_memory(site):
    site.collector.start()
    client = start_client(site, '{app="live"}', "until-close", "8")
    before = site.collector.rss_bytes()
    sent = 900  # 45 MB, far more than sockets and the session hold; at most 1,000 drops are told one by one
    for first in range(0, sent, 50):
        push(site, ["x" * 50_000 + str(first + i) for i in range(50)])
    dropped = harness.wait_until(lambda: site.metrics()["seyir_tail_dropped_rows_total"], "rows are dropped")
    seen, told = [], 0
    while told < dropped or len(seen) + told < sent:
        message = json.loads(client.stdout.readline())
        assert "streams" in message, message
        seen += [value[1] for stream in message["streams"] for value in stream["values"]]
        told += len(message["dropped_entries"])
    assert len(seen) == len(set(seen)) and len(seen) + told == sent
    assert site.collector.rss_bytes() - before < 400 << 20
    client.kill()
    client.communicate()
    harness.wait_until(lambda: site.metrics()["seyir_tail_sessions"] == 0, "the session ends with its client")


def handshake(site, **changes):
    headers = {"Host": f"127.0.0.1:{site.http_port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **changes}
    client = socket.create_connection(("127.0.0.1", site.http_port), timeout=harness.PATIENCE_S)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    client.sendall(f"GET /loki/api/v1/tail?query=%7Bapp%3D%22live%22%7D&limit=0 HTTP/1.1\r\n{lines}\r\n".encode())
    return client


def receive(client, until):
    data = b""
    while until not in data:
        piece = client.recv(4096)
        if not piece:
            break
        data += piece
    return data


def test_what_is_no_handshake_is_refused_with_what_is_missing(site):
    site.collector.start()
    for changes, words in [({"Upgrade": None}, b"Upgrade: websocket"), ({"Connection": "close"}, b"Connection: Upgrade"),
                           ({"Sec-WebSocket-Version": "8"}, b"only version 13"), ({"Sec-WebSocket-Key": "x"}, b"16 bytes")]:
        with handshake(site, **changes) as client:
            answer = receive(client, b"}")
            assert answer.startswith(b"HTTP/1.1 400 ") and words in answer, answer
    assert site.metrics()["seyir_tail_sessions"] == 0


def test_a_client_that_breaks_the_protocol_is_closed_with_the_code_for_it(site):
    site.collector.start()
    cases = [(b"\x81\x01x", 1002), (b"\xc1\x81\0\0\0\0x", 1002), (b"\x81\xff" + b"\xff" * 8, 1009), (b"\x81\x81\0\0\0\0\xff", 1007)]
    for frame, code in cases:
        with handshake(site) as client:
            assert b"101 Switching Protocols" in receive(client, b"\r\n\r\n")
            client.sendall(frame)
            answer = b""
            while piece := client.recv(4096):
                answer += piece
            assert answer[0] == 0x88 and struct.unpack(">H", answer[2:4])[0] == code, (frame, answer)
    harness.wait_until(lambda: site.metrics()["seyir_tail_sessions"] == 0, "the sessions end")


def test_seyir_tail_goes_on_after_a_restart_without_losing_or_doubling_a_row(site):
    site.collector.start()
    push(site, ["before"])
    tail = subprocess.Popen([harness.program("seyir"), "--server", f"http://127.0.0.1:{site.http_port}", "tail", '{app="live"}',
                             "--output", "raw"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert tail.stdout.readline() == "before\n"
        harness.wait_until(lambda: site.metrics().get("seyir_tail_sessions") == 1, "the websocket is open")
        push(site, ["one", "one", "two"])
        assert [tail.stdout.readline() for _ in range(3)] == ["one\n", "one\n", "two\n"]
        site.collector.restart()
        push(site, ["while away"])
        push(site, ["after"])
        assert [tail.stdout.readline() for _ in range(2)] == ["while away\n", "after\n"]
        harness.wait_until(lambda: site.metrics().get("seyir_tail_sessions") == 1, "the websocket is open again")
        push(site, ["last"])
        assert tail.stdout.readline() == "last\n"
    finally:
        tail.terminate()
        tail.wait(30)


def test_a_tail_of_a_wrong_query_says_what_is_wrong(site):
    site.collector.start()
    answer = site.get("/loki/api/v1/tail", query="rate({app=\"live\"}[1m])")
    assert answer.status == 400 and b"tail follows lines" in answer.body
    done = site.seyir("tail", '{app="live"')
    assert done.returncode != 0 and b"parse error" in done.stderr
