/// Sends a bearer token with each call (RFC 6750: `authorization: Bearer <token>`). The server's side is
/// ringrpc/bearer_auth.h.
///
///   BearerToken token("2YotnFZFEjr1zCsicMWp");
///   ChannelOptions options;
///   options.interceptors = {&token};
///
/// A call with an `authorization` of its own keeps it. Tokens are secrets: everyone who can read the network
/// between the client and the server can use them.
#pragma once

#include "ringrpc/compiler.h"

#include <functional>
#include <string>
#include <utility>

#include "ringrpc/client_interceptor.h"
#include "ringrpc/export.h"

namespace ringrpc {

/// An interceptor that sends a bearer token with each call. It never changes, and all shards use it at once.
class RINGRPC_EXPORT BearerToken final : public ClientInterceptor {
 public:
  /// Gives the token for a call that is about to start. A failure ends the call. It runs for each call, on
  /// all shards at the same time: cache a token that takes long to get until it expires.
  using Source = std::function<Task<Result<std::string>>()>;

  /// Sends the same token with each call.
  explicit BearerToken(std::string token) : token_(std::move(token)) {}
  /// Sends a token that `source` gives for each call.
  explicit BearerToken(Source source) : source_(std::move(source)) {}

  Task<Status> intercept(ClientRequest& request, ClientNext next) override;

 private:
  const std::string token_;
  const Source source_;  // if there is no fixed token
};

}  // namespace ringrpc
