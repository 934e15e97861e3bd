#include "ringrpc/metadata.h"

#include <algorithm>
#include <array>

#include "base/internals.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/metadata_wire.h"

namespace ringrpc {
namespace {

constexpr std::string_view reserved_prefix = "grpc-";

bool name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool value_character(char c) noexcept { return c >= 0x20 && c <= 0x7e; }

/// True for fields of HTTP or gRPC, which are not shown as custom metadata. The pushback, the time to wait
/// before a retry, is the one field of gRPC that its document leaves to the application (gRFC A6,
/// "Pushback").
bool belongs_to_protocol(std::string_view name) noexcept {
  if (name == pushback_name) return false;
  return name.starts_with(':') || name.starts_with(reserved_prefix) || name == "content-type" || name == "te";
}

/// True for fields that HTTP reserves: one of them makes a message malformed (RFC 9113, 8.2.2, 8.3.1 and
/// 8.1.1).
bool belongs_to_http(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 7> names = {
      "connection",       "content-length",    "host",   "keep-alive",
      "proxy-connection", "transfer-encoding", "upgrade"};
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Status Metadata::add(std::string_view name, std::string_view value) {
  const auto refuse = [&](std::string_view why) {
    return Status(Code::INVALID_ARGUMENT, "metadata \"" + std::string(name) + "\": " + std::string(why),
                  Initiator::application);
  };
  if (name.empty() || !std::ranges::all_of(name, name_character))
    return refuse("a name may contain only 0-9 a-z _ - and dots");
  if (belongs_to_protocol(name) || belongs_to_http(name))
    return refuse("names reserved by the protocol cannot be set");
  if (!is_binary(name) && !std::ranges::all_of(value, value_character))
    return refuse("a value must be printable ASCII; other bytes need a name that ends in -bin");
  if (!is_binary(name) && (value.starts_with(' ') || value.ends_with(' ')))
    return refuse("a value must not begin or end with a space");
  entries_.push_back({std::string(name), std::string(value)});
  return {};
}

std::optional<std::string_view> Metadata::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  if (found == entries_.end()) return std::nullopt;
  return found->value;
}

void append_metadata(const Metadata& metadata, http2::Headers& headers, std::deque<std::string>& storage) {
  for (const Metadata::Entry& entry : metadata) {
    if (is_binary(entry.name)) {
      headers.push_back({entry.name, storage.emplace_back(base64_encode(entry.value))});
    } else {
      headers.push_back({entry.name, entry.value});
    }
  }
}

Result<Metadata> read_metadata(std::span<const http2::Header> headers) {
  Metadata metadata;
  for (const http2::Header& header : headers) {
    if (belongs_to_protocol(header.name) || belongs_to_http(header.name)) continue;
    if (!is_binary(header.name)) {
      detail::Internals::add_received(metadata, header.name, std::string(header.value));
      continue;
    }
    for (std::size_t at = 0; at <= header.value.size();) {
      const std::size_t comma = std::min(header.value.find(',', at), header.value.size());
      std::optional<std::string> value = base64_decode(header.value.substr(at, comma - at));
      if (!value)
        return fail(Code::INTERNAL, "metadata \"" + std::string(header.name) + "\": the value is not base64",
                    Initiator::peer);
      detail::Internals::add_received(metadata, header.name, std::move(*value));
      at = comma + 1;
    }
  }
  return metadata;
}

FoundMetadata find_text(std::span<const http2::Header> headers, std::string_view name) noexcept {
  FoundMetadata found;
  if (belongs_to_protocol(name) || belongs_to_http(name)) return found;
  for (const http2::Header& header : headers) {
    if (header.name != name) continue;
    found.repeated = found.value.has_value();
    if (!found.repeated) found.value = header.value;
  }
  return found;
}

}  // namespace ringrpc
