# SPDX-License-Identifier: Apache-2.0
"""Reads standard input with the parsers of prometheus_client; prints its names and number of samples as JSON."""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text

parse = {"openmetrics": open_metrics, "text": text}[sys.argv[1]]
families = list(parse(sys.stdin.read()))
names = {sample.name for family in families for sample in family.samples}
print(json.dumps({"names": sorted(names), "samples": sum(len(family.samples) for family in families)}))
