// Calls with JSON Web Tokens: who is let in, what handlers learn, and how tokens are cached.
#include "ringrpc/jwt_auth.h"

#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <vector>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "base/internals.h"
#include "observe/metrics_text.h"
#include "rpc/policy/jwt_issuer.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr auto wall_start = std::chrono::system_clock::time_point(1000s);
const std::string claims = R"({"iss":"i","aud":"a","exp":2000,"sub":"alice","email":"a@x"})";

/// Notes the identity of each call.
class Identity final : public Interceptor {
 public:
  Task<Status> intercept(Call& call, Next next) override {
    seen = std::string(call.attributes().find(BearerAuth::principal).value_or("nobody"));
    if (const auto email = JwtAuth::claim(call, "email")) seen += " " + std::string(*email);
    return next();
  }
  std::string seen;
};

struct Setting {
  explicit Setting(JwtAuthOptions options = {}) {
    options.keys = keys;
    options.issuer = "i";
    options.audience = "a";
    options.claims = {"email"};
    options.now = [this] { return wall; };
    authentication = JwtAuth::start(options).value();
  }

  test::JwtIssuer issuer;
  std::shared_ptr<JwtKeys> keys = JwtKeys::load(Pem::text(issuer.key_set())).value();
  std::chrono::system_clock::time_point wall = wall_start;
  std::unique_ptr<JwtAuth> authentication;
  Identity identity;

  void serve(World& world) {
    ServerOptions options;
    options.interceptors = {authentication.get(), &identity};
    world.serve(options);
  }
  /// "OK" or the failure of a call.
  Task<std::string> outcome(Channel& channel, std::string authorization) {
    CallOptions options;
    if (!authorization.empty()) CHECK(options.metadata.add("authorization", authorization).ok());
    const auto answer = co_await unary(channel, "Echo", "x", std::move(options));
    co_return answer ? "OK" : answer.error().to_string();
  }
  std::string metrics() {
    MetricsText text(MetricsFormat::prometheus);
    auto writer = detail::Internals::make<MetricsWriter>(text);
    authentication->write_metrics(writer);
    return std::move(text).finish();
  }
};

TEST_CASE("calls with a valid token are served and have an identity; others get UNAUTHENTICATED") {
  RealWorld world;
  Setting setting;
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const std::string token = setting.issuer.token(claims);
    CHECK(co_await setting.outcome(channel, "Bearer " + token) == "OK");
    CHECK(setting.identity.seen == "alice a@x");
    CHECK(co_await setting.outcome(channel, "bearer " + token) == "OK");
    CHECK(setting.identity.seen == "alice a@x");
    CHECK(co_await setting.outcome(channel, "") ==
          "UNAUTHENTICATED: no authorization: send \"authorization: Bearer <token>\"");
    CHECK(co_await setting.outcome(channel, "Basic " + token) ==
          "UNAUTHENTICATED: the authorization is not of the form \"Bearer <token>\"");
    CHECK(co_await setting.outcome(channel, "Bearer x.y.z") ==
          "UNAUTHENTICATED: the token is malformed: a part is not base64url without padding");
    CallOptions twice;
    for (int i = 0; i < 2; ++i) CHECK(twice.metadata.add("authorization", "Bearer " + token).ok());
    const auto answer = co_await unary(channel, "Echo", "x", twice);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().to_string() == "UNAUTHENTICATED: more than one authorization: send one");
  }));
  const std::string metrics = setting.metrics();
  CHECK(metrics.find("ringrpc_jwt_verified_total 1\n") !=
        std::string::npos);  // the second call found it in the cache
  CHECK(metrics.find("ringrpc_jwt_refused_total{cause=\"missing\"} 3\n") != std::string::npos);
  CHECK(metrics.find("ringrpc_jwt_refused_total{cause=\"malformed\"} 1\n") != std::string::npos);
}

