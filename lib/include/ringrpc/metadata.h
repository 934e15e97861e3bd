/// Custom metadata of a call: an ordered list of names and values.
///
///   if (Status status = call.trailing_metadata().add("request-cost", cost); !status.ok()) co_return status;
///   if (auto token = call.metadata().find("authorization")) ...
///
/// Names are lower case, of 0-9 a-z _ - and `.`. Values of names that end in "-bin" are any bytes, and
/// base64 on the wire; other values are printable ASCII without spaces at the ends (PROTOCOL-HTTP2.md,
/// "Custom-Metadata"). Two kinds of names are reserved: those that begin with "grpc-", except
/// `grpc-retry-pushback-ms`, for gRPC, and those with a meaning in HTTP, such as "host" and "connection".
/// Received metadata has no reserved names. A client's "user-agent" replaces that of the library.
#pragma once

#include "ringrpc/compiler.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/status.h"

namespace ringrpc {

/// The custom header fields of a call, in order; a name may repeat. A plain value: several threads may read
/// one object, and one may change it.
class RINGRPC_EXPORT Metadata {
 public:
  /// A field; the name is in lower case.
  struct Entry {
    std::string name;   ///< in lower case
    std::string value;  ///< as the application gave it: that of a name in "-bin" is not encoded
  };

  /// Adds an entry. INVALID_ARGUMENT for a name or value that the wire cannot carry; the metadata stays as
  /// it was.
  Status add(std::string_view name, std::string_view value);

  /// The first value of that name, which must be in lower case. Valid until the metadata changes.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  bool empty() const noexcept { return entries_.empty(); }       ///< true if there are no entries
  std::size_t size() const noexcept { return entries_.size(); }  ///< the number of entries
  auto begin() const noexcept { return entries_.begin(); }       ///< the entries, in their order
  auto end() const noexcept { return entries_.end(); }           ///< the end of the entries

 private:
  friend struct detail::Internals;
  void add_received(std::string_view name, std::string value) {
    entries_.push_back({std::string(name), std::move(value)});
  }

  std::vector<Entry> entries_;
};

/// The entries of one name.
struct FoundMetadata {
  std::optional<std::string_view> value{};  ///< of the first; nothing if there is none
  bool repeated = false;                    ///< true if there are more
};

}  // namespace ringrpc
