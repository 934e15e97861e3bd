// The server of streams.py: stream-server ADDRESS. Runs on one shard until SIGTERM.
#include "ringrpc/server.h"

#include <csignal>
#include <iostream>

#include "streams.ringrpc.h"

using namespace ringrpc;

namespace {

class Streams final : public bench::Streams::Service {
  Task<Result<bench::Message>> Unary(Call&, bench::Message request) override { co_return request; }

  Task<Status> Feed(Call&, bench::FeedRequest request, Writer<bench::Message>& out) override {
    bench::Message message;
    message.set_payload(request.payload());
    for (std::int64_t i = 0; i < request.messages(); ++i) co_await out.write(message);
    co_return Status();
  }

  Task<Status> PingPong(Call&, Reader<bench::Message>& in, Writer<bench::Message>& out) override {
    while (auto message = co_await in.next()) co_await out.write(*message);
    co_return Status();
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::cerr << "usage: stream-server ADDRESS\n", 2;
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  Streams streams;
  auto server = Server::start({&streams}, {.listen = {arguments[1]}, .shards = 1});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  int signal = 0;
  sigwait(&stop, &signal);
  (*server)->drain(std::chrono::seconds(10));
}
