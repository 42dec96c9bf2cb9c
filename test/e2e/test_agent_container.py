# SPDX-License-Identifier: Apache-2.0
"""Files of container runtimes: text, time, stream and names arrive; parts are one record, once."""
import json
import time

import harness
from test_agent_spool import add_agent


BEGAN_S = int(time.time()) - 86_400  # a collector refuses what is beyond its retention


def stamp(seconds, nanos):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanos:09d}Z"


def cri(i, stream="stdout", flag="F", text=None):
    return b"%s %s %s %s\n" % (stamp(BEGAN_S + i, i).encode(), stream.encode(), flag.encode(),
                               text or b"number %d" % i)


def test_kubernetes_pods_through_rotation_and_kill_9(site):
    rng = harness.seeded_random()
    pods = site.folder / "pods"
    folder = pods / "shop_web-6d4_0a1b" / "nginx"
    folder.mkdir(parents=True)
    site.collector.start()
    agent = add_agent(site, f"  pods: {{ type: container, include: ['{pods}/*/*/*.log*'] }}").start()
    expected, count = [], 0
    for round_number in range(6):
        with open(folder / "0.log", "ab") as log:
            for _ in range(rng.randrange(1, 400)):
                if count % 3 == 0:  # cut by the runtime, with the other stream between
                    log.write(cri(count, flag="P", text=b"number ") + cri(count, "stderr", text=b"between")
                              + cri(count, flag="F", text=b"%d" % count))
                else:
                    log.write(cri(count))
                expected.append(b"number %d" % count)
                count += 1
        if rng.random() < 0.5:
            agent.restart()
        if rng.random() < 0.5:
            (folder / "0.log").rename(folder / f"0.log.2024010{round_number}-000000")
    query = '{namespace="shop", pod="web-6d4", container="nginx", service_name="nginx"}'
    rows = site.wait_rows(len(expected), query + ' | stream="stdout"')
    assert sorted(row.line for row in rows) == sorted(expected)
    assert site.count(query + ' | stream="stderr" |= "between"') == (count + 2) // 3
    assert rows[0].line == b"number 0" and rows[7].ts == (BEGAN_S + 7) * 10**9 + 7


def test_docker_files_carry_the_names_of_the_metadata_file(site):
    containers = site.folder / "containers"
    folder = containers / ("c" * 64)
    folder.mkdir(parents=True)
    (folder / "config.v2.json").write_text(json.dumps({"Name": "/shop-web-1", "Config": {"Labels": {
        "com.docker.compose.project": "shop", "com.docker.compose.service": "web"}}}))
    lines = ['a "quoted" line', "çay\tand tab", "", "x" * 40000]
    with open(folder / ("c" * 64 + "-json.log"), "w") as log:
        for line in lines:
            text = line + "\n"
            for at in range(0, len(text), 16384):
                log.write(json.dumps({"log": text[at:at + 16384], "stream": "stderr",
                                      "time": stamp(BEGAN_S, 123_456_789)}, separators=(",", ":")) + "\n")
    site.collector.start()
    add_agent(site, f"  docker: {{ type: container, format: docker, include: ['{containers}/*/*-json.log*'] }}").start()
    query = '{container="shop-web-1", compose_project="shop", compose_service="web", service_name="web"}'
    rows = site.wait_rows(len(lines), query + ' | stream="stderr"')
    assert sorted(row.line.decode() for row in rows) == sorted(lines)
    assert {row.ts for row in rows} == {BEGAN_S * 10**9 + 123_456_789}
