#include "grpcd/services.h"

#include "grpcd/logged_echo.h"
#include "grpcd/services/echo.h"

namespace ringrpc::grpcd {
namespace {

std::unique_ptr<Service> make_echo(PayloadLog log_payload) {
  if (log_payload == PayloadLog::none) return std::make_unique<EchoService>();
  return std::make_unique<LoggedEcho>(log_payload);
}

}  // namespace

Services::Services(Service& crypto, PayloadLog log_payload)
    : echo_(make_echo(log_payload)),
      all_{&crypto, echo_.get(), &node_, &health_, &reflection_.v1(), &reflection_.v1alpha()} {
  health_.set(crypto.service_name(), ServingStatus::serving);
  health_.set(echo_->service_name(), ServingStatus::serving);
  health_.set(node_.service_name(), ServingStatus::serving);
}

void Services::stop_serving() {
  health_.shut_down();
  node_.drain();
}

}  // namespace ringrpc::grpcd
