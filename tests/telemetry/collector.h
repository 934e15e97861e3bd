/// An OpenTelemetry collector for tests: it keeps the requests, and responds as the test wants.
///
///   Collector collector;
///   options.metrics.target = collector.address();
///   collector.wait([](const Collector::Received& received) { return !received.metrics.empty(); });
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/event_count.h"
#include "ringrpc/server.h"

#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {

/// The response of a collector that asks for another attempt after that time.
Status status_with_retry(Code code, std::int64_t seconds, std::int32_t nanos = 0);

class Collector {
 public:
  struct Received {
    std::vector<otlp::v1::ExportTraceRequest> traces;
    std::vector<otlp::v1::ExportMetricsRequest> metrics;
    std::vector<Metadata> headers;
    std::size_t calls = 0;

    std::vector<otlp::v1::Span> spans() const;
  };
  using Response = Result<otlp::v1::ExportResponse>;

  explicit Collector(const std::string& listen = "127.0.0.1:0");
  ~Collector();

  const std::string& address() const { return server_->addresses().front(); }
  /// The response to the request with that number, from 0; an empty one by default.
  /// Called on the server's shard.
  void respond(std::function<Response(std::size_t call)> response);
  /// Requests get no response until `release`.
  void hang();
  void release();
  /// Waits until `holds`, and returns what has been received.
  Received wait(const std::function<bool(const Received&)>& holds);
  Received received();

 private:
  template <class Request>
  class Sink;

  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    Received received;
    std::function<Response(std::size_t)> response;
    bool hangs = false;
    EventCount released;
  } state_;
  std::unique_ptr<Service> traces_;
  std::unique_ptr<Service> metrics_;
  std::unique_ptr<Server> server_;
};

}  // namespace ringrpc::telemetry
