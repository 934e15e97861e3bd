#include "base/utc_time.h"

#include <array>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace ringrpc {

void append_utc(std::string& to, std::chrono::system_clock::time_point time) {
  struct Second {
    std::time_t time = -1;
    std::array<char, 32> text{};
    std::size_t size = 0;
  };
  thread_local Second last;
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
  const auto second =
      static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  if (second != last.time) {
    const auto end =
        fmt::format_to_n(last.text.data(), last.text.size(), "{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(second));
    last.size = end.size;
    last.time = second;
  }
  const auto rest = static_cast<unsigned>(milliseconds - std::int64_t{second} * 1000);
  const std::array<char, 5> end = {'.', static_cast<char>('0' + rest / 100),
                                   static_cast<char>('0' + rest / 10 % 10),
                                   static_cast<char>('0' + rest % 10), 'Z'};
  to.append(last.text.data(), last.size).append(end.data(), end.size());
}

}  // namespace ringrpc
