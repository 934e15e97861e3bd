"""grpcclient and grpcbench against servers that people run: Debian's etcd over TCP and Debian's containerd on a unix socket.
Neither has reflection, so the test brings the parts of their services that it calls, with the names and numbers of the
originals."""

import base64
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness
from grpcclient_test import NOT_FOUND, Case, Conversation, grpcclient

ETCD = """
syntax = "proto3";
package etcdserverpb;
service KV {
  rpc Range(RangeRequest) returns (RangeResponse);
  rpc Put(PutRequest) returns (PutResponse);
}
service Watch { rpc Watch(stream WatchRequest) returns (stream WatchResponse); }
service Lease { rpc LeaseKeepAlive(stream LeaseKeepAliveRequest) returns (stream LeaseKeepAliveResponse); }
message KeyValue { bytes key = 1; int64 version = 4; bytes value = 5; int64 lease = 6; }
message RangeRequest { bytes key = 1; bytes range_end = 2; }
message RangeResponse { repeated KeyValue kvs = 2; int64 count = 4; }
message PutRequest { bytes key = 1; bytes value = 2; int64 lease = 3; }
message PutResponse {}
message WatchRequest { oneof request { WatchCreateRequest create_request = 1; } }
message WatchCreateRequest { bytes key = 1; }
message Event { KeyValue kv = 2; }
message WatchResponse { bool created = 3; repeated Event events = 11; }
message LeaseKeepAliveRequest { int64 ID = 1; }
message LeaseKeepAliveResponse { int64 ID = 2; int64 TTL = 3; }
"""
CONTAINERD = """
syntax = "proto3";
package containerd.services.SERVICE.v1;
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
"""
VERSION = """
service Version { rpc Version(google.protobuf.Empty) returns (VersionResponse); }
message VersionResponse { string version = 1; }
"""
NAMESPACES = """
service Namespaces {
  rpc List(ListNamespacesRequest) returns (ListNamespacesResponse);
  rpc Create(CreateNamespaceRequest) returns (CreateNamespaceResponse);
}
message Namespace { string name = 1; map<string, string> labels = 2; }
message ListNamespacesRequest {}
message ListNamespacesResponse { repeated Namespace namespaces = 1; }
message CreateNamespaceRequest { Namespace namespace = 1; }
message CreateNamespaceResponse { Namespace namespace = 1; }
"""
EVENTS = """
service Events { rpc Subscribe(SubscribeRequest) returns (stream Envelope); }
message SubscribeRequest { repeated string filters = 1; }
message Envelope { string namespace = 2; string topic = 3; google.protobuf.Any event = 4; }
"""


def text(value):
    return base64.b64encode(value.encode()).decode()


def installed(name):
    program = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        raise unittest.SkipTest(f"{name} is not installed; `.ci/setup foreign` installs it")
    return program


