# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces, a veth pair and a line of bad quality between them.

The line is two tun devices, one in each namespace, and a thread that carries packets from one to the
other: it needs no netem in the kernel. Only what is made here is touched: the namespaces carry the
test's process id in their names, every device lives inside one of them and goes with it.
"""
import collections
import contextlib
import ctypes
import dataclasses
import fcntl
import heapq
import os
import pathlib
import random
import selectors
import shutil
import struct
import subprocess
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
CLONE_NEWNET = 0x40000000
CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
PACKETS_WAITING_MAX = 20_000
PROTOCOL_TCP, FIN, SYN, RST, ACK = 6, 0x01, 0x02, 0x04, 0x10
_libc = ctypes.CDLL(None, use_errno=True)
_made = 0


def why_not():
    """What this machine lacks for namespaces and devices; None where nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "no `ip` here: install the package iproute2 (./dev setup does)"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun: the kernel's tun driver is missing or not passed to this container"
    effective = next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines()
                     if line.startswith("CapEff:"))
    for bit, name in ((CAP_NET_ADMIN, "CAP_NET_ADMIN"), (CAP_SYS_ADMIN, "CAP_SYS_ADMIN")):
        if not int(effective.split()[1], 16) >> bit & 1:
            return f"network namespaces need {name}"
    return None


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Namespace:
    """One network namespace, empty at first."""

    def __init__(self, name):
        self.name = name
        ip("netns", "add", name)

    def ip(self, *words):
        ip("-n", self.name, *words)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread, and what it starts meanwhile, has this namespace's network."""
        with open("/proc/thread-self/ns/net", "rb") as before:
            with open(f"/run/netns/{self.name}", "rb") as inside:
                _enter(inside)
            try:
                yield
            finally:
                _enter(before)

    def remove(self):
        ip("netns", "del", self.name)


def _enter(namespace_file):
    if _libc.setns(namespace_file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@dataclasses.dataclass(frozen=True)
class Conditions:
    """What the line does to each packet. Shares are probabilities; delays hold in each direction."""
    loss: float = 0
    delay_s: float = 0
    duplicate: float = 0
    reorder: float = 0     # share of packets held for reorder_s more, so that later ones overtake them
    reorder_s: float = 0.02
    reset: float = 0       # share of TCP packets answered with a reset to both ends, as firewalls do
    up: bool = True        # from the agent to the collector; False: lost without a word
    down: bool = True


class LossyLink(threading.Thread):
    """Carries IPv4 packets between two tun devices. `conditions` may be replaced from any thread;
    `counts` is written by this thread alone. The order of random draws is the seed's; which packet
    meets which draw depends on the kernels' timing."""

    def __init__(self, agent_fd, collector_fd, seed):
        super().__init__(daemon=True, name="lossy link")
        self.fds = {"up": agent_fd, "down": collector_fd}
        self.rng = random.Random(seed)
        self.conditions = Conditions()
        self.counts = collections.Counter()
        self.error = None
        self.waiting = []       # (when due, number, to which fd, packet)
        self.arrived = 0
        self.agent_ports = set()
        self.forgotten_ports = frozenset()
        self.stopped = threading.Event()

    def forget_flows(self):
        """Every connection there is goes dead without a word, for ever: as after a router between
        the two lost its table. New connections pass."""
        self.forgotten_ports = frozenset(self.agent_ports.copy())

    def run(self):
        try:
            with selectors.DefaultSelector() as selector:
                for direction, fd in self.fds.items():
                    selector.register(fd, selectors.EVENT_READ, direction)
                while not self.stopped.is_set():
                    pause = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else 0.05
                    for key, _ in selector.select(min(pause, 0.05)):
                        self._take(key.fd, key.data)
                    self._deliver()
        except Exception as error:  # shown at the end: a line that broke must not pass for a fault
            self.error = error

    def _take(self, fd, direction):
        for _ in range(64):
            try:
                packet = os.read(fd, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                self._judge(packet, direction)

    def _judge(self, packet, direction):
        now, what = time.monotonic(), self.conditions
        tcp = Tcp(packet) if packet[9] == PROTOCOL_TCP else None
        if tcp:
            port = tcp.source if direction == "up" else tcp.target
            self.counts["connections"] += port not in self.agent_ports
            self.agent_ports.add(port)
            if port in self.forgotten_ports:
                self.counts["forgotten"] += 1
                return
        if not (what.up if direction == "up" else what.down):
            self.counts["silenced_" + direction] += 1
        elif self.rng.random() < what.loss:
            self.counts["lost"] += 1
        elif tcp and not tcp.flags & RST and self.rng.random() < what.reset:
            self.counts["reset"] += 1
            self._queue(now, direction, tcp.reset_onwards())
            self._queue(now, "down" if direction == "up" else "up", tcp.reset_back())
        else:
            due = now + what.delay_s
            if self.rng.random() < what.reorder:
                self.counts["reordered"] += 1
                due += what.reorder_s
            self._queue(due, direction, packet)
            if self.rng.random() < what.duplicate:
                self.counts["duplicated"] += 1
                self._queue(due + what.delay_s * self.rng.random(), direction, packet)

    def _queue(self, due, direction, packet):
        if len(self.waiting) >= PACKETS_WAITING_MAX:
            self.counts["queue_full"] += 1
            return
        self.arrived += 1
        to_fd = self.fds["down" if direction == "up" else "up"]
        heapq.heappush(self.waiting, (due, self.arrived, to_fd, packet))

    def _deliver(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, fd, packet = heapq.heappop(self.waiting)
            try:
                os.write(fd, packet)
                self.counts["delivered"] += 1
            except OSError:  # the device is down, or its queue full: a packet lost
                self.counts["unwritten"] += 1

    def close(self):
        """The devices stay open: they are the maker's."""
        self.stopped.set()
        if self.is_alive():
            self.join(10)


class Tcp:
    """The fields of an IPv4 packet with TCP (RFC 791, RFC 9293) that a reset needs."""

    def __init__(self, packet):
        self.header_bytes = (packet[0] & 15) * 4
        self.addresses = packet[12:16], packet[16:20]
        self.source, self.target, self.sequence, self.acknowledged, offset, self.flags = struct.unpack_from(
            "!HHIIBB", packet, self.header_bytes)
        total, = struct.unpack_from("!H", packet, 2)
        self.payload_bytes = total - self.header_bytes - (offset >> 4) * 4

    def reset_onwards(self):
        """To the packet's receiver, with the number it expects next: RFC 5961 takes no other."""
        return _tcp_packet(*self.addresses, self.source, self.target, self.sequence, 0, RST)

    def reset_back(self):
        """To the packet's sender: as RFC 9293 3.10.7.1 answers for a connection that does not exist."""
        here, there = self.addresses
        if self.flags & ACK:
            return _tcp_packet(there, here, self.target, self.source, self.acknowledged, 0, RST)
        length = self.payload_bytes + bool(self.flags & SYN) + bool(self.flags & FIN)
        return _tcp_packet(there, here, self.target, self.source, 0, self.sequence + length & 0xFFFFFFFF, RST | ACK)


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _tcp_packet(source, target, source_port, target_port, sequence, acknowledged, flags):
    """Without payload and options."""
    def tcp_header(checksum):
        return struct.pack("!HHIIBBHHH", source_port, target_port, sequence, acknowledged, 5 << 4, flags, 0, checksum, 0)

    def ip_header(checksum):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, PROTOCOL_TCP, checksum, source, target)
    pseudo = source + target + struct.pack("!BBH", 0, PROTOCOL_TCP, 20)
    return ip_header(_checksum(ip_header(0))) + tcp_header(_checksum(pseudo + tcp_header(0)))


def _open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_WITHOUT_HEADER))
    return fd


