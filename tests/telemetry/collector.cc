#include "telemetry/collector.h"

#include <chrono>
#include <doctest/doctest.h>
#include <google/protobuf/any.pb.h>
#include <type_traits>
#include <utility>

#include "ringrpc/event_count.h"

namespace ringrpc::telemetry {
namespace {

/// Far more than anything here takes on a busy machine.
constexpr std::chrono::minutes patience{5};

/// google.rpc.Status with a RetryInfo: code 1, message 2, details 3.
std::string details_with_retry(std::int64_t seconds, std::int32_t nanos) {
  otlp::v1::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  retry.mutable_retry_delay()->set_nanos(nanos);
  google::protobuf::Any detail;
  detail.set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  detail.set_value(retry.SerializeAsString());
  const std::string any = detail.SerializeAsString();
  REQUIRE(any.size() < 128);
  return std::string("\x08\x08\x1a") + static_cast<char>(any.size()) + any;
}

}  // namespace

Status status_with_retry(Code code, std::int64_t seconds, std::int32_t nanos) {
  return Status(code, "later", Initiator::peer).with_details(details_with_retry(seconds, nanos));
}

template <class Request>
class Collector::Sink final : public Service {
 public:
  Sink(State& state, std::string_view name) noexcept : state_(state), name_(name) {}

  std::string_view service_name() const noexcept override { return name_; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Sink::take>("Export")};
    return methods;
  }

 private:
  Task<Result<otlp::v1::ExportResponse>> take(Call& call, Request request) {
    const std::uint64_t seen = state_.released.count();
    bool hangs = false;
    Response response = otlp::v1::ExportResponse();
    {
      const std::lock_guard lock(state_.mutex);
      const std::size_t number = state_.received.calls++;
      if (state_.response) response = state_.response(number);
      hangs = state_.hangs;
      state_.received.headers.push_back(call.metadata());
      state_.changed.notify_all();
    }
    if (hangs) co_await state_.released.past(seen);
    if (response) keep(std::move(request));
    co_return response;
  }

  void keep(Request&& request) {
    const std::lock_guard lock(state_.mutex);
    if constexpr (std::is_same_v<Request, otlp::v1::ExportTraceRequest>) {
      state_.received.traces.push_back(std::move(request));
    } else {
      state_.received.metrics.push_back(std::move(request));
    }
    state_.changed.notify_all();
  }

  State& state_;
  std::string_view name_;
};

std::vector<otlp::v1::Span> Collector::Received::spans() const {
  std::vector<otlp::v1::Span> all;
  for (const otlp::v1::ExportTraceRequest& request : traces)
    for (const otlp::v1::Span& span : request.resource_spans(0).scope_spans(0).spans()) all.push_back(span);
  return all;
}

Collector::Collector(const std::string& listen)
    : traces_(std::make_unique<Sink<otlp::v1::ExportTraceRequest>>(
          state_, "opentelemetry.proto.collector.trace.v1.TraceService")),
      metrics_(std::make_unique<Sink<otlp::v1::ExportMetricsRequest>>(
          state_, "opentelemetry.proto.collector.metrics.v1.MetricsService")) {
  Result<std::unique_ptr<Server>> server =
      Server::start({traces_.get(), metrics_.get()}, {.listen = {listen}, .shards = 1});
  REQUIRE(server);
  server_ = *std::move(server);
}

Collector::~Collector() = default;

void Collector::respond(std::function<Response(std::size_t)> response) {
  const std::lock_guard lock(state_.mutex);
  state_.response = std::move(response);
}

void Collector::hang() {
  const std::lock_guard lock(state_.mutex);
  state_.hangs = true;
}

void Collector::release() {
  {
    const std::lock_guard lock(state_.mutex);
    state_.hangs = false;
  }
  state_.released.notify();
}

Collector::Received Collector::wait(const std::function<bool(const Received&)>& holds) {
  std::unique_lock lock(state_.mutex);
  CHECK(state_.changed.wait_for(lock, patience, [&] { return holds(state_.received); }));
  return state_.received;
}

Collector::Received Collector::received() {
  const std::lock_guard lock(state_.mutex);
  return state_.received;
}

}  // namespace ringrpc::telemetry
