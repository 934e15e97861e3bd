"""gRPC's interop test cases between our server and clients of other implementations."""

import tempfile

import certificates
import harness
import peers
import tools


def setUpModule():
    tools.path("client")  # skips the module if there is no Go to build it with


class GoClient(peers.Pair):
    @classmethod
    def peers(cls):
        return peers.go_client(), peers.our_server()


class OurClient(peers.Pair):
    @classmethod
    def peers(cls):
        return peers.our_client(), peers.our_server()


class OurClientOverUnix(peers.Pair):
    """Drivers pass a port with every kind of address."""

    @classmethod
    def peers(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        return peers.our_client(), peers.our_server(host=f"unix:{folder}/interop.sock")

    def where(self):
        return [f"--server_host={self.server.address}", "--server_port=10000"]


class GoClientOverTls(peers.Pair):
    @classmethod
    def peers(cls):
        made = cls.enterClassContext(certificates.Folder())
        return peers.go_client(made), peers.our_server(made)


class OurClientOverTls(peers.Pair):
    @classmethod
    def peers(cls):
        made = cls.enterClassContext(certificates.Folder())
        return peers.our_client(made), peers.our_server(made)


peers.add_cases(GoClient)
peers.add_cases(GoClientOverTls)
peers.add_cases(OurClientOverTls)
peers.add_cases(OurClientOverUnix, ["empty_unary", "ping_pong", "channel_soak"])
peers.add_cases(OurClient, peers.CASES + peers.COMPRESSION_CASES)

if __name__ == "__main__":
    harness.main()
