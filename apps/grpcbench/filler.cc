#include "grpcbench/filler.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ringrpc::grpcbench {

Filler::Filler(const Plan& plan) : plan_(plan) {
  for (const Operation& operation : plan.operations) {
    auto& serializer = serializers_.emplace_back();
    if (const auto& templates = operation.templates)
      serializer = std::make_unique<reflected::JsonSerializer>(templates->types, templates->type);
  }
}

bool Filler::needed(const Plan& plan) noexcept {
  const auto filled = [](const Operation& operation) { return operation.templates.has_value(); };
  return !plan.header_templates.empty() || std::ranges::any_of(plan.operations, filled);
}

Status Filler::fill(const Numbers& numbers, Filled& filled) {
  values_.begin(numbers.call, numbers.worker);
  if (!plan_.header_templates.empty())
    if (Status status = fill_headers(filled.headers); !status.ok()) return status;
  const Operation& operation = plan_.operations[numbers.operation];
  if (!operation.templates) return {};
  const std::size_t count = operation.messages.size();
  const std::size_t first = operation.sends_all() ? 0 : numbers.turn % count;
  filled.messages.resize(operation.sends_all() ? count : 1);
  for (std::size_t at = 0; at < filled.messages.size(); ++at)
    if (Status status = fill_message(numbers.operation, first + at, filled.messages[at]); !status.ok())
      return status;
  return {};
}

Status Filler::fill_message(std::size_t operation, std::size_t index, RawMessage& message) {
  const std::optional<Template>& json = plan_.operations[operation].templates->messages[index];
  if (!json) {
    message = plan_.operations[operation].messages[index];
    return {};
  }
  text_.clear();
  json->fill(values_, text_);
  Result<std::string> bytes = serializers_[operation]->serialize(text_);
  if (!bytes) return std::move(bytes).error();
  message.bytes = std::move(*bytes);
  return {};
}

Status Filler::fill_headers(Metadata& headers) {
  headers = Metadata();
  std::size_t at = 0;
  for (const Metadata::Entry& entry : plan_.headers) {
    const std::optional<Template>& value = plan_.header_templates[at++];
    text_.clear();
    if (value) value->fill(values_, text_);
    if (Status status = headers.add(entry.name, value ? text_ : entry.value); !status.ok()) return status;
  }
  return {};
}

}  // namespace ringrpc::grpcbench
