#include "rpc/call/contained.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <stdexcept>
#include <string>

#include "apps/captured_stderr.h"

namespace ringrpc {
namespace {

TEST_CASE("callers who make a handler throw, again and again, cannot fill the log") {
  const apps::CapturedStderr captured;
  for (int i = 0; i < 1000; ++i) {
    const auto failing = []() -> Task<Status> { throw std::runtime_error("no such row"); };
    Task<Status> task = contained(failing);
    task.start();
    CHECK(outcome(task, "/a.B/C", "the handler").to_string() ==
          "INTERNAL: the handler failed with an exception");
  }
  const std::string text = captured.text();
  CHECK(text.find("/a.B/C: the handler threw: no such row") != std::string::npos);
  CHECK(std::ranges::count(text, '\n') <= 30);
}

}  // namespace
}  // namespace ringrpc
