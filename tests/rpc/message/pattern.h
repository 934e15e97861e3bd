/// Contents for messages that are cut and joined: missing, doubled or reordered bytes are detected.
#pragma once

#include <cstddef>
#include <string>

namespace ringrpc {

/// A pattern of that many bytes. Each place is distinguishable, even across slabs.
inline std::string pattern(std::size_t bytes) {
  std::string made(bytes, '\0');
  for (std::size_t at = 0; at < bytes; ++at) made[at] = static_cast<char>(at * 7 + at / 251);
  return made;
}

}  // namespace ringrpc
