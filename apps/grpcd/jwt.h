/// The JSON Web Tokens that grpcd requires. Their keys are reloaded on request and when the file changes.
///
///   auto jwt = Jwt::start(values.jwt, services.all(), origins);
///   if (*jwt) options.interceptors.push_back(&(*jwt)->authentication());
///   (*jwt)->reload("SIGHUP");
///
/// When reloading fails, the error is logged and the old keys stay in use.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "ringrpc/jwt_auth.h"
#include "ringrpc/service.h"

#include "grpcd/configuration.h"
#include "grpcd/file_watch.h"

namespace ringrpc::grpcd {

class Jwt {
 public:
  /// Null when `values` names no keys. An error names the setting that is missing or wrong
  /// (INVALID_ARGUMENT), or the file, the setting that named it, and what is wrong.
  static Result<std::unique_ptr<Jwt>> start(const JwtValues& values, std::span<Service* const> services,
                                            const apps::Origins& origins = {},
                                            std::chrono::milliseconds interval = std::chrono::seconds(1));

  JwtAuth& authentication() const noexcept { return *authentication_; }

  /// Reloads the keys and logs the result, preceded by `occasion`. From any thread.
  void reload(std::string_view occasion) const;

 private:
  Jwt(std::shared_ptr<JwtKeys> keys, std::unique_ptr<JwtAuth> authentication,
      std::chrono::milliseconds interval);

  std::shared_ptr<JwtKeys> keys_;
  std::unique_ptr<JwtAuth> authentication_;
  FileWatch watch_;
};

}  // namespace ringrpc::grpcd
