#include "rpc/client/call_record.h"

#include <algorithm>

namespace ringrpc {

void CallRecord::queue_attempt(Instant now) noexcept {
  Attempt* attempt = &first_;
  if (first_.state != Attempt::State::none) try {
      const auto counted = std::ranges::find(hedged_, Attempt::State::none, &Attempt::state);
      attempt = counted != hedged_.end() ? &*counted : &hedged_.emplace_back();
    } catch (...) {
      return;
    }
  attempts_.start();
  *attempt = Attempt{.state = Attempt::State::queued, .begun = now};
}

}  // namespace ringrpc
