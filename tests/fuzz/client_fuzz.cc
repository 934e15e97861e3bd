// A whole channel on a simulated network: its server sends any frames and messages in pieces, and closes when
// it likes. Every call ends with a status before its deadline, and nothing is left when the channel has gone.
#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "rpc/client/raw_host.h"

namespace ringrpc::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view retrying = R"({"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3,
  "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]})";
constexpr std::string_view hedging = R"({"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 3,
  "hedgingDelay": "0.1s", "nonFatalStatusCodes": ["UNAVAILABLE"]}}]})";

std::shared_ptr<const ServiceConfig> config(std::string_view json) {
  auto parsed = ServiceConfig::parse(json);
  REQUIRE(parsed.has_value());
  return *std::move(parsed);
}

ChannelOptions options_of(Input& input) {
  static const std::shared_ptr<const ServiceConfig> configs[] = {nullptr, nullptr, config(retrying),
                                                                 config(hedging)};
  ChannelOptions options;
  options.max_message_bytes = 4096;
  options.connect_timeout = 5s;
  options.service_config = input.pick(configs);
  return options;
}

/// What the server does next on one connection.
void act(Input& input, RawPeer& peer) {
  for (std::uint32_t frames = input.number(6); frames > 0; --frames) {
    switch (input.number(16)) {
      case 0:
        if (input.number(4) == 0) peer.finish();
        break;
      case 1:
        peer.send(input.text(100));
        break;
      default:
        peer.send(next_frame(input, peer.encoder));
    }
  }
}

Task<void> call_all(Channel& channel, Input& input, int& succeeded) {
  CallOptions options;
  options.timeout = 10s;
  std::vector<Task<CallResult<RawMessage>>> calls;
  for (std::uint32_t count = 1 + input.number(4); count > 0; --count) {
    options.compression = input.flag() ? Compression::gzip : Compression::identity;
    calls.push_back(test::unary(channel, options));
    calls.back().start();
  }
  co_await test::all_done(calls);
  for (const auto& call : calls) succeeded += test::code_of(call) == Code::OK;
}

}  // namespace

void run(Input input) {
  SimulatedWorld world(input.byte(), input.flag() ? benign_faults() : Faults());
  test::RawHost host(world);
  if (input.number(8) == 0) host.greeting = input.text(40);
  host.on_connection = [&](RawPeer& peer) { act(input, peer); };
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    if (input.number(4) == 0) return test::well_answered()(peer, id);
    act(input, peer);
    return std::string();
  };
  int succeeded = 0;
  CHECK(host.serve([&](Channel& channel) { return call_all(channel, input, succeeded); }, options_of(input)));
  plant(succeeded > 1 && host.peers.size() > 1);
}

}  // namespace ringrpc::fuzz
