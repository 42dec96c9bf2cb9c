# SPDX-License-Identifier: Apache-2.0
"""A collector that is told of 256 MiB keeps to them under ingestion, sealing and queries."""
import json
import random
import time

import harness
import pytest

CAP_KIB = 256 * 1024


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


@pytest.mark.skipif(harness.SANITIZED, reason="a sanitizer takes several times the memory of the program it watches")
def test_small_profile_keeps_its_memory_under_ingestion_and_queries(site):
    site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
limits: {{ memory: 256MiB, queries: {{ running: 2 }} }}
inputs: {{ loki: {{ type: loki }} }}
outputs:
  store: {{ type: store, stage_bytes_max: 64MiB }}
""")
    site.collector.start()
    rng = random.Random(5)
    begin = time.time_ns() - 3600 * 10**9
    parts, lines = 120, 2000
    for part in range(parts):
        values = [[str(begin + (part * lines + i) * 1000), f"{part} {i} {rng.randbytes(400).hex()}"] for i in range(lines)]
        body = json.dumps({"streams": [{"stream": {"job": "much"}, "values": values}]})
        answer = harness.http_get(site.http_port, "/loki/api/v1/push", method="POST", body=body,
                                  headers={"Content-Type": "application/json"})
        assert answer.status == 204, answer.body
        if part % 10 == 9:
            assert site.count('{job="much"} |= "absent text"') == 0
    assert site.count('{job="much"}') == parts * lines
    assert site.status()["store"]["segments"] > 0
    peak = peak_kib(site.collector.popen.pid)
    print(f"peak RSS {peak / 1024:.0f} MiB after {parts * lines * 820 / 1e6:.0f} MB")
    assert peak <= CAP_KIB
