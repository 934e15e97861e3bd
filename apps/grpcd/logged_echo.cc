#include "grpcd/logged_echo.h"

#include <utility>

#include "ringrpc/log.h"

#include "grpcd/payload.h"

namespace ringrpc::grpcd {

Task<Result<echo::v1::EchoResponse>> LoggedEcho::Echo(Call& call, echo::v1::EchoRequest request) {
  if (kind_ != PayloadLog::none && log::enabled(log::Level::debug))
    log::debug("{} Echo {}: {}", call.peer(), quote(request.request_id()),
               describe_payload(kind_, request.payload()));
  return echo_.Echo(call, std::move(request));
}

}  // namespace ringrpc::grpcd
