"""gRPC's interop test cases between our programs and connect-go's implementation of the gRPC protocol."""

import re
import signal

import harness
import peers
import tools


def setUpModule():
    global connect_peer
    connect_peer = tools.path("connect-peer")  # skips the module if there is no Go to build it with


class ConnectClient(peers.Pair):
    @classmethod
    def peers(cls):
        return [connect_peer], peers.our_server()


class ConnectServer(peers.Pair):
    @classmethod
    def peers(cls):
        ready = re.compile(r"serving on (?P<addresses>\S+)$")
        return peers.our_client(), harness.Daemon([connect_peer, "--port=0"], ready=ready, ends_with=-signal.SIGTERM)


# The soak cases are of gRPC's programs alone, and connect-go responds 404 to unknown services.
CASES = [name for name in peers.CASES if not name.endswith("_soak") and name != "unimplemented_service"]
peers.add_cases(ConnectClient, CASES)
peers.add_cases(ConnectServer, CASES)

if __name__ == "__main__":
    harness.main()
