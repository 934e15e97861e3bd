#include "rpc/wire/timeout.h"

#include <doctest/doctest.h>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a timeout is up to 8 digits and a unit") {
  CHECK(parse_timeout("1H") == Nanoseconds(1h));
  CHECK(parse_timeout("2M") == Nanoseconds(2min));
  CHECK(parse_timeout("3S") == Nanoseconds(3s));
  CHECK(parse_timeout("4m") == Nanoseconds(4ms));
  CHECK(parse_timeout("5u") == Nanoseconds(5us));
  CHECK(parse_timeout("00000006n") == Nanoseconds(6ns));
  CHECK(parse_timeout("0S") == Nanoseconds::zero());
}

TEST_CASE("a malformed timeout is refused") {
  for (const char* text :
       {"", "S", "1", "1s", "1h", "123456789S", "-1S", "+1S", " 1S", "1 S", "1.5S", "1SS", "0x1S"})
    CHECK_FALSE(parse_timeout(text));
}

TEST_CASE("a timeout beyond the clock is clamped") {
  CHECK(parse_timeout("99999999H") == Nanoseconds::max());
  CHECK(parse_timeout("99999999M") == Nanoseconds(99'999'999min));
}

TEST_CASE("a timeout is written in 8 digits at most, never shorter than it is") {
  CHECK(format_timeout(1ns) == "1n");
  CHECK(format_timeout(99'999'999ns) == "99999999n");
  CHECK(format_timeout(100'000'000ns) == "100000u");
  CHECK(format_timeout(100'000'001ns) == "100001u");
  CHECK(format_timeout(Nanoseconds::max()) == "2562048H");
  CHECK(format_timeout(0ns) == "0n");
  CHECK(format_timeout(-5s) == "0n");
  for (std::int64_t count = 1; count < 4'000'000'000'000'000'000; count = count * 3 + 1)
    CHECK(*parse_timeout(format_timeout(Nanoseconds(count))) >= Nanoseconds(count));
}

}  // namespace
}  // namespace ringrpc
