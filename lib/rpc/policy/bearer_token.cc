#include "ringrpc/bearer_token.h"

namespace ringrpc {

Task<Status> BearerToken::intercept(ClientRequest& request, ClientNext next) {
  if (request.metadata.find("authorization")) co_return co_await next();
  Result<std::string> token = token_;
  if (source_) token = co_await source_();
  if (!token) co_return std::move(token).error();
  Status status = request.metadata.add("authorization", "Bearer " + *token);
  if (!status.ok()) co_return status;
  co_return co_await next();
}

}  // namespace ringrpc
