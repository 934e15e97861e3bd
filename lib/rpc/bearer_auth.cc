#include "ringrpc/bearer_auth.h"

#include <algorithm>
#include <array>
#include <sodium.h>

namespace ringrpc {
namespace {

using Digest = std::array<unsigned char, crypto_generichash_BYTES>;

Digest digest(std::string_view token) {
  Digest result;
  crypto_generichash(result.data(), result.size(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size(), nullptr, 0);
  return result;
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
  std::vector<std::pair<Digest, std::string>> known;
  known.reserve(tokens.size());
  for (const auto& [token, holder] : tokens) known.emplace_back(digest(token), holder);
  // All are looked at, and digests are of one length, so that time tells neither which matched nor how far.
  return [known = std::move(known)](std::string_view token) {
    const Digest asked = digest(token);
    const std::string* found = nullptr;
    for (const auto& [digest, holder] : known)
      if (sodium_memcmp(digest.data(), asked.data(), asked.size()) == 0) found = &holder;
    return found ? std::optional(*found) : std::nullopt;
  };
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
