#include "base/log_lines.h"

#include <spdlog/pattern_formatter.h>
#include <variant>

#include "base/json.h"
#include "base/utc_time.h"

namespace ringrpc {

namespace {

spdlog::level::level_enum spdlog_level(log::Level level) noexcept {
  switch (level) {
    case log::Level::trace:
      return spdlog::level::trace;
    case log::Level::debug:
      return spdlog::level::debug;
    case log::Level::info:
      return spdlog::level::info;
    case log::Level::warn:
      return spdlog::level::warn;
    case log::Level::error:
      return spdlog::level::err;
    case log::Level::off:
      break;
  }
  return spdlog::level::off;
}

void append_object(const LogRecord& record, std::string& to) {
  to += R"({"time":")";
  append_utc(to, record.time);
  to += '"';
  append_member(to, "level", line_name(record.level));
  append_member(to, "message", std::string_view(record.message));
  if (record.fields)
    for (const log::Field& field : record.fields->all())
      std::visit([&](auto value) { append_member(to, field.name(), value); }, field.value());
  to += "}\n";
}

}  // namespace

std::string_view line_name(log::Level level) noexcept {
  return level == log::Level::warn ? "warning" : log::name(level);
}

LogLines::LogLines()
    : text_(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                                                        spdlog::pattern_time_type::utc)) {}
LogLines::~LogLines() = default;

void LogLines::append(const LogRecord& record, std::string& to) {
  if (log::format() == log::Format::json) return append_object(record, to);
  spdlog::memory_buf_t line;
  text_->format(
      {record.time, {}, {}, spdlog_level(record.level), {record.message.data(), record.message.size()}},
      line);
  to.append(line.data(), line.size());
}

void StampedLines::append(const LogRecord& record, std::string& to) {
  if (stamp_ == Stamp::json) to += R"({"time":")";
  if (stamp_ != Stamp::none) append_utc(to, record.time);
  if (stamp_ == Stamp::json) {
    to.append("\",").append(record.message).append("}\n");
  } else {
    to.append(stamp_ == Stamp::text ? " " : "").append(record.message).append("\n");
  }
}

}  // namespace ringrpc
