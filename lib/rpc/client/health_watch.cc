#include "rpc/client/health_watch.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <chrono>
#include <google/protobuf/unknown_field_set.h>
#include <utility>

#include "rpc/client/channel_log.h"
#include "rpc/client/client_connection.h"
#include "rpc/client/shard_channel.h"
#include "rpc/client/subchannel.h"
#include "rpc/wire/code_mapping.h"
#include "rpc/wire/percent_encoding.h"
#include "rpc/wire/response_headers.h"

namespace ringrpc {
namespace {

/// A response of the health service has two bytes; a later version may add fields.
constexpr std::size_t health_message_bytes_max = 1024;

/// Between the beginnings of two streams, whatever the server does.
constexpr Nanoseconds health_stream_interval_min = std::chrono::seconds(1);

constexpr std::uint64_t status_serving = 1;

/// HealthCheckResponse.ServingStatus.
std::string serving_status_name(std::uint64_t number) {
  constexpr std::array<std::string_view, 4> names = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return number < names.size() ? std::string(names[number]) : "status " + std::to_string(number);
}

/// A HealthCheckRequest with its prefix. This layer does not have the generated messages, which are those of
/// the services above.
std::vector<std::uint8_t> health_request(const std::string& service) {
  google::protobuf::UnknownFieldSet request;
  if (!service.empty()) request.AddLengthDelimited(1, service);
  std::string bytes;
  request.SerializeToString(&bytes);
  std::vector<std::uint8_t> message(MessageBuffer::prefix_bytes + bytes.size());
  MessageBuffer::write_prefix(message.data(), bytes.size());
  std::ranges::copy(bytes, message.begin() + MessageBuffer::prefix_bytes);
  return message;
}

/// The status of a HealthCheckResponse; none if that is not protobuf.
std::optional<std::uint64_t> health_response(Pieces message) {
  const std::vector<std::uint8_t> bytes = join(message);
  google::protobuf::UnknownFieldSet response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  std::uint64_t status = 0;
  for (int at = 0; at < response.field_count(); ++at) {
    const google::protobuf::UnknownField& field = response.field(at);
    if (field.number() == 1 && field.type() == google::protobuf::UnknownField::TYPE_VARINT)
      status = field.varint();
  }
  return status;
}

}  // namespace

HealthWatch::HealthWatch(Subchannel& subchannel, ClientConnection& connection, std::string service)
    : subchannel_(subchannel),
      connection_(connection),
      service_(std::move(service)),
      buffer_(subchannel.shard().slabs(), health_message_bytes_max),
      backoff_(subchannel.channel().options().backoff, subchannel.shard().now(), subchannel.shard().index()) {
}

Connectivity HealthWatch::state() const noexcept {
  switch (phase_) {
    case Phase::asking:
      return Connectivity::connecting;
    case Phase::serving:
    case Phase::not_offered:
      return Connectivity::ready;
    case Phase::not_serving:
    case Phase::waiting:
      break;
  }
  return Connectivity::transient_failure;
}

void HealthWatch::enter(Phase next) noexcept {
  assert((next == Phase::asking) == (phase_ == Phase::waiting));
  assert(phase_ != Phase::not_offered);
  phase_ = next;
  subchannel_.run_soon();
}

void HealthWatch::begin() noexcept {
  began_ = subchannel_.shard().now();
  heard_ = false;
  enter(Phase::asking);
  contain([this] { open(); });
}

void HealthWatch::open() {
  buffer_.clear();
  grpc_status_.reset();
  http_status_ = 0;
  is_grpc_ = false;
  ShardChannel& channel = subchannel_.channel();
  const auto lasting = [](std::string_view name, std::string_view value) {
    return http2::Header{.name = name, .value = value, .static_storage = true};
  };
  const std::array headers = {lasting(":method", "POST"),
                              lasting(":scheme", channel.scheme()),
                              lasting(":path", "/grpc.health.v1.Health/Watch"),
                              lasting(":authority", channel.authority()),
                              lasting("content-type", "application/grpc"),
                              lasting("te", "trailers"),
                              lasting("user-agent", channel.user_agent())};
  const std::vector<std::uint8_t> request = health_request(service_);
  Result<http2::Stream*> stream = connection_.session().open(headers, this, false);
  connection_.flush_soon();
  if (!stream) return end(stream.error());
  stream_ = *stream;
  connection_.session().send_data(*stream_, request, true);
  Shard& shard = subchannel_.shard();
  shard.timers().arm(*this, after(shard.now(), channel.options().connect_timeout));
}

void HealthWatch::on_time() {
  if (phase_ == Phase::waiting) return begin();
  contain([this] {
    const auto timeout =
        std::chrono::ceil<std::chrono::milliseconds>(subchannel_.channel().options().connect_timeout);
    end(Status(Code::UNAVAILABLE, "no response within " + std::to_string(timeout.count()) + " ms",
               Initiator::library));
  });
}

void HealthWatch::on_headers() {
  contain([this] {
    for (const http2::Header& header : stream_->headers()) {
      if (header.name == ":status")
        std::from_chars(header.value.data(), header.value.data() + header.value.size(), http_status_);
      if (header.name == "content-type") is_grpc_ = is_grpc_content_type(header.value);
    }
    read_status();
  });
}

void HealthWatch::read_status() {
  const std::string_view none;
  std::string_view code = none, message = none;
  for (const http2::Header& header : stream_->headers()) {
    if (header.name == "grpc-status") code = header.value;
    if (header.name == "grpc-message") message = header.value;
  }
  if (code.data()) grpc_status_.emplace(code_from_text(code), percent_decode(message), Initiator::peer);
}

void HealthWatch::on_data(Bytes bytes) {
  contain([&] { take(bytes); });
}

void HealthWatch::take(Bytes bytes) {
  connection_.session().consumed(*stream_, bytes.size());
  connection_.flush_soon();
  if (http_status_ != 200 || !is_grpc_) return end(without_status());
  Status fault = buffer_.add(bytes);
  while (fault.ok() && buffer_.ready()) {
    const std::optional<Pieces> message = buffer_.take();
    const std::optional<std::uint64_t> status = message ? health_response(*message) : std::nullopt;
    if (status) {
      note(*status);
      fault = buffer_.fault();
    } else {
      fault = Status(Code::INTERNAL, "its response cannot be parsed", Initiator::peer);
    }
  }
  if (fault.ok()) return buffer_.keep();
  buffer_.clear();  // it borrows the input, which is valid until this returns
  end(fault);
}

void HealthWatch::note(std::uint64_t serving_status) {
  heard_ = true;
  Timer::cancel();
  const Phase next = serving_status == status_serving ? Phase::serving : Phase::not_serving;
  if (next == Phase::serving) {
    if (!failure_.ok()) {
      subchannel_.trace().add(channelz::Severity::info, "the health check says SERVING");
      channel_log::serving(subchannel_.channel().target(), connection_.peer());
    }
    failure_ = Status();
  } else {
    fail(Status(Code::UNAVAILABLE,
                "the health check of \"" + service_ + "\" says " + serving_status_name(serving_status),
                Initiator::peer));
  }
  if (next != phase_) enter(next);
}

/// The server counts as unhealthy.
void HealthWatch::fail(const Status& why) {
  const bool was_healthy = failure_.ok();
  failure_ = subchannel_.unreachable(why);
  if (!was_healthy) return;
  subchannel_.trace().add(channelz::Severity::warning, failure_.message());
  channel_log::not_serving(subchannel_.channel().target(), connection_.peer(), failure_);
}

void HealthWatch::on_trailers() {
  contain([this] {
    grpc_status_.reset();
    read_status();
  });
}

void HealthWatch::on_end() {
  if (stream_->queued_bytes() == 0)
    std::exchange(stream_, nullptr)->set_events(nullptr);  // it closes by itself
  contain([this] { end(grpc_status_ ? *grpc_status_ : without_status()); });
}

void HealthWatch::on_closed(http2::ErrorCode code, bool) {
  stream_ = nullptr;
  contain([&] {
    end(Status(code_from_reset(code), "the stream was reset: " + std::string(http2::name(code)),
               Initiator::peer));
  });
}

/// http-grpc-status-mapping.md.
Status HealthWatch::without_status() const {
  return Status(code_from_http_status(http_status_),
                http_status_ == 200 ? "the response is not gRPC's"
                                    : "the response has HTTP status " + std::to_string(http_status_),
                Initiator::peer);
}

/// The stream has ended, or ends now, with `why`.
void HealthWatch::end(const Status& why) noexcept try {
  drop_stream();
  Timer::cancel();
  if (!open_phase()) return;
  if (why.code() == Code::UNIMPLEMENTED) {
    subchannel_.trace().add(channelz::Severity::warning, "the server has no health checks");
    channel_log::health_not_offered(subchannel_.channel().target(), connection_.peer());
    failure_ = Status();
    return enter(Phase::not_offered);
  }
  enter(Phase::waiting);
  Shard& shard = subchannel_.shard();
  if (heard_) {
    backoff_.succeeded();
    shard.timers().arm(*this, std::max(shard.now(), after(began_, health_stream_interval_min)));
  } else {
    backoff_.failed(shard.now());
    shard.timers().arm(*this, backoff_.ends());
  }
  const std::string words = why.ok() ? "the server ended it" : why.to_string();
  fail(Status(Code::UNAVAILABLE, "the health check of \"" + service_ + "\" failed: " + words,
              why.initiator()));
} catch (...) {
  failure_ = caught();
}

void HealthWatch::drop_stream() noexcept {
  if (!stream_) return;
  http2::Stream& stream = *std::exchange(stream_, nullptr);
  stream.set_events(nullptr);
  connection_.session().reset(stream, http2::ErrorCode::cancel);
  connection_.flush_soon();
}

}  // namespace ringrpc