TEST_CASE("calls that begin together share the verification of their token") {
  RealWorld world;
  Setting setting;
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const std::string good = "Bearer " + setting.issuer.token(claims);
    const std::string bad = good.substr(0, good.size() - 4) + "AAAA";
    std::vector<Task<std::string>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(setting.outcome(channel, i % 2 == 0 ? good : bad));
    const std::vector<std::string> outcomes = co_await when_all(std::move(calls));
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      CHECK(outcomes[i] == (i % 2 == 0 ? "OK" : "UNAUTHENTICATED: the token's signature is not valid"));
  }));
  CHECK(setting.metrics().find("ringrpc_jwt_verified_total 1\n") != std::string::npos);
}

TEST_CASE("a cached token is refused once the keys have changed") {
  RealWorld world;
  Setting setting;
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const std::string token = "Bearer " + setting.issuer.token(claims);
    CHECK(co_await setting.outcome(channel, token) == "OK");
    CHECK(setting.keys->reload().ok());  // the same keys: verified again
    CHECK(co_await setting.outcome(channel, token) == "OK");
  }));
  CHECK(setting.metrics().find("ringrpc_jwt_verified_total 2\n") != std::string::npos);
}

TEST_CASE("a token that would be one too many to wait gets UNAVAILABLE") {
  RealWorld world;
  Setting setting({.waiting_tokens = 0});
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK(co_await setting.outcome(channel, "Bearer " + setting.issuer.token(claims)) ==
          "UNAVAILABLE: this server has too many tokens to verify; try again");
  }));
  CHECK(setting.metrics().find("ringrpc_jwt_refused_total{cause=\"busy\"} 1\n") != std::string::npos);
}

TEST_CASE(
    "a token whose five minutes in the cache are over is verified again, and refused once it has expired") {
  SimulatedWorld world(1);
  Setting setting;
  setting.serve(world);
  const std::string token = "Bearer " + setting.issuer.token(claims);
  const auto call = [&] {
    std::string outcome;
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> { outcome = co_await setting.outcome(channel, token); }));
    return outcome;
  };
  CHECK(call() == "OK");
  setting.wall += 1500s;  // set by hand: the cache does not notice yet
  CHECK(call() == "OK");
  CHECK(world.run([](Channel&) -> Task<void> { co_await sleep_for(5min); }));
  CHECK(call() == "UNAUTHENTICATED: the token expired at 1970-01-01T00:33:20.000Z");
}

TEST_CASE("an option that makes no sense is refused by its name") {
  const Setting setting;
  const auto refusal = [&](const std::function<void(JwtAuthOptions&)>& change) {
    JwtAuthOptions options{.keys = setting.keys, .issuer = "i", .audience = "a"};
    change(options);
    const auto made = JwtAuth::start(options);
    return made ? "OK" : std::string(made.error().message());
  };
  CHECK(refusal([](JwtAuthOptions&) {}) == "OK");
  CHECK(refusal([](JwtAuthOptions& options) { options.keys = nullptr; }).starts_with("JwtAuthOptions::keys"));
  CHECK(refusal([](JwtAuthOptions& options) { options.issuer = ""; }).starts_with("JwtAuthOptions::issuer"));
  CHECK(refusal([](JwtAuthOptions& options) {
          options.audience = "";
        }).starts_with("JwtAuthOptions::audience"));
  CHECK(refusal([](JwtAuthOptions& options) {
          options.algorithms = {};
        }).starts_with("JwtAuthOptions::algorithms"));
  CHECK(
      refusal([](JwtAuthOptions& options) { options.leeway = 301s; }).starts_with("JwtAuthOptions::leeway"));
  CHECK(refusal([](JwtAuthOptions& options) { options.leeway = -1s; }).starts_with("JwtAuthOptions::leeway"));
  CHECK(refusal([](JwtAuthOptions& options) {
          options.waiting_tokens = 65'537;
        }).starts_with("JwtAuthOptions::waiting_tokens"));
  CHECK(refusal([](JwtAuthOptions& options) {
          options.cached_tokens = 3;
        }).starts_with("JwtAuthOptions::cached_tokens"));
}

}  // namespace
}  // namespace ringrpc
