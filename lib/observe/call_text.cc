#include "observe/call_text.h"

#include <array>

namespace ringrpc {
namespace {

/// Dashboards and alerts compare `grpc_code` with the names that grpc-go has for the codes.
constexpr std::array<std::string_view, CallMetrics::code_count> code_labels = {
    R"(,grpc_code="OK")",
    R"(,grpc_code="Canceled")",
    R"(,grpc_code="Unknown")",
    R"(,grpc_code="InvalidArgument")",
    R"(,grpc_code="DeadlineExceeded")",
    R"(,grpc_code="NotFound")",
    R"(,grpc_code="AlreadyExists")",
    R"(,grpc_code="PermissionDenied")",
    R"(,grpc_code="ResourceExhausted")",
    R"(,grpc_code="FailedPrecondition")",
    R"(,grpc_code="Aborted")",
    R"(,grpc_code="OutOfRange")",
    R"(,grpc_code="Unimplemented")",
    R"(,grpc_code="Internal")",
    R"(,grpc_code="Unavailable")",
    R"(,grpc_code="DataLoss")",
    R"(,grpc_code="Unauthenticated")",
};

/// Writes the samples that a family has for one method.
using WriteMethod = void (*)(MetricsText& text, const MethodMetrics& method);

struct CallFamily {
  std::string_view origin;  ///< before the side: "grpc" for the common names, "ringrpc" for ours
  std::string_view name;    ///< after the side
  std::string_view help;
  MetricType type;
  std::string_view unit;
  WriteMethod write;
};

void write_handled(MetricsText& text, const MethodMetrics& method) {
  for (std::size_t number = 0; number < code_labels.size(); ++number) {
    const std::uint64_t handled = method.calls.handled(static_cast<Code>(number));
    if (handled > 0 || static_cast<Code>(number) == Code::OK)
      text.sample(std::string(method.labels).append(code_labels[number]), handled);
  }
}

void write_durations(MetricsText& text, const MethodMetrics& method) {
  if (method.calls.handled() == 0) return;
  const CallHistograms all = method.calls.all_histograms();
  text.histogram(method.labels, all.duration, all.exemplars.get());
}

template <auto histogram>
void write_histogram(MetricsText& text, const MethodMetrics& method) {
  if (method.calls.handled() > 0) text.histogram(method.labels, method.calls.all_histograms().*histogram);
}

constexpr auto call_families = std::to_array<CallFamily>({
    {"grpc", "started", "Calls that have begun.", MetricType::counter, "",
     [](MetricsText& text, const MethodMetrics& method) {
       text.sample(method.labels, method.calls.started());
     }},
    {"grpc", "handled", "Calls that have ended, by status code.", MetricType::counter, "", &write_handled},
    {"grpc", "msg_received", "Messages received.", MetricType::counter, "",
     [](MetricsText& text, const MethodMetrics& method) {
       text.sample(method.labels, method.calls.received());
     }},
    {"grpc", "msg_sent", "Messages sent.", MetricType::counter, "",
     [](MetricsText& text, const MethodMetrics& method) { text.sample(method.labels, method.calls.sent()); }},
    {"ringrpc", "unparsable_messages",
     "Messages received that are not of the method's type: the peer may have another version of it.",
     MetricType::counter, "",
     [](MetricsText& text, const MethodMetrics& method) {
       text.sample(method.labels, method.calls.rejected());
     }},
    {"grpc", "handling_seconds", "Time from the beginning of a call to its status.", MetricType::histogram,
     "seconds", &write_durations},
    {"ringrpc", "call_received_bytes", "Bytes of the messages received in a call, as they were on the wire.",
     MetricType::histogram, "bytes", &write_histogram<&CallHistograms::received_bytes>},
    {"ringrpc", "call_sent_bytes", "Bytes of the messages sent in a call, as they were on the wire.",
     MetricType::histogram, "bytes", &write_histogram<&CallHistograms::sent_bytes>},
});

/// More than the text of all families takes.
std::size_t text_bytes_max(std::span<const MethodMetrics> methods) noexcept {
  constexpr std::size_t name_bytes_max = 100;  // with the code, the bound, and the value
  constexpr std::size_t counters = 5 + CallMetrics::code_count;
  constexpr std::size_t histograms =
      LatencyHistogram::bucket_count + std::size_t{2} * SizeHistogram::bucket_count + std::size_t{3} * 2;
  std::size_t bytes = 0;
  for (const MethodMetrics& method : methods)
    bytes +=
        (counters + (method.calls.started() > 0 ? histograms : 0)) * (name_bytes_max + method.labels.size());
  return bytes;
}

}  // namespace

std::string method_labels(std::string_view type, std::string_view service, std::string_view method) {
  return label("grpc_type", type) + "," + label("grpc_service", service) + "," + label("grpc_method", method);
}

CallText::CallText(MetricsText& text, CallSide side, std::span<const MethodMetrics> methods)
    : text_(text), side_(side), methods_(methods) {
  text_.reserve(text_bytes_max(methods));
}

bool CallText::write_next() {
  if (family_ == call_families.size() || methods_.empty()) return false;
  const CallFamily& family = call_families[family_];
  if (method_ == 0) {
    name_ = std::string(family.origin)
                .append(side_ == CallSide::server ? "_server_" : "_client_")
                .append(family.name);
    text_.begin({.name = name_, .help = family.help, .type = family.type, .unit = family.unit});
  }
  family.write(text_, methods_[method_]);
  if (++method_ == methods_.size()) {
    method_ = 0;
    ++family_;
  }
  return true;
}

}  // namespace ringrpc
