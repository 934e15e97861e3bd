/// Keeps the spans of a test's calls.
///
///   auto spans = std::make_shared<testing::SpanMemory>();
///   InProcess world({&routes}, {.server = {.tracer = std::make_shared<const Tracer>(Tracer{.sink = spans})}});
///   ...
///   CHECK(spans->named("Recv.routes.v1.RouteGuide.GetFeature").size() == 1);
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <mutex>
#include <string_view>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/span.h"

namespace ringrpc::testing {

/// All functions may be called from any thread.
class RINGRPC_EXPORT SpanMemory final : public SpanSink {
 public:
  /// Keeps the first `spans_max` spans, and drops further ones.
  explicit SpanMemory(std::size_t spans_max = 10'000) : spans_max_(spans_max) {}

  void take(SpanRecord&& span) noexcept override;

  /// The spans so far, in the order of their ends.
  std::vector<SpanRecord> spans() const;
  /// Those of that name.
  std::vector<SpanRecord> named(std::string_view name) const;
  /// The number of spans that were dropped.
  std::size_t dropped() const;
  /// Forgets all of them.
  void clear();

 private:
  const std::size_t spans_max_;
  mutable std::mutex mutex_;
  std::vector<SpanRecord> spans_;
  std::size_t dropped_ = 0;
};

}  // namespace ringrpc::testing
