#include <cstddef>

#include "ringrpc/tracer.h"

namespace ringrpc {

Sampler Sampler::ratio(double share) noexcept {
  if (!(share > 0)) return never();
  if (share >= 1) return always();
  return Sampler(static_cast<std::uint64_t>(share * static_cast<double>(threshold_max)));
}

bool Sampler::samples(const TraceId& id, const TraceContext* parent) const noexcept {
  if (parent && parent_based_) return parent->sampled();
  if (threshold_ == 0 || threshold_ == threshold_max) return threshold_ != 0;
  std::uint64_t number = 0;
  for (std::size_t at = id.size() / 2; at < id.size(); ++at) number = number << 8 | id[at];
  return number >> 1 < threshold_;
}

}  // namespace ringrpc
