#include "ringrpc/access_log.h"

#include <algorithm>
#include <fmt/compile.h>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "base/escape.h"
#include "base/internals.h"
#include "base/json.h"
#include "base/line_log.h"
#include "base/log_loss.h"
#include "observe/access_record.h"
#include "observe/rate_gate.h"

namespace ringrpc {

namespace {

constexpr std::size_t identity_bytes_max = 256;

/// True if a text is one value of a line as it is. Checks every byte, so that the
/// compiler can vectorize the loop.
bool is_one_word(std::string_view text) noexcept {
  std::uint8_t others = 0;
  for (const char c : text)
    others |= static_cast<std::uint8_t>(c - '!') > '~' - '!' || c == '"' || c == '\\' || c == '=' ? 1 : 0;
  return others == 0;
}

void append_quoted(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : escape_controls(text)) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

/// Writes the values of a line, in either form.
class AccessLine {
 public:
  explicit AccessLine(log::Format format) : json_(format == log::Format::json) {
    line_.reserve(typical_bytes);
  }

  void text(std::string_view name, std::string_view value) {
    begin(name);
    if (json_) return append_json(line_, value);
    if (!is_one_word(value)) return append_quoted(line_, value);
    line_ += value;
  }
  /// Nothing if it is empty.
  void text_if_any(std::string_view name, std::string_view value, std::size_t bytes_max) {
    if (value.size() > bytes_max) return text(name, escape_controls(value, bytes_max));
    if (!value.empty()) text(name, value);
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    append_json(line_, value);
  }
  void milliseconds(std::string_view name, Nanoseconds value) {
    begin(name);
    const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0)) / 1000;
    fmt::format_to(std::back_inserter(line_), FMT_COMPILE("{}.{:03}"), microseconds / 1000,
                   microseconds % 1000);
  }

  std::string finish() && { return std::move(line_); }

 private:
  static constexpr std::size_t typical_bytes = 384;

  void begin(std::string_view name) {
    if (!line_.empty()) line_ += json_ ? ',' : ' ';
    if (json_) {
      line_.append(1, '"').append(name).append("\":");
    } else {
      line_.append(name).append(1, '=');
    }
  }

  const bool json_;
  std::string line_;
};

}  // namespace

std::string access_line(const AccessRecord& record, log::Format format, std::uint64_t suppressed) {
  AccessLine line(format);
  line.text("method", record.method);
  line.text("peer", record.peer);
  line.text_if_any("identity", record.identity, identity_bytes_max);
  line.text("status", name(record.code));
  line.milliseconds("duration_ms", record.duration);
  line.number("received_messages", record.received_messages);
  line.number("received_bytes", record.traffic.received_bytes);
  line.number("sent_messages", record.sent_messages);
  line.number("sent_bytes", record.traffic.sent_bytes);
  line.text_if_any("request_id", record.request_id, request_id_bytes_max);
  line.text_if_any("trace_id", record.trace_id, record.trace_id.size());
  if (suppressed > 0) line.number("suppressed", suppressed);
  return std::move(line).finish();
}

struct AccessLog::State {
  State(const AccessLogOptions& given, std::unique_ptr<LineLog> file)
      : options(given), gate(given.lines_per_second_max), lines(std::move(file)) {}

  const AccessLogOptions options;
  RateGate gate;
  const std::unique_ptr<LineLog> lines;
};

AccessLog::AccessLog(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

AccessLog::~AccessLog() {
  if (const std::uint64_t rest = state_->gate.suppressed(); rest > 0)
    log::info("{}: the rate limit has left out the last {} lines", state_->lines->title(), rest);
}

Result<std::shared_ptr<AccessLog>> AccessLog::open(const AccessLogOptions& options) {
  const bool json = options.format == log::Format::json;
  Result<std::unique_ptr<LineLog>> lines =
      LineLog::open({.path = options.path,
                     .what = "access log",
                     .stamp = json ? StampedLines::Stamp::json : StampedLines::Stamp::text});
  if (!lines) return std::unexpected(std::move(lines).error());
  return std::shared_ptr<AccessLog>(new AccessLog(std::make_unique<State>(options, std::move(*lines))));
}

Status AccessLog::reopen() { return state_->lines->reopen(); }

void AccessLog::flush() noexcept { state_->lines->flush(); }

AccessSampler::AccessSampler(std::shared_ptr<AccessLog> log) noexcept : log_(std::move(log)) {}

bool AccessSampler::sampled() noexcept {
  const bool taken = skipped_ == 0;
  if (++skipped_ >= detail::Internals::state(*log_).options.one_call_of) skipped_ = 0;
  return taken;
}

std::optional<AccessSampler::Place> AccessSampler::take(Code code, Instant now) noexcept {
  auto& state = detail::Internals::state(*log_);
  const bool wanted = sampled() || (code != Code::OK && state.options.all_failures);
  if (!wanted) return std::nullopt;
  const std::optional<std::uint64_t> suppressed = state.gate.pass(now);
  if (!suppressed) return std::nullopt;
  return Place{*log_, *suppressed};
}

void AccessSampler::Place::write(const AccessRecord& record) const noexcept try {
  auto& state = detail::Internals::state(log);
  state.lines->write(access_line(record, state.options.format, suppressed));
} catch (...) {
  count_lost_log_line();
}

}  // namespace ringrpc
