/// Accepting, and what is said when it fails.
#include "transport/listener.h"

#include <algorithm>
#include <doctest/doctest.h>

#include "apps/captured_stderr.h"
#include "reactor/simulation.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

struct NoSink final : ConnectionSink {
  void on_connection(Shard&, UniqueFd, bool) override {}
};

struct Impatient final : Connector::Handler {
  void on_connected(UniqueFd, int) override {}
};

TEST_CASE("a lack of descriptors is told, and not in every record of the log") {
  Simulation simulation(1, {.shards = 1, .faults = {.descriptors_max = 1}});
  Shard* shards[] = {&simulation.shard(0)};
  NoSink sink;
  Listener listener(shards, sink, 10);
  const auto address = *Address::parse("127.0.0.1:7");
  REQUIRE(listener.listen(address));
  Impatient client;
  const auto connector = simulation.shard(0).io().connect(resolve(address)->front(), client);
  const apps::CapturedStderr log;
  simulation.run_for(100s);
  const std::string text = log.text();
  CHECK(text.find("warning accept: too many open files; new connections are closed at once; raise the limit "
                  "(ulimit -n)\n") != std::string::npos);
  CHECK(text.find("more like this were not logged") != std::string::npos);
  const auto records = std::ranges::count(text, '\n');
  CHECK(records > 100);
  CHECK(records < 130);
}

}  // namespace
}  // namespace ringrpc
