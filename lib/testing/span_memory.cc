#include "ringrpc/testing/span_memory.h"

#include <utility>

namespace ringrpc::testing {

void SpanMemory::take(SpanRecord&& span) noexcept {
  const std::lock_guard lock(mutex_);
  if (spans_.size() < spans_max_) try {
      spans_.push_back(std::move(span));
      return;
    } catch (...) {  // out of memory
    }
  ++dropped_;
}

std::vector<SpanRecord> SpanMemory::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::vector<SpanRecord> SpanMemory::named(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  std::vector<SpanRecord> found;
  for (const SpanRecord& span : spans_)
    if (span.name == name) found.push_back(span);
  return found;
}

std::size_t SpanMemory::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void SpanMemory::clear() {
  const std::lock_guard lock(mutex_);
  spans_.clear();
  dropped_ = 0;
}

}  // namespace ringrpc::testing
