"""Programs that receive OTLP, and what they have received.

    with otlp.Sink(folder) as sink:
        run(environment=otlp.environment(sink.address, "service"))
        sink.metrics()                                   # by the names of the services
        sink.spans()

Sink is a receiver on OpenTelemetry's Go code, which is built in seconds. Collector is the OpenTelemetry Collector, whose
build takes minutes.
"""

import base64
import collections
import json
import pathlib
import re

import foreign_clients
import harness
import servers
import tools

LISTENING = re.compile(r"listening on (?P<addresses>\S+)$")


def peer():
    """The program of telemetry/peer."""
    return tools.go_module("telemetry/peer")


def collector():
    """The OpenTelemetry Collector with the parts that these checks need."""
    return tools.go_module("telemetry/collector", chore="collector")


def environment(address, service=None, **variables):
    """The variables of a program that exports to `address` all that it does."""
    made = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}", "OTEL_EXPORTER_OTLP_INSECURE": "true",
            "OTEL_BSP_SCHEDULE_DELAY": "10", **variables}
    return {**made, "OTEL_SERVICE_NAME": service} if service else made


class Received:
    """Requests as JSON, one after another."""

    def __init__(self, requests):
        self.requests = requests

    def metrics(self):
        """{service: {metric: {"unit", "description", "kind", "points"}}}, each as it was exported last."""
        found = collections.defaultdict(dict)
        for process in self._all("resourceMetrics"):
            service = _attributes(process["resource"])["service.name"]
            for scope in process["scopeMetrics"]:
                for metric in scope["metrics"]:
                    found[service][metric["name"]] = _metric(metric)
        return found

    def spans(self):
        """A list of the spans, each with its service."""
        found = []
        for process in self._all("resourceSpans"):
            service = _attributes(process["resource"])["service.name"]
            for scope in process["scopeSpans"]:
                found += [_span(service, span) for span in scope["spans"]]
        return found

    def _all(self, kind):
        return [process for request in self.requests for process in request.get(kind, [])]


class Receiver(harness.Daemon):
    """A program that writes what it receives to a file, one request a line."""

    def __init__(self, command, file, ready):
        super().__init__(command, ready=ready)
        self.file = file

    def received(self):
        text = self.file.read_text() if self.file.exists() else ""
        return Received([json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()])

    def metrics(self):
        return self.received().metrics()

    def spans(self):
        return self.received().spans()

    def has_spans(self, number):
        """Waits for that many. False on timeout."""
        return harness.wait_until(lambda: len(self.spans()) >= number)


class Sink(Receiver):
    """Receives OTLP over gRPC; with the files of a certificate, its key and a CA over TLS, from clients that the CA knows."""

    def __init__(self, folder, *tls):
        file = pathlib.Path(folder) / "sink.json"
        super().__init__([peer(), "sink", file, *tls], file, LISTENING)


class Collector(Receiver):
    """The OpenTelemetry Collector."""

    CONFIGURATION = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "{address}"}}}}}}}}
exporters: {{file: {{path: "{file}", flush_interval: 100ms}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
    metrics: {{receivers: [otlp], exporters: [file]}}
"""

    def __init__(self, folder, address):
        file = pathlib.Path(folder) / "collector.json"
        configuration = pathlib.Path(folder) / "collector.yaml"
        configuration.write_text(self.CONFIGURATION.format(address=address, file=file))
        super().__init__([collector(), "--config", f"file:{configuration}"], file,
                         re.compile(r"(?P<addresses>Everything is ready)"))
        self.listens = address

    def start(self):
        super().start()
        self.addresses = [self.listens]


class Rotel(harness.Daemon):
    """A receiver in Rust, which prints what it receives for people."""

    STARTS = re.compile(r'Starting Rotel.*?grpc_endpoint.*?"(?P<addresses>[^"]+)"')
    FIELDS = {"service.name": re.compile(r"-> service\.name: Str\((.*)\)"), "trace": re.compile(r"Trace ID +: (.*)"),
              "parent": re.compile(r"Parent ID +: ?(.*)"), "id": re.compile(r"  ID +: (.*)"),
              "name": re.compile(r"  Name +: (.*)")}

    def __init__(self):
        python = foreign_clients.python_with("rotel")
        (program,) = python.parent.parent.glob("lib/*/site-packages/rotel/rotel-agent")
        endpoints = [f"--otlp-{kind}-endpoint=127.0.0.1:{servers.free_port()}" for kind in ("grpc", "http")]
        # Its output is on stdout.
        super().__init__(["sh", "-c", 'exec "$0" "$@" >&2', program, "start", "--exporter=blackhole", "--debug-log=traces",
                          "--debug-log-verbosity=detailed", *endpoints], ready=self.STARTS)

    def spans(self):
        found = []
        service = ""
        for line in list(self.log):
            for field, pattern in self.FIELDS.items():
                value = pattern.search(line)
                if not value:
                    continue
                if field == "service.name":
                    service = value[1]
                elif field == "trace":
                    found.append({"service": service, "trace": value[1]})
                else:
                    found[-1].setdefault(field, value[1].strip())
        return [span for span in found if "name" in span]

    def has_spans(self, number):
        return harness.wait_until(lambda: len(self.spans()) >= number)


def _attributes(holder):
    return {each["key"]: _value(each["value"]) for each in holder.get("attributes", [])}


def _value(value):
    ((kind, content),) = value.items()
    return int(content) if kind == "intValue" else content


def _metric(metric):
    kind = "sum" if "sum" in metric else "histogram"
    points = [{"attributes": _attributes(point),
               "value": int(point.get("asInt", 0)),
               "count": int(point.get("count", 0)),
               "sum": point.get("sum", 0),
               "bounds": point.get("explicitBounds"),
               "buckets": [int(count) for count in point["bucketCounts"]] if "bucketCounts" in point else None}
              for point in metric[kind]["dataPoints"]]
    return {"unit": metric["unit"], "description": metric["description"], "kind": kind, "points": points}


def _id(text, size):
    """Hexadecimal, as OTLP's JSON has ids; protobuf's JSON has base64."""
    if not text or len(text) == 2 * size:
        return text.lower()
    return base64.b64decode(text).hex()


def _span(service, span):
    return {"service": service, "name": span["name"], "kind": span.get("kind"), "trace": _id(span["traceId"], 16),
            "id": _id(span["spanId"], 8), "parent": _id(span.get("parentSpanId", ""), 8),
            "begin": int(span["startTimeUnixNano"]), "end": int(span["endTimeUnixNano"]),
            "attributes": _attributes(span), "events": [event["name"] for event in span.get("events", [])],
            "status": span.get("status", {})}
