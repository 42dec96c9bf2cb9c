# SPDX-License-Identifier: Apache-2.0
"""Two inputs of one agent that match the same file: to a collector the file is one lane, so one input
reads it and the other says so (docs/guide/tailing.md, "One file, one input")."""
import json
import signal

import harness
from harness import http_get, wait_until
from test_agent_container import cri


def lines(word, count):
    return b"".join(b"%s %d\n" % (word.encode(), i) for i in range(count))


def configured(site, inputs, agent=None):
    port = agent.http_port if agent else harness.free_ports(1)[0]
    text = f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{port} }}
inputs:
{inputs}outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
"""
    if agent:
        agent.config.write_text(text)
        agent.popen.send_signal(signal.SIGHUP)
        return agent
    return site.add_agent(text=text, http_port=port)


def health(agent):
    return json.loads(http_get(agent.http_port, "/health").body)


def complaints(agent):
    return {one["id"]: one["complaints"] for one in health(agent)["inputs"]}


def test_a_file_two_inputs_match_is_read_by_one_and_taken_over_by_the_other_when_that_one_goes(site):
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 900))
    site.collector.start()
    everything = f"  everything: {{ type: tail, include: ['{site.logs}/*.log'] }}\n"
    errors = f"  errors: {{ type: tail, include: ['{site.logs}/a*'] }}\n"
    agent = configured(site, everything + errors).start()
    site.wait_count(900, '{input=~"errors|everything"}')
    told = wait_until(lambda: {name: said for name, said in complaints(agent).items() if said}, "one of them complains")
    assert len(told) == 1, told
    (second, said), = told.items()
    first = "everything" if second == "errors" else "errors"
    what = f"is read by input `{first}` already: use one input and two routes"
    assert len(said) == 1 and said[0] == f"{path} {what}", said
    assert agent.logged("a.log", f"is read by input `{first}` already")
    answer = health(agent)
    assert answer["status"] != "ok" and what in json.dumps(answer), answer
    with path.open("ab") as log:
        log.write(lines("second", 100))
    site.wait_count(1000, f'{{input="{first}"}}')
    assert site.count(f'{{input="{second}"}}') == 0

    configured(site, errors if second == "errors" else everything, agent)
    wait_until(lambda: complaints(agent) == {second: []}, "it reads the file now")
    with path.open("ab") as log:
        log.write(lines("third", 50))
    site.wait_count(50, f'{{input="{second}"}}')
    rows = site.wait_rows(1050, '{input=~"errors|everything"}')
    assert b"".join(row.line + b"\n" for row in rows) == path.read_bytes()


def test_a_tail_and_a_container_input_do_not_share_a_file_either(site):
    path = site.logs / "a.log"
    path.write_bytes(b"".join(cri(i) for i in range(200)))
    site.collector.start()
    agent = configured(site, f"  plain: {{ type: tail, include: ['{path}'] }}\n"
                             f"  pods: {{ type: container, include: ['{path}'] }}\n").start()
    site.wait_count(200, '{input=~"plain|pods"}')
    wait_until(lambda: sum(len(said) for said in complaints(agent).values()) == 1, "the other one complains")
    with path.open("ab") as log:
        log.write(cri(200))
    site.wait_count(201, '{input=~"plain|pods"}')
    assert site.count('{input="plain"}') in (0, 201)


def test_an_input_renamed_by_a_reload_goes_on_where_it_was(site):
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 300))
    site.collector.start()
    agent = configured(site, f"  before: {{ type: tail, include: ['{path}'] }}\n").start()
    site.wait_count(300, '{input="before"}')
    configured(site, f"  after: {{ type: tail, include: ['{path}'] }}\n", agent)
    wait_until(lambda: complaints(agent) == {"after": []}, "the renamed input runs and has nothing to complain of")
    with path.open("ab") as log:
        log.write(lines("second", 100))
    site.wait_count(100, '{input="after"}')
    assert site.count('{input="before"}') == 300


def test_an_input_that_reaches_no_collector_may_read_the_same_file(site):
    path = site.logs / "a.log"
    path.write_bytes(lines("first", 100))
    copy = site.folder / "copy.txt"
    site.collector.start()
    port = harness.free_ports(1)[0]
    agent = site.add_agent(http_port=port, text=f"""\
version: 1
state_dir: {site.folder}/agent
listen: {{ http: 127.0.0.1:{port} }}
inputs:
  app: {{ type: tail, include: ['{path}'] }}
  local: {{ type: tail, include: ['{path}'] }}
outputs:
  central: {{ type: collector, endpoints: ['127.0.0.1:{site.agents_port}'], token: {harness.TOKEN} }}
  file: {{ type: file, path: '{copy}' }}
routes:
  - {{ name: far, from: [app], to: [central] }}
  - {{ name: near, from: [local], to: [file] }}
""").start()
    site.wait_count(100)
    wait_until(lambda: copy.exists() and copy.read_bytes().count(b"\n") == 100, "the local copy has all lines")
    assert complaints(agent) == {"app": [], "local": []}
