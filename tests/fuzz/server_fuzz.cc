// A whole server on a simulated network: one client sends any frames and messages in pieces,
// closes when it likes, and lets time pass; an honest client is served all the same, and
// nothing is left when both have gone.
#include <memory>

#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "rpc/server/raw_peer.h"
#include "rpc/world.h"

namespace ringrpc::fuzz {
namespace {

using namespace std::chrono_literals;

ServerOptions options_of(Input& input) {
  ServerOptions options;
  options.handshake_timeout = 5s;
  options.header_timeout = 5s;
  options.stall_timeout = 10s;
  options.max_message_bytes = 4096;
  options.max_concurrent_streams = 8 - input.number(8);
  options.max_connection_age = input.flag() ? 20s : std::chrono::milliseconds::max();
  options.max_connection_age_grace = 10s;
  return options;
}

void act(Input input, SimulatedWorld& world, RawPeer& peer, FrameChoices& frames) {
  switch (input.number(16)) {
    case 13:
      return world.simulation().run_for(std::chrono::milliseconds(20 * input.byte()));
    case 14:
      if (input.number(4) == 0) peer.finish();
      return;
    case 15:
      return peer.send(input.rest());
    default:
      return peer.send(frames.next(input));
  }
}

Task<void> call_honestly(Channel& channel) {
  CallOptions options;
  options.timeout = 60s;
  const auto response = co_await unary(channel, "Echo", "honest", options);
  REQUIRE(response.has_value());
  CHECK(response->bytes == "honest");
}

}  // namespace

void run(Input input) {
  Input setup = input.record();
  const ServerOptions options = options_of(setup);
  const bool greets = setup.number(8) != 7;
  const Faults faults = setup.flag() ? benign_faults() : Faults();
  SimulatedWorld world(setup.byte(), faults);
  world.serve(options);
  const std::unique_ptr<RawPeer> peer = RawPeer::silent(world);
  if (greets)
    peer->send(std::string(http2::test::preface) + http2::test::settings() + http2::test::settings_ack());
  FrameChoices frames(http2::Role::client, peer->encoder);
  while (!input.empty() && !peer->closed()) act(input.record(), world, *peer, frames);
  CHECK(world.run(call_honestly));
  // Without a maximum age a connection may stay open until its client ends it.
  if (options.max_connection_age == std::chrono::milliseconds::max()) peer->finish();
  world.simulation().run_for(2min);
  CHECK(peer->closed());
  CHECK(world.server().counters().connections_open == 0);
  CHECK(world.service().running == 0);
  plant(world.service().started > 2 && peer->frames_of(http2::test::frame_type::data) > 2);
}

}  // namespace ringrpc::fuzz
