/// The reason to refuse a request: the status of the response and the line of text in its body. It owns no
/// memory.
#pragma once

#include <string_view>

namespace ringrpc::http1 {

struct Refusal {
  int status = 0;           ///< 0: not refused
  std::string_view reason;  ///< a literal

  explicit operator bool() const noexcept { return status != 0; }
};

}  // namespace ringrpc::http1
