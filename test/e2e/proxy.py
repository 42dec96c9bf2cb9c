# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy between agent and collector that can misbehave on command."""
import socket
import threading


class WireProxy:
    """Threads: two pumps a connection; the switches may be thrown from any thread.

    acks_flow   cleared: bytes from the collector are held back until it is set or the link is cut
    delay_s     each piece waits that long before it goes on
    refuse      new connections are closed at once
    """

    def __init__(self, target_port):
        self.target_port = target_port
        self.acks_flow = threading.Event()
        self.acks_flow.set()
        self.closed = threading.Event()
        self.delay_s = 0.0
        self.refuse = False
        self.corrupt_left = 0
        self.sent_up = []          # one bytearray a connection: all the agent has sent
        self.bytes_up = 0
        self.lock = threading.Lock()
        self.links = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.closed.is_set():
            try:
                agent, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refuse:
                    raise ConnectionRefusedError
                collector = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
                collector.settimeout(None)
            except OSError:
                agent.close()
                continue
            recorded = bytearray()
            with self.lock:
                self.links.append((agent, collector))
                self.sent_up.append(recorded)
            threading.Thread(target=self._pump, args=(agent, collector, True, recorded), daemon=True).start()
            threading.Thread(target=self._pump, args=(collector, agent, False, None), daemon=True).start()

    def _pump(self, source, sink, up, recorded):
        try:
            while True:
                piece = source.recv(65536)
                if not piece:
                    break
                if self.delay_s:
                    self.closed.wait(self.delay_s)
                if up:
                    piece = self._spoil(piece)
                    with self.lock:
                        recorded += piece
                        self.bytes_up += len(piece)
                else:
                    self._hold()
                sink.sendall(piece)
        except OSError:
            pass
        finally:
            for s in (source, sink):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _spoil(self, piece):
        with self.lock:
            if self.corrupt_left == 0 or len(piece) < 200:
                return piece
            self.corrupt_left -= 1
        spoiled = bytearray(piece)
        spoiled[len(spoiled) // 2] ^= 0x40
        return bytes(spoiled)

    def _hold(self):
        while not self.acks_flow.wait(0.2):
            if self.closed.is_set():
                raise OSError("closed")

    def corrupt_next(self, pieces=1):
        """One flipped bit in each of the next pieces from the agent."""
        with self.lock:
            self.corrupt_left = pieces

    def cut(self):
        """Ends every connection, with what is in flight lost."""
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            for s in link:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.closed.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.cut()
