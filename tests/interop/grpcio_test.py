"""Our server with a client of Python's grpcio that cancels and lets deadlines pass while it sends."""

import foreign_clients
import harness


class Grpcio(foreign_clients.Check):
    def test_it_keeps_its_connection(self):
        self.check(foreign_clients.grpcio())


if __name__ == "__main__":
    harness.main()
