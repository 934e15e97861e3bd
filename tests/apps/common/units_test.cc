#include "common/units.h"

#include <doctest/doctest.h>
#include <string>

namespace ringrpc::apps {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a size is bytes or has a unit of 1024s") {
  CHECK(parse_size("0") == 0u);
  CHECK(parse_size("4096") == 4096u);
  CHECK(parse_size("64K") == 65536u);
  CHECK(parse_size("4M") == 4194304u);
  CHECK(parse_size("1G") == 1073741824u);
}

TEST_CASE("an invalid size is refused with the right form") {
  for (const char* text : {"", "K", "4k", "4MB", "-1", "+4", " 4", "4 ", "4.5M", "0x10",
                           "18446744073709551616", "9999999999G"}) {
    CAPTURE(text);
    const Result<std::uint64_t> bytes = parse_size(text);
    REQUIRE_FALSE(bytes.has_value());
    CHECK(bytes.error().code() == Code::INVALID_ARGUMENT);
    CHECK(bytes.error().message() ==
          "'" + std::string(text) + "' is not a size; write bytes, or K, M or G: 65536, 64K, 4M");
  }
}

TEST_CASE("a duration is seconds or has a unit") {
  CHECK(parse_duration("30") == 30s);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("1h") == 1h);
  for (const char* text : {"", "s", "-1s", "1d", "1.5s", "9223372036854775807s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("formatted values can be parsed again") {
  for (const std::uint64_t bytes : {0ull, 1ull, 1000ull, 1024ull, 1536ull, 4ull << 20, 3ull << 30}) {
    CHECK(parse_size(format_size(bytes)) == bytes);
  }
  CHECK(format_size(4 << 20) == "4M");
  CHECK(format_size(1536) == "1536");
  for (const auto duration : {0ms, 1ms, 1500ms, 30000ms, 90000ms, 120000ms, 3600000ms}) {
    CHECK(parse_duration(format_duration(duration)) == duration);
  }
  CHECK(format_duration(120s) == "2m");
  CHECK(format_duration(1500ms) == "1500ms");
}

TEST_CASE("a number is decimal digits") {
  CHECK(parse_count("12") == 12u);
  for (const char* text : {"", "-1", "+1", "1e3", "two", "12K"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_count(text).has_value());
  }
}

}  // namespace
}  // namespace ringrpc::apps
