/// Tells a caller of the log whether its record was written.
///
///   class Receipt final : public log::Receipt {
///     void tell(bool written) noexcept override { … }
///   };
///   log::write(log::Level::info, std::make_shared<Receipt>(), "signed with {}", key);
///
/// A record is written when write(2) has taken all of its line: a file has it then, though not yet the disk
/// below; a pipe holds it for its reader.
#pragma once

#include <fmt/core.h>
#include <memory>

#include "ringrpc/log.h"
#include "ringrpc/status.h"

namespace ringrpc::log {

class Receipt {
 public:
  virtual ~Receipt() = default;

  /// Called once, from any thread. It is not called where memory is short or while stderr takes no
  /// more, so a wait for it needs a bound.
  virtual void tell(bool written) noexcept = 0;
};

namespace detail {

void write(Level level, fmt::string_view format, fmt::format_args arguments,
           const std::shared_ptr<Receipt>& receipt) noexcept;

}  // namespace detail

/// As `info` and the others, but whatever the present level is.
template <class... Arguments>
void write(Level level, const std::shared_ptr<Receipt>& receipt, fmt::format_string<Arguments...> format,
           Arguments&&... arguments) noexcept {
  detail::write(level, format, fmt::make_format_args(arguments...), receipt);
}

/// OK while records are written. UNAVAILABLE with the cause after a write that failed, until one succeeds, and
/// after records found the queue full, until that is told in the log. It takes another record to find out that
/// writing works again.
Status condition();

}  // namespace ringrpc::log
