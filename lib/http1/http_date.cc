#include "http1/http_date.h"

#include <string_view>

namespace ringrpc::http1 {
namespace {

void put_number(char* into, unsigned number, unsigned digits) noexcept {
  for (unsigned i = digits; i > 0; --i, number /= 10) into[i - 1] = static_cast<char>('0' + number % 10);
}

}  // namespace

std::array<char, http_date_bytes> http_date(std::chrono::sys_seconds time) noexcept {
  constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
  constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const auto second = static_cast<unsigned>((time - midnight).count());
  std::array<char, http_date_bytes> text;
  std::string_view("Sun, 00 Jan 0000 00:00:00 GMT").copy(text.data(), http_date_bytes);
  day_names.copy(text.data(), 3, std::chrono::weekday(midnight).c_encoding() * std::size_t{3});
  put_number(text.data() + 5, static_cast<unsigned>(date.day()), 2);
  month_names.copy(text.data() + 8, 3, (static_cast<unsigned>(date.month()) - 1) * std::size_t{3});
  put_number(text.data() + 12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_number(text.data() + 17, second / 3600, 2);
  put_number(text.data() + 20, second / 60 % 60, 2);
  put_number(text.data() + 23, second % 60, 2);
  return text;
}

}  // namespace ringrpc::http1
