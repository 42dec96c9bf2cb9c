# SPDX-License-Identifier: Apache-2.0
"""Agent and collector in network namespaces of their own, the network between them at its worst:
every line of files that grow all the while is stored exactly once."""
import os
import time

import pytest

import harness
from lossy_link import Conditions, Network, why_not
from test_crashes import Writer

ACK_TIMEOUT_S = 2
SILENT_MAX_S = 45  # without a ping answered, both ends give a connection up: fixed in the programs
SOAK = "SEYIR_SOAK_SECONDS" in os.environ
GOOD = Conditions(delay_s=0.001)


class Scene:
    """A Site whose collector has the test's own namespace and whose agent has the other."""

    def __init__(self, site, network, rng):
        self.site, self.network, self.rng, self.line = site, network, rng, network.line
        self.line.conditions = GOOD
        site.configure_collector(f"""\
version: 1
data_dir: {site.folder}/data
listen: {{ http: 127.0.0.1:{site.http_port} }}
inputs:
  agents: {{ type: agents, listen: 0.0.0.0:{site.agents_port}, token: {harness.TOKEN}, allow_plaintext: true }}
outputs:
  store: {{ type: store }}
""")
        site.collector.start()

    def begin(self, address, lines_per_second=1000):
        """The agent ships to that address of the collector, and files grow."""
        site = self.site
        self.agent = site.add_agent(output=f"""{{
    type: collector, endpoints: ['{address}:{site.agents_port}'], token: {harness.TOKEN}, allow_plaintext: true,
    compression: none, connect_timeout: 1s, ack_timeout: {ACK_TIMEOUT_S}s, retry: {{ initial: 20ms, max: 100ms }} }}""")
        self.agent.wrapper = ["ip", "netns", "exec", self.network.agent.name]
        self.start_agent()
        paths = [site.logs / f"f{i}.log" for i in range(5)]
        self.writer = Writer(self.rng.__class__(self.rng.random()), paths, lines_per_second)
        self.writer.start()
        harness.wait_until(lambda: self.writer.serial, "the first line is written")
        self.wait_stored_more()

    def start_agent(self):
        self.agent.start(wait=False)
        with self.network.agent.entered():
            self.agent.wait_started()

    def counted(self, what):
        return self.line.counts[what]

    def wait_counted(self, what, at_least):
        harness.wait_until(lambda: self.counted(what) >= at_least, f"{at_least} packets {what}: {self.line.counts}")

    def wait_stored_more(self):
        """Until all that was written before the call is stored."""
        self.site.wait_count(self.writer.serial)

    def wait_connected_again(self, begun):
        """Until the agent has begun a connection after the `begun` ones and is let in."""
        harness.wait_until(lambda: self.counted("connections") > begun and self.connected(), "the agent is connected")

    def connected(self):
        return self.agent_metric("seyir_ship_connected") == 1

    def wait_lost_collector(self):
        """Until the agent has given its connection up: with ack_timeout, or because it was told."""
        harness.wait_until(lambda: not self.connected(), "the agent gives the connection up")

    def agent_metric(self, name):
        with self.network.agent.entered():
            return self.site.metrics(self.agent)[name + '{output="central"}']

    def end(self):
        """The network is well again: what was written is there, once, and both programs end well."""
        self.line.conditions = GOOD
        files = self.writer.stop()
        expected = sum(len(harness.split_lines(content)) for content in files.values())
        assert expected == self.writer.serial > 100
        self.site.wait_count(expected)
        assert self.agent.terminate() == 0
        harness.assert_files_stored_once(self.site.query_all(), files)
        assert self.site.collector.terminate() == 0


@pytest.fixture
def network():
    """Made for this test and removed however it ends. The test runs inside the collector's namespace:
    its loopback is the one the harness asks questions on."""
    if reason := why_not():
        pytest.skip(reason)
    rng = harness.seeded_random()
    network = Network(rng.random())
    try:
        with network.collector.entered():
            yield network, rng
    finally:
        print(f"the line: {dict(network.line.counts)}")
        network.close()


@pytest.fixture
def scene(network, site):  # in this order: the site's programs end before their namespaces go
    return Scene(site, *network)


def test_two_percent_loss_and_50_ms_delay(scene):
    scene.line.conditions = Conditions(loss=0.02, delay_s=0.05)
    scene.begin(Network.LINE_COLLECTOR, lines_per_second=400)
    scene.wait_counted("lost", 25)
    scene.wait_stored_more()
    scene.end()


def test_packets_out_of_order_and_twice(scene):
    scene.line.conditions = Conditions(delay_s=0.005, reorder=0.2, duplicate=0.1)
    scene.begin(Network.LINE_COLLECTOR)
    scene.wait_counted("reordered", 200)
    scene.wait_counted("duplicated", 100)
    scene.wait_stored_more()
    scene.end()


