/// Accepts only calls with a JSON Web Token of one issuer (RFC 7519, RFC 6750: `authorization: Bearer <jwt>`).
///
///   auto keys = JwtKeys::load(Pem::file("/etc/routes/jwks.json"));
///   if (!keys) return report(keys.error());
///   auto jwt = JwtAuth::start({.keys = *keys, .issuer = "https://login.example.org", .audience = "routes"});
///   if (!jwt) return report(jwt.error());
///   options.interceptors = {jwt->get()};
///
///   caller = call.attributes().find(BearerAuth::principal).value_or("nobody");  // in a handler: `sub`
///   email = JwtAuth::claim(call, "email").value_or("unknown");
///
/// Other calls end with UNAUTHENTICATED, and the status says what is wrong with the token. Accepted is a
/// signed token in compact form with `iss` and `aud` as above, and `exp` in the future. `nbf` and `iat`, if
/// given, are in the past. Refused are tokens of more than 8 KiB, `crit`, `cty`, a `typ` other than JWT and
/// at+jwt, encrypted tokens, duplicate members, and base64url in other than its one form (RFC 8725). Keys
/// come from JwtKeys alone: `jwk`, `jku`, `x5c` and `x5u` in a header have no effect.
///
/// A token's `kid` selects the key with that id. If there is none, the keys without an id are tried; for a
/// token without `kid`, all keys. They must allow the token's algorithm, and be at most four.
///
/// A token is verified once by each shard and then found in its cache, until it expires or its key is no
/// longer among the keys. A signature takes 10 to 500 µs to verify, so a thread of its own does it, at
/// niceness 10. The shards do not wait for it, and calls with cached tokens are served meanwhile.
///
/// Callers share that thread, so that a flood of forged tokens locks nobody else out: the connections of an
/// address take turns, and so do addresses, and callers whose last token was valid beside all others. If too
/// many tokens wait, calls of those who have most of them get UNAVAILABLE.
///
/// The subject is also the identity of the call in the access log (ringrpc/access_log.h).
///
/// Tokens are secrets: accept them over TLS, or on a network that others cannot read.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/interceptor.h"
#include "ringrpc/jwt_keys.h"
#include "ringrpc/metrics.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// The rules for tokens.
struct JwtAuthOptions {
  std::shared_ptr<JwtKeys> keys{};  ///< of the issuer
  std::string issuer{};             ///< `iss` must be this
  std::string audience{};           ///< `aud` must be this, or have it among others
  /// The algorithms that tokens may have. Each key allows only those of its kind of these.
  std::vector<JwtAlgorithm> algorithms = {JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512,
                                          JwtAlgorithm::ps256, JwtAlgorithm::ps384, JwtAlgorithm::ps512,
                                          JwtAlgorithm::es256, JwtAlgorithm::es384, JwtAlgorithm::eddsa};
  /// The difference between the issuer's clock and ours that `exp`, `nbf` and `iat` are forgiven; 0 to 300 s.
  std::chrono::milliseconds leeway = std::chrono::seconds(30);
  std::vector<std::string> open_services{};  ///< "package.Service": may be called without a token
  std::vector<std::string> claims{};         ///< claims that handlers read with JwtAuth::claim
  /// Tokens that may wait to be verified, of all callers; 0 to 65,536. Calls with one token wait together.
  std::size_t waiting_tokens = 1024;
  std::size_t cached_tokens = 1024;  ///< of each shard, with up to 8 KiB each; 4 to 65,536
  /// The present time; without a value, that of the system. For tests.
  std::function<std::chrono::system_clock::time_point()> now{};
};

/// An interceptor that requires a valid JSON Web Token of each call. As a MetricsSource it has
/// ringrpc_jwt_verified_total and, by cause, ringrpc_jwt_refused_total.
class RINGRPC_EXPORT JwtAuth final : public Interceptor, public MetricsSource {
 public:
  /// Starts the thread that verifies. INVALID_ARGUMENT names an option that is missing or out of its range;
  /// also fails as WorkerPool::start does. The interceptor must outlive its servers.
  [[nodiscard]] static Result<std::unique_ptr<JwtAuth>> start(const JwtAuthOptions& options);
  JwtAuth(const JwtAuth&) = delete;
  JwtAuth& operator=(const JwtAuth&) = delete;
  ~JwtAuth() override;

  /// The value of a claim that JwtAuthOptions::claims lists: a text as it is, any other value as JSON.
  /// Nothing if the token does not have the claim, or the call no token. Valid as long as the call.
  static std::optional<std::string_view> claim(Call& call, std::string_view name);

  Task<Status> intercept(Call& call, Next next) override;
  void write_metrics(MetricsWriter& writer) override;

 private:
  struct State;
  explicit JwtAuth(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace ringrpc
