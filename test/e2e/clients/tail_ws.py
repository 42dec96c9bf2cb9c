# SPDX-License-Identifier: Apache-2.0
"""Follows lines with websocket-client: tail_ws.py PORT QUERY MESSAGES|until-close [DELAY_S].

Prints each message as a line, then {"close": code, "pongs": n}. DELAY_S: opens, reads nothing for so long."""
import json
import socket
import struct
import sys
import time
import urllib.parse

import websocket

port, query, count = sys.argv[1], sys.argv[2], sys.argv[3]
delay_s = float(sys.argv[4]) if len(sys.argv) > 4 else 0
parameters = urllib.parse.urlencode({"query": query, "limit": 100, "delay_for": 0})
client = websocket.create_connection(
    f"ws://127.0.0.1:{port}/loki/api/v1/tail?{parameters}", timeout=60,
    sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)] if delay_s else None)
print("open", flush=True)
time.sleep(delay_s)
client.ping("are you there")
pongs = messages = 0
code = None
while count == "until-close" or messages < int(count):
    opcode, data = client.recv_data(control_frame=True)
    if opcode == websocket.ABNF.OPCODE_TEXT:
        messages += 1
        print(json.dumps(json.loads(data)), flush=True)
    elif opcode == websocket.ABNF.OPCODE_PONG and data == b"are you there":
        pongs += 1
    elif opcode == websocket.ABNF.OPCODE_CLOSE:
        code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else None
        break
client.close()
print(json.dumps({"close": code, "pongs": pongs}), flush=True)
