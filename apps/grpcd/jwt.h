/// The JSON Web Tokens that grpcd requires. Their keys are reloaded on request and when the file changes.
///
///   auto jwt = Jwt::start(values.jwt, services.all(), origins);
///   if (*jwt) options.interceptors.push_back(&(*jwt)->authentication());
///   Result<Reload> read = (*jwt)->read_again();
///
/// When a changed file cannot be loaded, the error is logged and the old keys stay in use.
#pragma once

#include <chrono>
#include <memory>
#include <span>

#include "ringrpc/jwt_auth.h"
#include "ringrpc/service.h"

#include "grpcd/configuration.h"
#include "grpcd/file_watch.h"
#include "rpc/policy/jwt_reload.h"

namespace ringrpc::grpcd {

class Jwt {
 public:
  /// Null when `values` names no keys. An error names the setting that is missing or wrong
  /// (INVALID_ARGUMENT), or the file, the setting that named it, and what is wrong.
  static Result<std::unique_ptr<Jwt>> start(const JwtValues& values, std::span<Service* const> services,
                                            const apps::Origins& origins = {},
                                            std::chrono::milliseconds interval = std::chrono::seconds(1));

  JwtAuth& authentication() const noexcept { return *authentication_; }

  /// Reads the keys again. From any thread.
  Result<Reload> read_again() const { return ringrpc::read_again(*keys_); }

 private:
  void reload() const;

  Jwt(std::shared_ptr<JwtKeys> keys, std::unique_ptr<JwtAuth> authentication,
      std::chrono::milliseconds interval);

  std::shared_ptr<JwtKeys> keys_;
  std::unique_ptr<JwtAuth> authentication_;
  FileWatch watch_;
};

}  // namespace ringrpc::grpcd
