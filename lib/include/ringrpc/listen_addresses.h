/// The addresses on which servers and admin servers listen.
///
///   options.listen = {"127.0.0.1:50051", "unix:/run/routes.sock"};
#pragma once

#include "ringrpc/compiler.h"

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/task.h"

namespace ringrpc {

/// A list of strings.
class ListenAddresses : public std::vector<std::string> {
 public:
  using std::vector<std::string>::vector;
  /// The addresses of that list.
  ListenAddresses(std::vector<std::string> list) noexcept  // NOLINT(google-explicit-constructor): it is one
      : std::vector<std::string>(std::move(list)) {}
  /// Refused at compile time: one address that is not in a list.
  template <std::convertible_to<std::string_view> Text>
  ListenAddresses(const Text&) {  // NOLINT(google-explicit-constructor): as above
    static_assert(detail::never<Text>,
                  "`listen` is a list of addresses: `{.listen = {\"127.0.0.1:50051\"}}`");
  }
};

}  // namespace ringrpc
