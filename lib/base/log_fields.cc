#include "base/log_fields.h"

#include <string_view>
#include <variant>

#include "base/escape.h"

namespace ringrpc {

std::unique_ptr<const LogFields> LogFields::copy(std::span<const log::Field* const> fields) {
  return fields.empty() ? nullptr : std::unique_ptr<const LogFields>(new LogFields(fields));
}

LogFields::LogFields(std::span<const log::Field* const> fields) {
  fields_.reserve(fields.size());
  texts_.reserve(fields.size());  // views of short texts end when they move
  for (const log::Field* field : fields) {
    const auto* text = std::get_if<std::string_view>(&field->value());
    fields_.push_back(text ? field->with(texts_.emplace_back(escape_controls(*text, text_bytes_max)))
                           : *field);
  }
}

}  // namespace ringrpc
