/// Custom metadata of a call: an ordered list of names and values.
///
///   if (Status status = call.trailing_metadata().add("request-cost", cost); !status.ok()) co_return status;
///   if (auto token = call.metadata().find("authorization")) ...
///
/// Names are lower case, of 0-9 a-z _ - and `.`; those that end in "-bin" carry any octets and are base64 on
/// the wire, others carry printable ASCII without spaces at the ends (PROTOCOL-HTTP2.md, "Custom-Metadata").
/// Names that begin with "grpc-" belong to the protocol, but for `grpc-retry-pushback-ms`, and so do those
/// with a meaning to HTTP itself, such as "host" and "connection"; neither are among what a peer sent. A
/// client that adds "user-agent" says it in place of the library.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc {

/// The custom header fields of a call, in order; a name may repeat.
class Metadata {
 public:
  /// A field; the name is in lower case.
  struct Entry {
    std::string name;
    std::string value;
  };

  /// Adds an entry; a name may occur several times. INVALID_ARGUMENT for a name or value that the wire cannot
  /// carry; nothing is added then.
  Status add(std::string_view name, std::string_view value);

  /// The first value of that name; valid until the metadata changes. Names compare as they are, in lower
  /// case.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  /// Adds an entry as a peer sent it, unchecked: values may hold any octets that HTTP/2 carries.
  void add_received(std::string_view name, std::string value) {
    entries_.push_back({std::string(name), std::move(value)});
  }

  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace ringrpc
