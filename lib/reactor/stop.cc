#include "ringrpc/stop.h"

#include <utility>

#include "ringrpc/event_count.h"

namespace ringrpc {

Task<> stop_requested(std::stop_token token) {
  if (!token.stop_requested()) {
    EventCount requested;
    // It runs at once if the stop was requested meanwhile, and has run when it is destroyed.
    const std::stop_callback notify(std::move(token), [&requested] { requested.notify(); });
    co_await requested.past(0);
  }
}

}  // namespace ringrpc
