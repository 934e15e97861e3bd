#include "grpcd/jwt.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/log.h"

#include "common/exit_code.h"
#include "common/nearest.h"

namespace ringrpc::grpcd {
namespace {

/// An error when settings are given that need others.
Status check_complete(const JwtValues& values, const apps::Origins& origins) {
  const auto incomplete = [&](std::string_view given, std::string_view missing, const char* what) {
    return fail(Code::INVALID_ARGUMENT,
                origins.of(given) + ": " + what + "; give " + origins.name_beside(given, missing) + " too");
  };
  if (values.keys.empty()) {
    for (const std::string_view given :
         {"jwt-issuer", "jwt-audience", "jwt-algorithm", "jwt-leeway", "jwt-open-service"})
      if (origins.given(given)) return incomplete(given, "jwt-keys", "tokens need keys to verify them");
    return {};
  }
  if (values.issuer.empty())
    return incomplete("jwt-keys", "jwt-issuer", "tokens need a trusted issuer (iss)");
  if (values.audience.empty())
    return incomplete("jwt-keys", "jwt-audience", "tokens need the name of this server (aud)");
  return {};
}

Status check_open_services(const JwtValues& values, std::span<Service* const> services,
                           const apps::Origins& origins) {
  std::vector<std::string> there;
  for (const Service* each : services) there.emplace_back(each->service_name());
  for (const std::string& open : values.open_services)
    if (std::ranges::find(there, open) == there.end())
      return fail(Code::INVALID_ARGUMENT, origins.of("jwt-open-service") + ": there is no service '" + open +
                                              "'" + apps::suggest(open, there));
  return {};
}

/// All of them when none is given.
Result<std::vector<JwtAlgorithm>> algorithms_of(const JwtValues& values, const apps::Origins& origins) {
  std::vector<JwtAlgorithm> algorithms;
  for (const std::string& text : values.algorithms) {
    const std::optional<JwtAlgorithm> algorithm = jwt_algorithm(text);
    if (!algorithm)
      return fail(Code::INVALID_ARGUMENT, origins.of("jwt-algorithm") + ": '" + text +
                                              "' is unknown; choose RS256, RS384, RS512, PS256, PS384, "
                                              "PS512, ES256, ES384 or EdDSA");
    algorithms.push_back(*algorithm);
  }
  return algorithms.empty() ? JwtAuthOptions().algorithms : algorithms;
}

}  // namespace

Result<std::unique_ptr<Jwt>> Jwt::start(const JwtValues& values, std::span<Service* const> services,
                                        const apps::Origins& origins, std::chrono::milliseconds interval) {
  Result<std::vector<JwtAlgorithm>> algorithms = algorithms_of(values, origins);
  if (!algorithms) return std::unexpected(std::move(algorithms).error());
  Status status = check_complete(values, origins);
  if (status.ok()) status = check_open_services(values, services, origins);
  if (!status.ok()) return std::unexpected(std::move(status));
  if (values.keys.empty()) return nullptr;
  auto keys = JwtKeys::load(Pem::file(values.keys, origins.of("jwt-keys")));
  if (!keys) return std::unexpected(apps::at_run_time(std::move(keys).error()));
  auto authentication = JwtAuth::start({.keys = *keys,
                                        .issuer = values.issuer,
                                        .audience = values.audience,
                                        .algorithms = std::move(*algorithms),
                                        .leeway = values.leeway,
                                        .open_services = values.open_services});
  if (!authentication) return std::unexpected(apps::at_run_time(std::move(authentication).error()));
  return std::unique_ptr<Jwt>(new Jwt(std::move(*keys), std::move(*authentication), interval));
}

Jwt::Jwt(std::shared_ptr<JwtKeys> keys, std::unique_ptr<JwtAuth> authentication,
         std::chrono::milliseconds interval)
    : keys_(std::move(keys)),
      authentication_(std::move(authentication)),
      watch_([this] { return keys_->file_changed(); }, [this] { reload(); }, interval) {}

void Jwt::reload() const {
  if (const Status status = keys_->reload(); status.ok()) {
    log::info("changed file: reloaded the keys of tokens; there are {}", keys_->size());
  } else {
    log::error("changed file: {}; the old keys of tokens stay in use", status.message());
  }
}

}  // namespace ringrpc::grpcd
