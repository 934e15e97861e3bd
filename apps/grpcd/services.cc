#include "grpcd/services.h"

#include "grpcd/logged_echo.h"
#include "services/echo.h"

namespace ringrpc::grpcd {
namespace {

std::unique_ptr<Service> make_echo(PayloadLog log_payload) {
  if (log_payload == PayloadLog::none) return std::make_unique<EchoService>();
  return std::make_unique<LoggedEcho>(log_payload);
}

}  // namespace

Services::Services(PayloadLog log_payload)
    : echo_(make_echo(log_payload)),
      reflection_({echo_.get(), &health_}),
      all_{echo_.get(), &health_, &reflection_.v1(), &reflection_.v1alpha()} {
  health_.set(echo_->service_name(), true);
}

}  // namespace ringrpc::grpcd
