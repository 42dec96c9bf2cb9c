# SPDX-License-Identifier: Apache-2.0
"""Asks with loki-reader-core what a dashboard's back end would: loki_read.py PORT START_NS END_NS. Prints JSON."""
import json
import sys

import loki_reader_core

port, start, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
client = loki_reader_core.LokiClient(f"http://127.0.0.1:{port}")
selector = '{service_name="checkout"}'
lines = client.query_range(selector, start, end, limit=1000, direction="forward")
counts = client.query_range(f"sum by (detected_level) (count_over_time({selector} [10m]))", start, end)
try:
    client.query_range(selector + " |= 5", start, end)
    refused = "no"
except loki_reader_core.LokiQueryError as error:
    refused = str(error)
print(json.dumps({
    "labels": client.get_labels(start, end),
    "values": client.get_label_values("env", start, end),
    "series": client.get_series([selector], start, end),
    "lines": [[entry.timestamp, entry.message] for stream in lines.streams for entry in stream.entries],
    "counted": [series.labels for series in counts.metric_series],
    "refused": refused,
}))
