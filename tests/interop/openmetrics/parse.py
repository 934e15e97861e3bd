"""Reads OpenMetrics from stdin with the strict parser of prometheus_client, and prints each sample as a line of JSON,
at its end the labels and the value of its exemplar, if there is one."""

import json
import sys

from prometheus_client.openmetrics import parser

for family in parser.text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        exemplar = [sample.exemplar.labels, sample.exemplar.value] if sample.exemplar else []
        print(json.dumps([family.name, family.type, family.unit, sample.name, sample.labels, sample.value, *exemplar]))
