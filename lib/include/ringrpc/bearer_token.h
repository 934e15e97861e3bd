/// Shows a token with each call (RFC 6750: `authorization: Bearer <token>`); the other side of
/// ringrpc/bearer_auth.h.
///
///   BearerToken token("2YotnFZFEjr1zCsicMWp");
///   ChannelOptions options;
///   options.interceptors = {&token};
///
/// A call that brings an `authorization` of its own keeps it. Tokens are secrets: whoever reads the network
/// between here and the server can use them.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "ringrpc/client_interceptor.h"

namespace ringrpc {

/// Sends a bearer token with each call.
class BearerToken final : public ClientInterceptor {
 public:
  /// Gives the token for a call that is about to be made; a failure ends the call. Run for each call, on
  /// every shard at the same time: what takes long should be remembered until it expires.
  using Source = std::function<Task<Result<std::string>>()>;

  explicit BearerToken(std::string token) : token_(std::move(token)) {}
  explicit BearerToken(Source source) : source_(std::move(source)) {}

  Task<Status> intercept(ClientRequest& request, ClientNext next) override;

 private:
  const std::string token_;
  const Source source_;  // of tokens, where there is no single one
};

}  // namespace ringrpc
