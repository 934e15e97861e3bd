#include "ringrpc/bearer_auth.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

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

/// The token of `Bearer <token>`; the scheme's letters may be of any case (RFC 9110, 11.1).
std::optional<std::string_view> bearer_token(std::string_view credentials) {
  constexpr std::string_view scheme = "bearer ";
  const auto same = [](char given, char wanted) { return (given | 0x20) == (wanted | 0x20); };
  if (credentials.size() <= scheme.size() ||
      !std::ranges::equal(credentials.substr(0, scheme.size()), scheme, same))
    return std::nullopt;
  return credentials.substr(scheme.size());
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
  if (is_open(call.method())) co_return co_await next();
  const std::optional<std::string_view> credentials = call.metadata().find("authorization");
  if (!credentials) co_return refuse("no authorization: send \"authorization: Bearer <token>\"");
  const std::optional<std::string_view> token = bearer_token(*credentials);
  if (!token) co_return refuse("the authorization is not of the form \"Bearer <token>\"");
  std::optional<std::string> holder = check_(*token);
  if (!holder) co_return refuse("the bearer token is not valid");
  if (Status status = call.attributes().add(principal, *holder); !status.ok()) co_return status;
  co_return co_await next();
}

bool BearerAuth::is_open(std::string_view method) const {
  return std::ranges::any_of(open_services_, [&](std::string_view service) {
    return method.size() > service.size() + 1 && method.substr(1).starts_with(service) &&
           method[service.size() + 1] == '/';
  });
}

}  // namespace ringrpc
