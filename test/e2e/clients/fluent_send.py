# SPDX-License-Identifier: Apache-2.0
"""Sends each text of a JSON list with Python's fluent-logger: fluent_send.py PORT FILE SECONDS.

The first record has the time SECONDS, each next one a second more."""
import json
import sys

from fluent import sender

port, path, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
logger = sender.FluentSender("py", host="127.0.0.1", port=port, nanosecond_precision=True)
with open(path, encoding="utf-8") as texts:
    for number, text in enumerate(json.load(texts)):
        record = {"log": text, "number": number, "nested": {"list": [1, None, True, text]}}
        assert logger.emit_with_time("naughty", seconds + number, record), logger.last_error
logger.close()
