/// Lets only those call who show a token (RFC 6750: `authorization: Bearer <token>`).
///
///   BearerAuth authentication(BearerAuth::known_tokens({{"2YotnFZFEjr1zCsicMWp", "alice"}}));
///   authentication.leave_open("grpc.health.v1.Health");
///   options.interceptors = {&authentication};
///
/// Others get UNAUTHENTICATED. Handlers find who calls in `call.attributes()`, under `principal`. Tokens are
/// secrets: serve them over TLS, or where nobody else listens.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/interceptor.h"

namespace ringrpc {

/// Requires a known bearer token of each call.
class BearerAuth final : public Interceptor {
 public:
  /// Whose token this is, or nothing. Called on every shard at the same time, for each call: it must not
  /// block.
  using Check = std::function<std::optional<std::string>(std::string_view token)>;

  static constexpr std::string_view principal = "principal";

  explicit BearerAuth(Check check) : check_(std::move(check)) {}

  /// Knows these tokens, each with its holder. How long a check takes tells nothing of them.
  static Check known_tokens(const std::vector<std::pair<std::string, std::string>>& tokens);

  /// Anybody may call the methods of this service. Before the server starts.
  void leave_open(std::string service) { open_services_.push_back(std::move(service)); }

  Task<Status> intercept(Call& call, Next next) override;

 private:
  bool is_open(std::string_view method) const;

  Check check_;
  std::vector<std::string> open_services_;
};

}  // namespace ringrpc
