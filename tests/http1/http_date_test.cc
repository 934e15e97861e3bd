#include "http1/http_date.h"

#include <doctest/doctest.h>
#include <string>

using namespace ringrpc::http1;

namespace {

std::string written(long long seconds) {
  const auto text = http_date(std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("a date is an IMF-fixdate (RFC 9110, 5.6.7)") {
  CHECK(written(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(written(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(written(951'782'399) == "Mon, 28 Feb 2000 23:59:59 GMT");
  CHECK(written(951'782'400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(written(253'402'300'799) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(written(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
}