class Network:
    """Namespaces `agent` and `collector`, joined twice: `cable` is a veth pair, `line` two tun devices
    with a LossyLink between. The addresses are of RFC 5737 and exist in these namespaces only."""
    CABLE_AGENT, CABLE_COLLECTOR = "192.0.2.1", "192.0.2.2"
    LINE_AGENT, LINE_COLLECTOR = "198.51.100.1", "198.51.100.2"

    def __init__(self, seed):
        global _made
        _made += 1
        name = f"seyir-e2e-{os.getpid()}-{_made}"
        with contextlib.ExitStack() as undo:
            self.agent = Namespace(f"{name}-agent")
            undo.callback(self.agent.remove)
            self.collector = Namespace(f"{name}-collector")
            undo.callback(self.collector.remove)
            ip("link", "add", "cable", "netns", self.agent.name, "type", "veth",
               "peer", "name", "cable", "netns", self.collector.name)
            fds = []
            for namespace, cable, line, far in ((self.agent, self.CABLE_AGENT, self.LINE_AGENT, self.LINE_COLLECTOR),
                                                (self.collector, self.CABLE_COLLECTOR, self.LINE_COLLECTOR,
                                                 self.LINE_AGENT)):
                namespace.ip("link", "set", "lo", "up")
                with namespace.entered():
                    fds.append(_open_tun("line"))
                undo.callback(os.close, fds[-1])
                namespace.ip("addr", "add", cable + "/24", "dev", "cable")
                namespace.ip("link", "set", "cable", "up")
                namespace.ip("addr", "add", line, "peer", far, "dev", "line")
                namespace.ip("link", "set", "line", "up")
            self.line = LossyLink(*fds, seed)
            self.line.start()
            undo.callback(self.line.close)
            self.cleanup = undo.pop_all()

    def close(self):
        self.cleanup.close()
        assert self.line.error is None, f"the line broke: {self.line.error!r}"
