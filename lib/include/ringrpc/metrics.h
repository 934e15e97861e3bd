/// Metrics of channels and of programs, and the text formats in which metrics are published.
///
///   const MetricsFormat format = metrics_format(accept);  // of an HTTP request
///   respond(content_type(format), text);
///
/// Functions may be called from any thread, tasks awaited on any shard.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A text format that Prometheus reads.
enum class MetricsFormat : std::uint8_t {
  prometheus,   ///< https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4
  openmetrics,  ///< https://prometheus.io/docs/specs/om/open_metrics_spec/, version 1.0.0
};

/// The format for a client whose HTTP request has this `accept` (RFC 9110, 12.5.1). It is OpenMetrics if the
/// client lists it (version 1.0.0 or none) and does not prefer text/plain; otherwise Prometheus's own.
RINGRPC_EXPORT MetricsFormat metrics_format(std::string_view accept) noexcept;

/// The value of `content-type` for text in this format.
RINGRPC_EXPORT std::string_view content_type(MetricsFormat format) noexcept;

class MetricsText;

/// Writes the metrics of a program behind those of the library. If a name is invalid, the page is a failure
/// that says so, because Prometheus would refuse a page with that name.
class RINGRPC_EXPORT MetricsWriter {
 public:
  /// Names and values.
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  MetricsWriter(const MetricsWriter&) = delete;
  MetricsWriter& operator=(const MetricsWriter&) = delete;

  /// Begins a family, whose samples follow. `name` has letters, digits and '_', is not that of another
  /// family, and does not begin with "grpc_", "ringrpc_" or "process_", which are the library's. That of a
  /// counter is without "_total", which is added. `help` is one line without quotes and backslashes.
  void counter(std::string_view name, std::string_view help);
  /// The same for a value that may go down. `name` has no suffix.
  void gauge(std::string_view name, std::string_view help);

  /// A sample of the family last begun. Names of labels have letters, digits and '_'; values are UTF-8.
  /// The labels of two samples differ. Every new combination is a new time series, so do not take values
  /// from peers without a limit.
  void sample(Labels labels, double value);

 private:
  friend struct detail::Internals;
  explicit MetricsWriter(MetricsText& text) noexcept : text_(text) {}
  /// The name, which stays valid; empty if it is invalid.
  std::string_view begin(std::string_view name, std::string_view help);

  MetricsText& text_;
  std::set<std::string, std::less<>> begun_;
  Status status_;  // the fault of the first invalid name
};

/// Has metrics of a program for the page of a server.
///
///   class CacheMetrics final : public MetricsSource {  // ServerOptions::metrics_sources has a pointer to it
///     void write_metrics(MetricsWriter& writer) override {
///       writer.counter("weather_cache_lookups", "Lookups in the cache, by outcome.");
///       writer.sample({{"outcome", "hit"}}, hits);
///       writer.sample({{"outcome", "miss"}}, misses);
///     }
///   };
class RINGRPC_EXPORT MetricsSource {
 public:
  /// Writes all of them, within some tens of microseconds and without blocking: it runs on the shard that
  /// awaits Server::metrics_text, which is that of the admin server for the page /metrics. Pages that are
  /// made at the same time call it from several threads.
  virtual void write_metrics(MetricsWriter& writer) = 0;

 protected:
  ~MetricsSource() = default;
};

/// The metrics of all channels of this process with ChannelOptions::metrics, and some of the process:
/// grpc_client_started_total, grpc_client_handled_total, grpc_client_msg_received_total,
/// grpc_client_msg_sent_total and grpc_client_handling_seconds by method and target, and those that begin
/// with ringrpc_client_. For programs without a server: Server::metrics_text has the same in addition to the
/// server's. Channels of one target count together, and their counts stay when they end. Each shard has at
/// most 1,000 methods of a target, and the process 1,000 targets; calls of others count as "other". No shard
/// is delayed by more than 200 µs at a time. FAILED_PRECONDITION outside of a shard.
RINGRPC_EXPORT Task<Result<std::string>> channel_metrics_text(MetricsFormat format);

}  // namespace ringrpc
