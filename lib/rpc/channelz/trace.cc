#include "rpc/channelz/trace.h"

#include <new>
#include <string>

namespace ringrpc::channelz {

void Trace::add(Severity severity, std::string_view description, Id subchannel) noexcept try {
  ++logged_;
  TraceEvent event{.severity = severity,
                   .at = std::chrono::system_clock::now(),
                   .description = std::string(description.substr(0, description_bytes_max)),
                   .subchannel = subchannel};
  if (events_.size() >= events_max) events_.erase(events_.begin());
  events_.push_back(std::move(event));
} catch (const std::bad_alloc&) {
  // There is no memory for the event.
}

}  // namespace ringrpc::channelz
