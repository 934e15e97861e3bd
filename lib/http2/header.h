/// Header fields as HTTP/2 carries them: lower-case names, octet values.
#pragma once

#include <string_view>
#include <vector>

namespace ringrpc::http2 {

/// A borrowed field. `never_indexed` keeps a secret out of the peer's compression tables (RFC 7541, 7.1.3).
struct Header {
  std::string_view name;
  std::string_view value;
  bool never_indexed = false;
};

using Headers = std::vector<Header>;

}  // namespace ringrpc::http2
