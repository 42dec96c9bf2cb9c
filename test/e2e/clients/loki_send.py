# SPDX-License-Identifier: Apache-2.0
"""Logs each text of a JSON list through python-logging-loki (JSON pushes): loki_send.py PORT FILE"""
import json
import logging
import pathlib
import sys

import logging_loki

failures = []
handler = logging_loki.LokiHandler(
    url=f"http://127.0.0.1:{sys.argv[1]}/loki/api/v1/push", tags={"app": "python"}, version="1")
handler.handleError = lambda record: failures.append(repr(sys.exc_info()[1]))
logger = logging.getLogger("shop.cart")
logger.setLevel(logging.INFO)
logger.addHandler(handler)
for text in json.loads(pathlib.Path(sys.argv[2]).read_text()):
    logger.info("%s", text, extra={"tags": {"env": "test"}})
if failures:
    sys.exit(f"{len(failures)} records failed, the first: {failures[0]}")
