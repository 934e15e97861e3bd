"""Our server with clients of grpc-java that cancel and let deadlines pass while they send, over Netty and over OkHttp."""

import foreign_clients
import harness


class GrpcJava(foreign_clients.Check):
    def test_it_keeps_its_connections(self):
        self.check(foreign_clients.grpc_java(), channels=2)


if __name__ == "__main__":
    harness.main()
