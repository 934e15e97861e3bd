#include "common/exit_code.h"

#include <doctest/doctest.h>

#include "apps/captured_stderr.h"

namespace ringrpc::apps {
namespace {

TEST_CASE("a refusal is one line without control characters, for any input") {
  const CapturedStderr captured;
  CHECK(refuse("prog", Status(Code::INVALID_ARGUMENT, "--a\nb: \x1b[2J\r\x7f")) == exit_usage);
  CHECK(refuse("prog", Status(Code::NOT_FOUND, "\xc3\xa4 is gone")) == exit_failure);
  CHECK(captured.text() == "prog: --a b:  [2J  \nprog: \xc3\xa4 is gone\n");
}

TEST_CASE("an error in a file is not a usage error, and names the origin of the file's path") {
  const Status wrong(Code::INVALID_ARGUMENT, "a.pem: no key");
  CHECK(at_run_time(wrong).to_string() == "FAILED_PRECONDITION: a.pem: no key");
  CHECK(at_run_time("--key", wrong).to_string() == "FAILED_PRECONDITION: --key: a.pem: no key");
  CHECK(at_run_time(Status(Code::NOT_FOUND, "gone")).to_string() == "NOT_FOUND: gone");
  CHECK(at_run_time(Status()).ok());
}

}  // namespace
}  // namespace ringrpc::apps
