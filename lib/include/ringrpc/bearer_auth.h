/// Accepts only calls with a known bearer token (RFC 6750: `authorization: Bearer <token>`).
///
///   BearerAuth authentication(BearerAuth::known_tokens({{"2YotnFZFEjr1zCsicMWp", "alice"}}));
///   authentication.leave_open("grpc.health.v1.Health");
///   options.interceptors = {&authentication};
///
/// Other calls end with UNAUTHENTICATED. Handlers find the token's holder in `call.attributes()`, under
/// `principal`. Tokens are secrets: accept them over TLS, or on a network that others cannot read.
#pragma once

#include "ringrpc/compiler.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/interceptor.h"

namespace ringrpc {

/// An interceptor that requires a known bearer token of each call. One thread sets it up before a server
/// starts with it; then all shards use it at once.
class RINGRPC_EXPORT BearerAuth final : public Interceptor {
 public:
  /// Returns the holder of a token, or nothing for an unknown token. It runs for each call, on all shards
  /// at the same time, so it must not block.
  using Check = std::function<std::optional<std::string>(std::string_view token)>;

  /// The attribute of a call that names the token's holder, for handlers and the access log. An interceptor of
  /// your own may set it, too.
  static constexpr std::string_view principal = "principal";

  /// Accepts the tokens that `check` knows.
  explicit BearerAuth(Check check) : check_(std::move(check)) {}

  /// A check that knows these tokens, each with its holder. Its duration reveals nothing about the tokens.
  static Check known_tokens(const std::vector<std::pair<std::string, std::string>>& tokens);

  /// Lets clients without a token call the methods of `service` ("package.Service"). Throws std::logic_error
  /// once a server with this interceptor has started.
  void leave_open(std::string service);

  Task<Status> intercept(Call& call, Next next) override;
  Status on_start() override;

 private:
  Check check_;
  std::vector<std::string> open_services_;
  std::atomic<bool> started_ = false;
};

}  // namespace ringrpc
