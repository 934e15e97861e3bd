#include "http1/protocol.h"

#include <string_view>

namespace ringrpc::http1 {
namespace {

constexpr std::string_view http2_preface_line = "PRI * HTTP/2.0";
static_assert(http2_preface_line.size() == protocol_bytes);

}  // namespace

Protocol protocol_of(Bytes first) noexcept {
  const std::string_view text = as_text(first);
  if (text.starts_with(http2_preface_line)) return Protocol::http2;
  return http2_preface_line.starts_with(text) ? Protocol::undecided : Protocol::http1;
}

}  // namespace ringrpc::http1
