#include "grpcclient/demo.h"

#include <doctest/doctest.h>

namespace ringrpc::grpcclient {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a time is shown in the unit that leaves three digits") {
  CHECK(format_time(0ns) == "0 ns");
  CHECK(format_time(870ns) == "870 ns");
  CHECK(format_time(1000ns) == "1.00 µs");
  CHECK(format_time(12'400ns) == "12.4 µs");
  CHECK(format_time(3'070us) == "3.07 ms");
  CHECK(format_time(120ms) == "120 ms");
  CHECK(format_time(999'900us) == "1.00 s");
  CHECK(format_time(75s) == "75.0 s");
}

}  // namespace
}  // namespace ringrpc::grpcclient
