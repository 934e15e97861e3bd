/// Spans as OTLP (https://github.com/open-telemetry/opentelemetry-proto, trace.proto), in its wire format: a
/// span's objects can be freed on the shard on which they were made, where that costs least.
///
///   SpanBatch batch;
///   batch.add(std::move(span));
///   EncodedRequest request = trace_request(resource, std::move(batches));
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ringrpc/span.h"

#include "telemetry/encoded_request.h"
#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {

/// Spans one after another, each as a member of ScopeSpans.
struct SpanBatch {
  /// Throws std::bad_alloc.
  void add(SpanRecord&& span);

  std::string bytes;
  std::size_t spans = 0;
};

/// An ExportTraceRequest, of which the batches become parts. Throws std::bad_alloc.
EncodedRequest trace_request(const otlp::v1::Resource& resource, std::vector<SpanBatch>&& batches);

}  // namespace ringrpc::telemetry
