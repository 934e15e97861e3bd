/// A server that requires the tokens of a JwtIssuer, and calls with such tokens.
///
///   test::JwtSetting setting;
///   setting.serve(world);
///   CHECK(co_await setting.outcome(channel, "Bearer " + setting.issuer.token(test::claims)) == "OK");
#pragma once

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/bearer_auth.h"
#include "ringrpc/jwt_auth.h"

#include "base/internals.h"
#include "observe/metrics_text.h"
#include "rpc/policy/jwt_issuer.h"
#include "rpc/world.h"

namespace ringrpc::test {

inline constexpr auto wall_start = std::chrono::system_clock::time_point(std::chrono::seconds(1000));
inline const std::string claims = R"({"iss":"i","aud":"a","exp":2000,"sub":"alice","email":"a@x"})";

/// Notes the identity of each call.
class IdentityNote final : public Interceptor {
 public:
  Task<Status> intercept(Call& call, Next next) override {
    seen = std::string(call.attributes().find(BearerAuth::principal).value_or("nobody"));
    if (const auto email = JwtAuth::claim(call, "email")) seen += " " + std::string(*email);
    return next();
  }
  std::string seen;
};

struct JwtSetting {
  /// With the keys of `issuer`, if the options have none.
  explicit JwtSetting(JwtAuthOptions options = {}) {
    if (options.keys) keys = options.keys;
    options.keys = keys;
    options.issuer = "i";
    options.audience = "a";
    options.claims = {"email"};
    options.now = [this] { return wall; };
    authentication = JwtAuth::start(options).value();
  }

  JwtIssuer issuer;
  std::shared_ptr<JwtKeys> keys = JwtKeys::load(Pem::text(issuer.key_set())).value();
  std::chrono::system_clock::time_point wall = wall_start;
  std::unique_ptr<JwtAuth> authentication;
  IdentityNote identity;

  void serve(World& world, ServerOptions options = {}) {
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

}  // namespace ringrpc::test
