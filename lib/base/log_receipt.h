/// Reports to the caller of the log whether its record was written.
///
///   class Receipt final : public log::Receipt {
///     void tell(bool written) noexcept override { … }
///   };
///   log::write(log::Level::info, std::make_shared<Receipt>(), "signed with {}", key);
///
/// A record counts as written when write(2) has taken its whole line. A file has the line then, though
/// perhaps not yet the disk; a pipe holds it for its reader.
#pragma once

#include <fmt/core.h>
#include <memory>
#include <span>
#include <type_traits>

#include "ringrpc/log.h"
#include "ringrpc/status.h"

namespace ringrpc::log {

class Receipt {
 public:
  virtual ~Receipt() = default;

  /// Called once, from any thread. The call may never come, when memory is short or while stderr blocks, so
  /// a wait for it needs a timeout.
  virtual void tell(bool written) noexcept = 0;
};

namespace detail {

void write(Level level, fmt::string_view format, fmt::format_args arguments,
           std::span<const Field* const> fields, const std::shared_ptr<Receipt>& receipt) noexcept;

}  // namespace detail

/// Like `info` and the others, but independent of the present level.
template <class... Arguments>
void write(Level level, const std::shared_ptr<Receipt>& receipt, fmt::format_string<Arguments...> format,
           Arguments&&... arguments) noexcept {
  detail::write(level, format, fmt::make_format_args(arguments...),
                detail::FieldsOf<std::remove_cvref_t<Arguments>...>(arguments...), receipt);
}

/// OK while records are written. UNAVAILABLE with the cause after a failed write, until one succeeds, and
/// after records found the queue full, until the log has the warning about them. Only a further record
/// shows that writing works again.
Status condition();

}  // namespace ringrpc::log
