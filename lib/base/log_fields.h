/// The fields of a log record on their way to the log's thread, with copies of their texts.
///
///   std::unique_ptr<const LogFields> kept = LogFields::copy(fields);    // null without fields
///   for (const log::Field& field : kept->all()) …
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ringrpc/log.h"

namespace ringrpc {

class LogFields {
 public:
  /// A longer text is cut.
  static constexpr std::size_t text_bytes_max = 1024;

  /// Null if there are none. Control characters in texts are escaped.
  static std::unique_ptr<const LogFields> copy(std::span<const log::Field* const> fields);

  LogFields(const LogFields&) = delete;
  LogFields& operator=(const LogFields&) = delete;
  ~LogFields() = default;

  std::span<const log::Field> all() const noexcept { return fields_; }

 private:
  explicit LogFields(std::span<const log::Field* const> fields);

  std::vector<log::Field> fields_;  // with views of texts_
  std::vector<std::string> texts_;
};

}  // namespace ringrpc
