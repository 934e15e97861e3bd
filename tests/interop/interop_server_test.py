"""Our server before other people's clients: gRPC's interop test cases."""

import certificates
import harness
import peers
import tools


def setUpModule():
    tools.path("client")  # skips all of it where there is no Go to build it with


class GoClient(peers.Pair):
    @classmethod
    def peers(cls):
        return peers.go_client(), peers.our_server()


class OurClient(peers.Pair):
    @classmethod
    def peers(cls):
        return peers.our_client(), peers.our_server()


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
peers.add_cases(OurClient, peers.CASES + peers.COMPRESSION_CASES)

if __name__ == "__main__":
    harness.main()
