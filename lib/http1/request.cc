#include "http1/request.h"

#include <algorithm>

namespace ringrpc::http1 {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

bool same_name(std::string_view one, std::string_view other) noexcept {
  return std::ranges::equal(one, other, {}, lower, lower);
}

std::string_view Request::field(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find_if(fields, [&](const Field& each) { return same_name(each.name, name); });
  return found == fields.end() ? std::string_view() : found->value;
}

}  // namespace ringrpc::http1
