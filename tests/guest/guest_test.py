"""Runs our programs and tests over real AF_VSOCK sockets, on Debian's own kernel, in a virtual machine.

vsock's loopback (CID 1) is a module that most machines do not load, and a machine that is itself virtual would reach its
hypervisor, so the guest provides its own. Its kernel is Debian's stock one: on Debian 12 that is 6.1, the oldest kernel that
io_uring is supported on. Everything runs there on io_uring, and again on epoll with io_uring hidden. A second guest has the
newer kernel that Debian also offers, and runs the tests that depend most on the kernel.
"""

import os
import re
import time
import unittest

import certificates
import harness
import machine

MODULES = ("vsock", "vmw_vsock_virtio_transport_common", "vsock_loopback")
PROGRAMS = ("GRPCD", "GRPCCLIENT", "GRPCBENCH", "INTEROP_SERVER", "INTEROP_CLIENT", "REACTOR_TESTS", "TRANSPORT_TESTS",
            "VSOCK_TESTS", "IO_URING_HIDER")  # fmt: skip
STOCK = "linux-image-cloud-amd64"
NEWER = "linux-image-6.12-cloud-amd64"
PROMISED = "6.1."  # the oldest kernel that io_uring is supported on
BOOT_SECONDS = 1500  # until the guest powers off; a busy machine emulates slowly
# The tests that depend on the kernel. Under emulation, the rest would take longer than all of these.
REACTOR_FILES = "*/backend_test.cc,*/backlog_test.cc,*/listen_test.cc,*/stream_test.cc,*/uring_test.cc"
TRANSPORT_FILES = "*/address_test.cc,*/hybrid_vsock_test.cc"
CASES = (
    "empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
    "timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "status_code_and_message",
    "special_status_message", "custom_metadata", "unimplemented_method", "unimplemented_service",
    "client_compressed_unary", "server_compressed_unary",
)  # fmt: skip

# check NAME COMMAND... says how it ended, and what it said when it did not end well.
SCRIPT = """
check() {
  name=$1; shift
  timeout 600 "$@" >/tmp/said 2>&1; status=$?
  [ $status = 0 ] || cat /tmp/said
  echo "@ $name $status"
}
# said NAME TEXT FILE: the file says so.
said() { grep -q "$2" $3; status=$?; [ $status = 0 ] || cat $3; echo "@ $1 $status"; }
await() { for i in $(seq 3000); do grep -q " ready on " $1 && return; sleep 0.1; done; cat $1; }

serve_and_call() {
  backend=$1; shift
  "$@" grpcd --listen vsock://any:50051 --listen 127.0.0.1:50051 --listen unix:/tmp/grpcd.sock --listen tls+vsock:any:50052 \
    --tls-cert /files/server.pem --tls-key /files/server.key --shards 2 2>/tmp/grpcd.log &
  grpcd=$!
  await /tmp/grpcd.log
  addresses="vsock:any:50051 127.0.0.1:50051 unix:/tmp/grpcd.sock tls+vsock:any:50052"
  said $backend-ready "ready on $addresses (2 shards, $backend)" /tmp/grpcd.log
  for address in vsock:local:50051 vsock://1:50051 127.0.0.1:50051 unix:/tmp/grpcd.sock; do
    check $backend-demo-$address "$@" grpcclient demo $address
  done
  check $backend-tls-demo "$@" grpcclient demo tls+vsock:local:50052 --tls-ca /files/ca.pem
  check $backend-bench "$@" grpcbench --transport vsock --requests 500
  check $backend-list "$@" grpcclient list vsock:local:50051
  check $backend-call "$@" grpcclient call vsock:local:50051 echo.v1.EchoService/Echo -d '{"payload": "aGVsbG8="}'
  kill -TERM $grpcd; wait $grpcd; echo "@ $backend-grpcd-ends $?"

  "$@" interop_server --host=vsock:any --port=10000 --shards=2 2>/tmp/interop.log &
  interop=$!
  await /tmp/interop.log
  for case in CASES; do
    check $backend-$case "$@" interop_client --server_host=vsock:local --server_port=10000 --test_case=$case
  done
  kill -TERM $interop; wait $interop; echo "@ $backend-interop-ends $?"
}

run_tests() {
  check vsock-tests vsock-tests
  check transport-tests transport-tests '--source-file=ADDRESSES'
  check io_uring-reactor-tests reactor-tests '--source-file=FILES'
  check epoll-reactor-tests without_io_uring EPERM reactor-tests '--source-file=FILES'
}
""".replace("CASES", " ".join(CASES)).replace("FILES", REACTOR_FILES).replace("ADDRESSES", TRANSPORT_FILES)  # fmt: skip
RUN_TESTS = "run_tests\n"
SERVE_AND_CALL = "serve_and_call io_uring\nserve_and_call epoll without_io_uring ENOSYS\n"
TESTS = 4
# For each backend: the ready line, four addresses, TLS, the benchmark, list, call, the exits of both servers, the
# cases.
CALLS = 2 * (1 + 4 + 1 + 1 + 2 + 2 + len(CASES))


def setUpModule():
    machine.kernel(STOCK)  # skips the module if there is none


class Guest(unittest.TestCase):
    def run_in(self, latest, series, script, checks):
        """Runs `script` on the kernel of the package `latest`, which must be of this series. All `checks` must succeed."""
        kernel = machine.kernel(latest)
        began = time.monotonic()
        with certificates.Folder() as made:
            files = [made.ca, *made.issue("server")]
            programs = [os.environ[name] for name in PROGRAMS]
            said = machine.boot(kernel, programs, MODULES, SCRIPT + script, BOOT_SECONDS, files)
        print(said, f"\n{time.monotonic() - began:.0f} s", flush=True)
        release = re.search(r"^booted Linux (\S+)$", said, re.MULTILINE)
        self.assertTrue(release, "it did not boot")
        self.assertEqual("linux-image-" + release[1], kernel.name)
        self.assertTrue(release[1].startswith(series), f"{release[1]} is none of {series}")
        outcomes = re.findall(r"^@ (\S+) (\d+)$", said, re.MULTILINE)
        for name, status in outcomes:
            with self.subTest(name):
                self.assertEqual(status, "0")
        self.assertEqual(len(outcomes), checks)

    def test_all_on_the_stock_kernel(self):
        self.run_in(STOCK, PROMISED, RUN_TESTS + SERVE_AND_CALL, TESTS + CALLS)

    def test_sockets_on_the_newer_kernel(self):
        self.run_in(NEWER, "6.12.", RUN_TESTS, TESTS)


if __name__ == "__main__":
    harness.main()
