// Calls with JSON Web Tokens: who is let in, what handlers learn, and how tokens are cached.
#include "ringrpc/jwt_auth.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "ringrpc/sleep.h"
#include "ringrpc/when.h"

#include "rpc/policy/jwt_setting.h"
#include "rpc/world.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

using test::claims;

TEST_CASE("calls with a valid token are served and have an identity; others get UNAUTHENTICATED") {
  RealWorld world;
  test::JwtSetting setting;
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const std::string token = setting.issuer.token(claims);
    CHECK(co_await setting.outcome(channel, "Bearer " + token) == "OK");
    CHECK(setting.identity.seen == "alice a@x");
    CHECK(co_await setting.outcome(channel, "bearer " + token) == "OK");
    CHECK(setting.identity.seen == "alice a@x");
    CHECK(test::missing(co_await setting.outcome(channel, ""),
                        {"UNAUTHENTICATED: ", "\"authorization: Bearer <token>\""}) == "");
    CHECK(test::missing(co_await setting.outcome(channel, "Basic " + token),
                        {"UNAUTHENTICATED: ", "\"Bearer <token>\""}) == "");
    CHECK(test::missing(co_await setting.outcome(channel, "Bearer x.y.z"),
                        {"UNAUTHENTICATED: ", "malformed", "base64url"}) == "");
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
  test::JwtSetting setting;
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const std::string good = "Bearer " + setting.issuer.token(claims);
    const std::string bad = good.substr(0, good.size() - 4) + "AAAA";
    std::vector<Task<std::string>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(setting.outcome(channel, i % 2 == 0 ? good : bad));
    const std::vector<std::string> outcomes = co_await when_all(std::move(calls));
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (i % 2 == 0) CHECK(outcomes[i] == "OK");
      if (i % 2 == 1) CHECK(test::missing(outcomes[i], {"UNAUTHENTICATED: ", "signature"}) == "");
    }
  }));
  CHECK(setting.metrics().find("ringrpc_jwt_verified_total 1\n") != std::string::npos);
}

/// A file of keys that changes.
class KeyFile {
 public:
  explicit KeyFile(const std::string& text) {
    REQUIRE(::mkdtemp(folder_.data()));
    write(text);
    keys = JwtKeys::load(Pem::file(path())).value();
  }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile() { std::filesystem::remove_all(folder_); }

  /// Replaces the file and loads it.
  void reload(const std::string& text) {
    write(text);
    CHECK(keys->reload().ok());
  }

  std::shared_ptr<JwtKeys> keys;

 private:
  std::string path() const { return folder_ + "/keys.json"; }
  void write(const std::string& text) const { std::ofstream(path()) << text; }

  std::string folder_ = std::filesystem::temp_directory_path() / "ringrpc-XXXXXX";
};

TEST_CASE("a cached token stays as long as its key does, and is refused once that has changed or gone") {
  RealWorld world;
  const test::JwtIssuer issuer("ed");
  const test::JwtIssuer other("other");
  const test::JwtIssuer impostor("ed");
  KeyFile file(test::key_set_of({&issuer}));
  test::JwtSetting setting({.keys = file.keys});
  setting.serve(world);
  const auto verified = [&](int times) {
    return setting.metrics().find("ringrpc_jwt_verified_total " + std::to_string(times) + "\n") !=
           std::string::npos;
  };
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    const std::string token = "Bearer " + issuer.token(claims);
    CHECK(co_await setting.outcome(channel, token) == "OK");
    file.reload(test::key_set_of({&issuer}));
    CHECK(co_await setting.outcome(channel, token) == "OK");
    file.reload(test::key_set_of({&other, &issuer}));
    CHECK(co_await setting.outcome(channel, token) == "OK");
    CHECK(verified(1));
    file.reload(test::key_set_of({&impostor, &other}));
    CHECK(test::missing(co_await setting.outcome(channel, token), {"UNAUTHENTICATED: ", "signature"}) == "");
    file.reload(test::key_set_of({&issuer}));
    CHECK(co_await setting.outcome(channel, token) == "OK");
    CHECK(verified(2));
    file.reload(test::key_set_of({&other}));
    CHECK(test::missing(co_await setting.outcome(channel, token), {"UNAUTHENTICATED: no key", "kid"}) == "");
  }));
}

TEST_CASE("a token that would be one too many to wait gets UNAVAILABLE") {
  RealWorld world;
  test::JwtSetting setting({.waiting_tokens = 0});
  setting.serve(world);
  CHECK(world.run([&](Channel& channel) -> Task<void> {
    CHECK(co_await setting.outcome(channel, "Bearer " + setting.issuer.token(claims)) ==
          "UNAVAILABLE: this server has too many tokens to verify; try again");
  }));
  CHECK(setting.metrics().find("ringrpc_jwt_refused_total{cause=\"busy\"} 1\n") != std::string::npos);
}

TEST_CASE(
    "a token is judged again after five minutes in the cache, without its signature, and refused once "
    "expired") {
  SimulatedWorld world(1);
  test::JwtSetting setting;
  setting.serve(world);
  const std::string token = "Bearer " + setting.issuer.token(claims);
  const auto call = [&] {
    std::string outcome;
    CHECK(world.run(
        [&](Channel& channel) -> Task<void> { outcome = co_await setting.outcome(channel, token); }));
    return outcome;
  };
  CHECK(call() == "OK");
  CHECK(world.run([](Channel&) -> Task<void> { co_await sleep_for(5min); }));
  CHECK(call() == "OK");
  CHECK(setting.metrics().find("ringrpc_jwt_verified_total 1\n") != std::string::npos);
  setting.wall += 1500s;  // set by hand: the cache does not notice yet
  CHECK(call() == "OK");
  CHECK(world.run([](Channel&) -> Task<void> { co_await sleep_for(5min); }));
  CHECK(test::missing(call(), {"UNAUTHENTICATED: ", "expired", "1970-01-01T00:33:20.000Z"}) == "");
}

TEST_CASE("an option that makes no sense is refused by its name") {
  const test::JwtSetting setting;
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