def test_soak_a_partition_longer_than_every_timeout(scene):
    """./dev soak: longer than what the programs wait for a silent peer too."""
    scene.begin(Network.LINE_COLLECTOR)
    began, connections = time.monotonic(), scene.counted("connections")
    lasts_s = 60 if SOAK else 2 * ACK_TIMEOUT_S
    assert lasts_s > (SILENT_MAX_S if SOAK else ACK_TIMEOUT_S)
    scene.line.conditions = Conditions(up=False, down=False)
    scene.wait_lost_collector()
    harness.wait_until(lambda: time.monotonic() - began > lasts_s, "the partition's end", timeout_s=2 * lasts_s)
    scene.wait_counted("connections", connections + 2)  # it keeps trying
    scene.line.conditions = GOOD
    scene.wait_stored_more()
    scene.end()


@pytest.mark.parametrize("side", ["agent", "collector"])
def test_a_link_that_goes_down_and_comes_up(scene, side):
    """Down on one side is a cable pulled out on the other. First for less than ack_timeout: TCP alone
    gets over it; then until the agent has given up."""
    scene.begin(Network.CABLE_COLLECTOR)
    namespace = getattr(scene.network, side)
    for turn in range(2):
        connects = scene.agent_metric("seyir_ship_connects_total")
        namespace.ip("link", "set", "cable", "down")
        if turn == 0:
            time.sleep(scene.rng.random() * ACK_TIMEOUT_S / 4)  # the schedule of faults
        else:
            scene.wait_lost_collector()
        namespace.ip("link", "set", "cable", "up")
        scene.wait_stored_more()
        assert turn == 0 or scene.agent_metric("seyir_ship_connects_total") > connects
    scene.end()


def test_an_agent_whose_address_changes(scene):
    """Neither end is told: packets of the old address have no way any more."""
    scene.begin(Network.CABLE_COLLECTOR)
    address = Network.CABLE_AGENT
    for number in (11, 12):
        scene.network.agent.ip("addr", "del", address + "/24", "dev", "cable")
        address = f"192.0.2.{number}"
        scene.network.agent.ip("addr", "add", address + "/24", "dev", "cable")
        scene.wait_stored_more()
        assert scene.site.collector.logged("agent connected", f"peer={address}:")
    scene.end()


def test_storms_of_resets(scene):
    scene.begin(Network.LINE_COLLECTOR)
    for share in (0.2, 0.05):
        resets, connections = scene.counted("reset"), scene.counted("connections")
        scene.line.conditions = Conditions(delay_s=0.002, reset=share)
        scene.wait_counted("reset", resets + 15)
        scene.wait_counted("connections", connections + 5)
    scene.line.conditions = GOOD
    scene.wait_stored_more()
    scene.end()


@pytest.mark.parametrize("silent", ["up", "down"])
def test_one_direction_goes_silent_and_comes_back(scene, silent):
    """`up`: the collector hears nothing more and keeps the old connection. `down`: it stores what the
    agent, without an ack, sends again: of a frame larger than TCP's first window it would get a part only."""
    scene.begin(Network.LINE_COLLECTOR, lines_per_second=100)
    connections = scene.counted("connections")
    scene.line.conditions = Conditions(delay_s=0.001, **{silent: False})
    scene.wait_lost_collector()
    scene.wait_counted("connections", connections + 2)
    scene.line.conditions = GOOD
    scene.wait_stored_more()
    assert scene.counted("silenced_" + silent) > 0
    assert scene.agent_metric("seyir_ship_resent_frames_total") > 0
    assert silent == "up" or scene.site.metrics()["seyir_store_duplicate_rows_total"] > 0
    scene.end()


def test_connections_a_router_forgot(scene):
    """Both ends hold a connection that carries nothing and is never reset. The second time the agent
    is killed too: the new process has to get past its predecessor's connection."""
    scene.begin(Network.LINE_COLLECTOR)
    connections = scene.counted("connections")
    scene.line.forget_flows()
    scene.wait_connected_again(connections)
    scene.wait_stored_more()
    connections = scene.counted("connections")
    scene.line.forget_flows()
    scene.agent.kill9()
    scene.start_agent()
    scene.wait_connected_again(connections)
    scene.wait_stored_more()
    assert scene.counted("forgotten") > 0
    assert not scene.agent.logged("in_use"), "taken over because the old one does not answer, not once it expires"
    scene.end()


def test_soak_faults_in_any_order(scene):
    """./dev soak: for a tenth of its time with the programs."""
    scene.begin(Network.LINE_COLLECTOR, lines_per_second=500)
    lasts_s = float(os.environ.get("SEYIR_SOAK_SECONDS", "0")) / 10
    rng, line, began, turns = scene.rng, scene.line, time.monotonic(), 0
    while turns < 6 or time.monotonic() - began < lasts_s:
        turns += 1
        line.conditions = Conditions(
            loss=rng.choice([0, 0.02, 0.3]), delay_s=rng.choice([0, 0.005, 0.05]), duplicate=rng.choice([0, 0.2]),
            reorder=rng.choice([0, 0.3]), reset=rng.choice([0, 0, 0.05]), up=rng.random() < 0.8,
            down=rng.random() < 0.8)
        if rng.random() < 0.2:
            line.forget_flows()
        time.sleep(rng.random())  # the schedule of faults, not a way to wait for something
        if rng.random() < 0.3:
            line.conditions = GOOD
            scene.wait_stored_more()
    print(f"turns: {turns}")
    scene.end()
