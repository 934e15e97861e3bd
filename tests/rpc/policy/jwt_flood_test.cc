// Floods of bad tokens, and the callers that must be served beside them.
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/event_count.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/turn_share.h"

#include "rpc/policy/jwt_setting.h"
#include "rpc/world.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

using test::JwtSetting;

/// True if a call was refused because too many tokens wait.
bool refused_for_load(std::string_view outcome) {
  return outcome.starts_with("UNAVAILABLE: ") && outcome.contains("too many tokens");
}

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
      if (!refused_for_load(outcome)) continue;
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

/// A key set whose tokens without a key id take milliseconds to verify: with four keys of the largest size and
/// exponent.
std::string slow_key_set(const test::JwtIssuer& issuer) {
  std::string keys = issuer.key();
  for (char each = 1; each <= 4; ++each)
    keys += R"(,{"kty":"RSA","alg":"RS256","n":")" + test::base64url(std::string(1023, '\xff') + each) +
            R"(","e":")" + test::base64url("\xff\xff\xff\xff") + "\"}";
  return R"({"keys":[)" + keys + "]}";
}

std::string slow_token(int number) {
  std::string signature(1024, 'a');
  signature.replace(0, 4, std::to_string(1'000 + number));
  return "Bearer " + test::base64url(R"({"alg":"RS256"})") + "." + test::base64url(test::claims) + "." +
         test::base64url(signature);
}

/// Counts the calls before their tokens are verified.
class Arrivals final : public Interceptor {
 public:
  Task<Status> intercept(Call&, Next next) override {
    ++calls;
    return next();
  }
  std::size_t calls = 0;
};

/// Slow tokens wait, and calls with one good token: `first` from a connection with a long line, and `seconds`, which
/// wait for its verification, from another. Then more slow tokens arrive, and the longest line gives way.
struct SharedToken {
  explicit SharedToken(std::size_t calls) : seconds(calls) {}

  /// Runs all calls to their ends.
  void run() {
    SimulatedWorld world(1);
    world.serve({.interceptors = {&arrivals, setting.authentication.get()}});
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      Channel long_line(world.address()), other(world.address());
      for (Channel* each : {&channel, &long_line, &other}) CHECK(co_await setting.outcome(*each, "") != "OK");
      arrivals.calls = 0;
      const std::string shared = "Bearer " + issuer.token(test::claims);
      TaskScope calls;
      std::vector<std::string> others(25);
      for (int i = 0; i < 13; ++i) calls.spawn(note(long_line, slow_token(i), others.at(i)));
      co_await have_arrived(13);
      calls.spawn(note(long_line, shared, first));
      co_await have_arrived(14);
      for (std::string& each : seconds) calls.spawn(note(channel, shared, each));
      co_await have_arrived(14 + seconds.size());
      for (int i = 13; i < 25; ++i) calls.spawn(note(other, slow_token(i), others.at(i)));
      CHECK((co_await calls.join()).ok());
    }));
  }

  std::string first;
  std::vector<std::string> seconds;
  const test::JwtIssuer issuer;
  JwtSetting setting{{.keys = JwtKeys::load(Pem::text(slow_key_set(issuer))).value(), .waiting_tokens = 16}};

 private:
  Task<> note(Channel& from, std::string token, std::string& outcome) {
    outcome = co_await setting.outcome(from, std::move(token));
  }
  Task<> have_arrived(std::size_t calls) {
    while (arrivals.calls < calls) co_await turn_share();
  }

  Arrivals arrivals;
};

TEST_CASE("a caller is not refused for the line of another one with the same token") {
  SharedToken token(1);
  token.run();
  CHECK(refused_for_load(token.first));
  CHECK(token.seconds.front() == "OK");
}

TEST_CASE("calls that wait for a caller without a place share one more verification of their token") {
  SharedToken token(5);
  token.run();
  CHECK(refused_for_load(token.first));
  for (const std::string& each : token.seconds) CHECK(each == "OK");
  CHECK(token.setting.metrics().find("ringrpc_jwt_verified_total 1\n") != std::string::npos);
}

}  // namespace
}  // namespace ringrpc
