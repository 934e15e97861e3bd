"""Our server with a client of Node's grpc-js that cancels and lets deadlines pass while it sends."""

import foreign_clients
import harness


class GrpcJs(foreign_clients.Check):
    def test_it_keeps_its_connection(self):
        self.check(foreign_clients.grpc_js())


if __name__ == "__main__":
    harness.main()
