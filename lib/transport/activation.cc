#include "transport/activation.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace ringrpc {
namespace {

constexpr std::uint32_t first_descriptor = 3;
constexpr std::uint32_t descriptors_max = 4096;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// 0 if the text is not a number.
std::uint32_t number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

/// Takes the first of the names, which colons separate.
std::string_view next_name(std::string_view& names) {
  const std::size_t colon = names.find(':');
  const std::string_view name = names.substr(0, colon);
  names.remove_prefix(colon == std::string_view::npos ? names.size() : colon + 1);
  return name;
}

}  // namespace

Result<std::vector<Address>> activated_sockets(std::string_view name) {
  // The variables may be meant for another process, such as a parent that systemd started.
  const bool ours = number(variable("LISTEN_PID")) == static_cast<std::uint32_t>(::getpid());
  const std::uint32_t count = ours ? std::min(number(variable("LISTEN_FDS")), descriptors_max) : 0;
  std::string_view names = variable("LISTEN_FDNAMES");
  std::vector<Address> found;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view its_name = next_name(names);
    if (name.empty() || name == its_name) found.push_back(Address::of_descriptor(first_descriptor + i));
  }
  if (!found.empty()) return found;
  const std::string wanted = name.empty() ? "no socket" : "no socket named " + std::string(name);
  return fail(Code::FAILED_PRECONDITION,
              "listen on systemd: " + wanted +
                  " was passed to this process; start it by a socket unit (systemd.socket(5)), or "
                  "listen on an address",
              Initiator::application);
}

}  // namespace ringrpc