class Etcd(Case):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        command = [installed("etcd"), f"--data-dir={folder}/data", "--logger=zap", "--log-outputs=stderr"]
        anywhere = ["--listen-client-urls", "--advertise-client-urls", "--listen-peer-urls"]
        cls.etcd = cls.enterClassContext(harness.Daemon(
            [*command, *(f"{flag}=http://127.0.0.1:0" for flag in anywhere)],
            ready=re.compile(r'"serving client traffic.*"address":"(?P<addresses>[^"]+)"'),
            ends_with=-signal.SIGTERM,
        ))  # fmt: skip
        proto = folder / "etcd.proto"
        proto.write_text(ETCD)
        cls.service = ["--proto", str(proto)]

    def conversation(self, method):
        call = Conversation(self.etcd.address, subprocess.PIPE, f"etcdserverpb.{method}", *self.service)
        self.addCleanup(call.end)
        return call

    def call(self, method, data):
        return self.answers("call", self.etcd.address, f"etcdserverpb.{method}", *self.service, "--data", json.dumps(data))

    def test_a_value_that_is_put_can_be_read(self):
        self.assertEqual(self.call("KV/Put", {"key": text("colour"), "value": text("blue")}), [{}])
        [found] = self.call("KV/Range", {"key": text("colour")})
        self.assertEqual(found["count"], "1")
        self.assertEqual(found["kvs"][0]["value"], text("blue"))

    def test_a_failure_of_etcd_has_its_code_and_text(self):
        put = json.dumps({"key": text("k"), "lease": "4711"})
        done = grpcclient("call", self.etcd.address, "etcdserverpb.KV/Put", *self.service, "--data", put)
        self.assertEqual((done.returncode, done.stdout), (NOT_FOUND, ""))
        self.assertIn("NOT_FOUND: etcdserver: requested lease not found", done.stderr)

    def test_a_watch_tells_of_changes_as_they_come(self):
        watch = self.conversation("Watch/Watch")
        watch.say(json.dumps({"createRequest": {"key": text("door")}}))
        self.assertEqual(watch.hear(), {"created": True})
        for state in ("open", "closed"):
            self.call("KV/Put", {"key": text("door"), "value": text(state)})
            [event] = watch.hear()["events"]
            self.assertEqual(event["kv"]["value"], text(state))

    def test_both_directions_of_a_stream_take_turns(self):
        leases = self.conversation("Lease/LeaseKeepAlive")
        for lease in ("1", "2", "3"):
            leases.say(json.dumps({"ID": lease}))
            self.assertEqual(leases.hear(), {"ID": lease})  # without TTL, because there is no such lease

    def test_all_calls_of_a_load_run_succeed(self):
        get = json.dumps({"key": text("load")})
        load = ["--server", self.etcd.address, "--call", "etcdserverpb.KV/Range", *self.service, "--data", get]
        done = harness.run(
            [os.environ["GRPCBENCH"], *load, "--connections", "4", "--streams", "8", "-n", "2000", "-o", "json"],
            stderr=subprocess.PIPE,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["succeeded"], 2000, done.stdout)


@unittest.skipUnless(os.geteuid() == 0, "containerd needs root")
class Containerd(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        settings = cls.folder / "config.toml"
        socket = cls.folder / "containerd.sock"
        settings.write_text(
            f'version = 2\nroot = "{cls.folder}/root"\nstate = "{cls.folder}/state"\n'
            f'[grpc]\naddress = "{socket}"\n[ttrpc]\naddress = "{cls.folder}/ttrpc.sock"\n'
        )
        cls.enterClassContext(harness.Daemon(
            [installed("containerd"), "--config", settings], ready=re.compile(r"containerd (?P<addresses>successfully) booted")
        ))  # fmt: skip
        cls.address = f"unix:{socket}"

    def service(self, name, proto):
        file = self.folder / f"{name}.proto"
        file.write_text(CONTAINERD.replace("SERVICE", name) + proto)
        return [f"containerd.services.{name}.v1.{name.title()}", "--proto", str(file)]

    def call(self, service, method, data):
        name, *flags = service
        namespace = ["--header", "containerd-namespace: default"]
        return self.answers("call", self.address, f"{name}/{method}", *flags, *namespace, "--data", json.dumps(data))

    def test_it_tells_its_version_over_its_socket(self):
        [answer] = self.call(self.service("version", VERSION), "Version", {})
        self.assertRegex(answer["version"], r"^\d+\.\d+")

    def test_events_of_a_type_that_is_not_known_are_shown_as_they_come(self):
        namespaces = self.service("namespaces", NAMESPACES)
        name, *flags = self.service("events", EVENTS)
        events = Conversation(self.address, subprocess.DEVNULL, f"{name}/Subscribe", *flags, "--data", "{}")
        self.addCleanup(events.end)
        made = 0

        def told():
            """containerd does not say when a subscription has begun, so namespaces are made until one is told of."""
            nonlocal made
            made += 1
            self.call(namespaces, "Create", {"namespace": {"name": f"made-{made}"}})
            return select.select([events.process.stdout], [], [], 0)[0]

        self.assertTrue(harness.wait_until(told))
        told()
        for _ in range(2):
            event = events.hear()
            self.assertEqual(event["topic"], "/namespaces/create")
            self.assertTrue(event["event"]["@type"].endswith("containerd.events.NamespaceCreate"), event)
            self.assertIn(b"made-", base64.b64decode(event["event"]["@value"]))
        listed = [each["name"] for each in self.call(namespaces, "List", {})[0]["namespaces"]]
        self.assertIn("made-1", listed)


if __name__ == "__main__":
    harness.main()
