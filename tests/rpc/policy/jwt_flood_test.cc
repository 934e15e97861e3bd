// Floods of bad tokens, and the callers that must be served beside them.
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/event_count.h"
#include "ringrpc/task_scope.h"

#include "rpc/policy/jwt_setting.h"
#include "rpc/world.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

using test::JwtSetting;

/// Calls over channels of its own with tokens whose signatures are not valid, each token once, until it is told
/// to stop.
class Flood {
 public:
  explicit Flood(JwtSetting& setting) : setting_(setting), good_(setting.issuer.token(test::claims)) {}

  /// Makes one more connection, for `calls` calls at a time. Ends once it is established.
  Task<void> open(const std::string& address, unsigned calls) {
    channels_.push_back(std::make_unique<Channel>(address));
    CHECK(co_await setting_.outcome(*channels_.back(), "") != "OK");
    for (unsigned i = 0; i < calls; ++i) calls_.spawn(call(*channels_.back()));
  }
  /// Ends once the server has refused a call because too many tokens wait.
  Task<void> has_filled_the_queue() {
    while (refused_ == 0) co_await refusals_.past(refusals_.count());
  }
  Task<void> stop() {
    over_ = true;
    CHECK((co_await calls_.join()).ok());
    channels_.clear();
  }

 private:
  Task<void> call(Channel& channel) {
    while (!over_) {
      const std::string outcome = co_await setting_.outcome(channel, "Bearer " + bad_token());
      CHECK(outcome != "OK");
      if (!outcome.starts_with("UNAVAILABLE: this server has too many tokens")) continue;
      ++refused_;
      refusals_.notify();
    }
  }
  std::string bad_token() {
    std::string number = std::to_string(1'000'000 + ++tokens_);
    std::string token = good_;
    return token.replace(token.size() - 40, number.size(), number);
  }

  JwtSetting& setting_;
  const std::string good_;
  unsigned tokens_ = 0;
  unsigned refused_ = 0;
  bool over_ = false;
  EventCount refusals_;
  std::vector<std::unique_ptr<Channel>> channels_;
  TaskScope calls_;
};

std::string token_of(const JwtSetting& setting, int number) {
  return "Bearer " + setting.issuer.token(R"({"iss":"i","aud":"a","exp":2000,"sub":"caller )" +
                                          std::to_string(number) + "\"}");
}

/// The failures among twenty calls one after the other, each with a token of its own.
Task<std::vector<std::string>> failures(JwtSetting& setting, Channel& channel) {
  std::vector<std::string> failed;
  for (int i = 0; i < 20; ++i)
    if (std::string outcome = co_await setting.outcome(channel, token_of(setting, i)); outcome != "OK")
      failed.push_back(std::move(outcome));
  co_return failed;
}

SocketAddress address_of(const std::string& text) { return resolve(*Address::parse(text))->front(); }

TEST_CASE("a flood of bad tokens over some connections fails no call of another from the same address") {
  SimulatedWorld world(1);
  JwtSetting setting({.waiting_tokens = 16});
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    Flood flood(setting);
    for (int i = 0; i < 4; ++i) co_await flood.open(world.address(), 16);
    co_await flood.has_filled_the_queue();
    CHECK((co_await failures(setting, channel)).empty());
    co_await flood.stop();
  }));
}

TEST_CASE(
    "a flood of bad tokens from one address over more connections than may wait fails no call of another") {
  SimulatedWorld world(1);
  JwtSetting setting({.waiting_tokens = 16});
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    Flood flood(setting);
    for (int i = 0; i < 40; ++i) co_await flood.open(world.address(), 2);
    co_await flood.has_filled_the_queue();
    world.simulation().network().client_address() = address_of("10.0.0.2:0");
    CHECK((co_await failures(setting, channel)).empty());
    co_await flood.stop();
  }));
}

TEST_CASE("a caller whose last token was valid is served beside a flood from more addresses than may wait") {
  SimulatedWorld world(1);
  JwtSetting setting({.waiting_tokens = 16});
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK(co_await setting.outcome(channel, token_of(setting, -1)) == "OK");
    Flood flood(setting);
    for (int i = 0; i < 40; ++i) {
      world.simulation().network().client_address() = address_of("10.0.1." + std::to_string(i) + ":0");
      co_await flood.open(world.address(), 1);
    }
    co_await flood.has_filled_the_queue();
    CHECK((co_await failures(setting, channel)).empty());
    co_await flood.stop();
  }));
}

TEST_CASE("verified tokens are accepted beside a flood after the same keys were loaded again") {
  SimulatedWorld world(1);
  JwtSetting setting({.waiting_tokens = 16});
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK((co_await failures(setting, channel)).empty());
    Flood flood(setting);
    for (int i = 0; i < 4; ++i) co_await flood.open(world.address(), 16);
    co_await flood.has_filled_the_queue();
    CHECK(setting.keys->reload().ok());
    CHECK((co_await failures(setting, channel)).empty());
    co_await flood.stop();
  }));
  CHECK(setting.metrics().find("ringrpc_jwt_verified_total 20\n") != std::string::npos);
}

}  // namespace
}  // namespace ringrpc
