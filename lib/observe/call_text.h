/// Writes the metrics of calls, by the names that dashboards for gRPC use (those of go-grpc-prometheus).
///
///   CallText calls(text, CallSide::server, methods);
///   while (calls.write_next()) {
///   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "observe/call_metrics.h"
#include "observe/metrics_text.h"

namespace ringrpc {

enum class CallSide : std::uint8_t { server, client };

/// A method, and its metrics merged from all shards.
struct MethodMetrics {
  std::string_view labels;  ///< from method_labels
  CallMetrics calls;
};

/// The labels grpc_type, grpc_service and grpc_method. `type` is "unary", "client_stream", "server_stream" or
/// "bidi_stream".
std::string method_labels(std::string_view type, std::string_view service, std::string_view method);

/// The labels of all unknown methods together: peers choose their names, and each name would be kept forever.
inline constexpr std::string_view unknown_method_labels =
    R"(grpc_type="unknown",grpc_service="unknown",grpc_method="unknown")";

/// Writes the families of one side, in steps of some microseconds, because a server may
/// have thousands of methods.
///
/// The counters of methods without calls are 0, so that the first call is an increase. Histograms begin with
/// the first call that ends.
class CallText {
 public:
  /// Both must outlive it. Nothing else is written to `text` until it has finished.
  CallText(MetricsText& text, CallSide side, std::span<const MethodMetrics> methods);

  /// Writes the samples of one method in one family. False, with nothing written, after the last one.
  bool write_next();

 private:
  MetricsText& text_;
  CallSide side_;
  std::span<const MethodMetrics> methods_;
  std::size_t family_ = 0;
  std::size_t method_ = 0;
  std::string name_;  ///< of the family
};

}  // namespace ringrpc
