/// The echo service that logs its payloads, for `--log-payload`. Without that flag grpcd serves EchoService
/// itself, at no cost.
#pragma once

#include "grpcd/configuration.h"
#include "grpcd/services/echo.h"

namespace ringrpc::grpcd {

class LoggedEcho final : public echo::v1::EchoService::Service {
 public:
  explicit LoggedEcho(PayloadLog kind) noexcept : kind_(kind) {}

  /// Logs at level debug: `127.0.0.1:40712 Echo "request-id": 5 bytes "hello"`.
  Task<Result<echo::v1::EchoResponse>> Echo(Call& call, echo::v1::EchoRequest request) override;

 private:
  EchoService echo_;
  PayloadLog kind_;
};

}  // namespace ringrpc::grpcd
