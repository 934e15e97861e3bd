// A whole channel on a simulated network: its server sends any frames and messages in pieces, and closes when
// it likes. Every call ends with a status before its deadline, and nothing is left when the channel has gone.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/task_scope.h"

#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "rpc/client/raw_host.h"

namespace ringrpc::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds calls_timeout = 10s;

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

/// What a server does: for each connection and each request a record, and the next ones as long as a record
/// says so. At the end of the input it responds as it should.
class Conduct {
 public:
  explicit Conduct(Input& input) noexcept : input_(input) {}

  void on_connection(RawPeer& peer) { act(peer, std::nullopt); }

  void on_request(RawPeer& peer, std::uint32_t id) {
    frames_of(peer).began(id);
    act(peer, id);
  }

 private:
  FrameChoices& frames_of(RawPeer& peer) {
    return frames_.try_emplace(&peer, http2::Role::server, peer.encoder).first->second;
  }

  void act(RawPeer& peer, std::optional<std::uint32_t> request) {
    for (bool more = true; more;) {
      Input record = input_.record();
      more = record.flag();
      switch (record.number(16)) {
        case 12:
          if (record.number(4) == 0) peer.finish();
          break;
        case 13:
          peer.send(record.rest());
          break;
        case 14:
          break;
        case 5:
        case 6:
        case 7:
        case 8:
        case 9:
        case 10:
        case 11:
        case 15:
          peer.send(frames_of(peer).next(record));
          break;
        default:
          if (request) peer.send(test::well_answered()(peer, *request));
      }
    }
  }

  Input& input_;
  std::map<const RawPeer*, FrameChoices> frames_;
};

Task<void> call(Channel& channel, CallOptions options, int& succeeded) {
  const auto response = co_await test::unary(channel, std::move(options));
  succeeded += response.has_value();
}

Task<void> call_all(Channel& channel, Input& setup, int& succeeded) {
  CallOptions options;
  options.timeout = calls_timeout;
  TaskScope calls;
  for (std::uint32_t count = 1 + setup.number(4); count > 0; --count) {
    options.compression = setup.flag() ? Compression::gzip : Compression::identity;
    calls.spawn(call(channel, options, succeeded));
  }
  CHECK((co_await calls.join()).ok());
}

}  // namespace

void run(Input input) {
  Input setup = input.record();
  const ChannelOptions options = options_of(setup);
  const Faults faults = setup.flag() ? benign_faults() : Faults();
  SimulatedWorld world(setup.byte(), faults);
  test::RawHost host(world);
  if (setup.number(8) == 7) host.greeting = setup.text(40);
  Conduct conduct(input);
  host.on_connection = [&](RawPeer& peer) { conduct.on_connection(peer); };
  host.answer = [&](RawPeer& peer, std::uint32_t id) {
    conduct.on_request(peer, id);
    return std::string();
  };
  int succeeded = 0;
  const Instant begun = world.simulation().now();
  CHECK(host.serve([&](Channel& channel) { return call_all(channel, setup, succeeded); }, options));
  CHECK(world.simulation().now() - begun <= calls_timeout + 1s);
  plant(succeeded > 1 && host.peers.size() > 1);
}

}  // namespace ringrpc::fuzz
