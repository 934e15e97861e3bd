/// Contents for messages that are cut and put together: bytes that are missing, doubled or in another order
/// show.
#pragma once

#include <cstddef>
#include <string>

namespace ringrpc {

/// Of that many bytes; their places can be told apart, over slabs too.
inline std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  for (std::size_t at = 0; at < bytes; ++at) made[at] = static_cast<char>(at * 7 + at / 251);
  return made;
}

}  // namespace ringrpc
