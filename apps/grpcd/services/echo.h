/// echo.v1.EchoService: returns the request's payload, compressed like the request.
///
///   EchoService echo;
///   Server::start({&echo}, options);
#pragma once

#include "echo/v1/echo.ringrpc.h"

namespace ringrpc {

class EchoService final : public echo::v1::EchoService::Service {
 public:
  Task<Result<echo::v1::EchoResponse>> Echo(Call& call, echo::v1::EchoRequest request) override;
};

}  // namespace ringrpc
