#include "ringrpc/bearer_auth.h"

#include <optional>
#include <stdexcept>
#include <utility>

#include "rpc/policy/bearer_credentials.h"

namespace ringrpc {
namespace {

/// Compares in a time that depends only on the length of `asked`. An empty `known` matches nothing.
bool same(std::string_view known, std::string_view asked) noexcept {
  if (known.empty()) return false;
  unsigned differences = known.size() == asked.size() ? 0 : 1;
  for (std::size_t at = 0; at < asked.size(); ++at)
    differences |= static_cast<unsigned char>(known[at % known.size()] ^ asked[at]);
  return differences == 0;
}

}  // namespace

BearerAuth::Check BearerAuth::known_tokens(const std::vector<std::pair<std::string, std::string>>& tokens) {
  // Compare all tokens, so that the time does not reveal which one matched.
  return [tokens](std::string_view asked) {
    const std::string* found = nullptr;
    for (const auto& [token, holder] : tokens)
      if (same(token, asked)) found = &holder;
    return found ? std::optional(*found) : std::nullopt;
  };
}

void BearerAuth::leave_open(std::string service) {
  if (started_.load(std::memory_order_relaxed))
    throw std::logic_error("a server with this BearerAuth has started: call leave_open() before");
  open_services_.push_back(std::move(service));
}

Status BearerAuth::on_start() {
  started_.store(true, std::memory_order_relaxed);
  return {};
}

Task<Status> BearerAuth::intercept(Call& call, Next next) {
  const auto refuse = [](std::string why) {
    return Status(Code::UNAUTHENTICATED, std::move(why), Initiator::library);
  };
  if (names_method_of(open_services_, call.method())) co_return co_await next();
  const std::optional<std::string_view> credentials = call.find_metadata("authorization").value;
  if (!credentials) co_return refuse("no authorization: send \"authorization: Bearer <token>\"");
  const std::optional<std::string_view> token = bearer_token(*credentials);
  if (!token) co_return refuse("the authorization is not of the form \"Bearer <token>\"");
  std::optional<std::string> holder = check_(*token);
  if (!holder) co_return refuse("the bearer token is not valid");
  if (Status status = call.attributes().add(principal, *holder); !status.ok()) co_return status;
  co_return co_await next();
}

}  // namespace ringrpc
