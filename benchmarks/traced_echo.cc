/// An echo server for unary_echo.py, which counts the instructions that tracing takes.
///
///   traced-echo 127.0.0.1:50051 off|never|always
///
/// `off` has no tracer. `never` samples no call, `always` every call. Its spans are dropped where an
/// exporter would take them. It also takes the exports of other servers, of which it is the collector.
/// Serves on one shard until SIGTERM.
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <span>
#include <string_view>

#include "ringrpc/server.h"
#include "ringrpc/service.h"

#include "echo/v1/echo.ringrpc.h"

namespace {

using namespace ringrpc;

/// Drops spans after they were recorded.
struct Nowhere final : SpanSink {
  void take(SpanRecord&& span) noexcept override { const SpanRecord dropped = std::move(span); }
};

class PlainEcho final : public echo::v1::EchoService::Service {
 public:
  Task<Result<echo::v1::EchoResponse>> Echo(Call&, echo::v1::EchoRequest request) override {
    echo::v1::EchoResponse response;
    response.set_payload(std::move(*request.mutable_payload()));
    co_return response;
  }
};

/// Takes each request of one of OTLP's services. An empty response is a success.
class Taken final : public Service {
 public:
  explicit Taken(std::string_view name) : name_(name) {}

  std::string_view service_name() const noexcept override { return name_; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Taken::take>("Export")};
    return methods;
  }

 private:
  Task<Result<RawMessage>> take(Call&, RawMessage) { co_return RawMessage(); }

  const std::string_view name_;
};

}  // namespace

int main(int count, char** words) {
  const std::string_view sampling = count == 3 ? words[2] : "";
  if (sampling != "off" && sampling != "never" && sampling != "always") {
    std::fputs("usage: traced-echo ADDRESS off|never|always\n", stderr);
    return 2;
  }
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // in all threads, for sigwait
  ServerOptions options;
  options.listen = {words[1]};
  options.shards = 1;
  if (sampling != "off") {
    const Sampler sampler = sampling == "always" ? Sampler::always() : Sampler::never();
    options.tracer = std::make_shared<const Tracer>(
        Tracer{.sink = std::make_shared<Nowhere>(), .sampler = sampler.parent_based()});
  }
  PlainEcho echo;
  Taken traces("opentelemetry.proto.collector.trace.v1.TraceService");
  Taken metrics("opentelemetry.proto.collector.metrics.v1.MetricsService");
  const auto server = Server::start({&echo, &traces, &metrics}, options);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().to_string().c_str());
    return 1;
  }
  int signal = 0;
  sigwait(&ending, &signal);
  (*server)->drain(std::chrono::seconds(10));
}
