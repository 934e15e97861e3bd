/// Runs a skipped test case of this program in a process of its own, for tests of state that a process has once.
///
///   TEST_CASE("(says hello)" * doctest::skip()) { log::info("hello"); }
///   TEST_CASE("hello is said") { CHECK(in_own_process("(says hello)").errors.contains("hello")); }
#pragma once

#include <cstdio>
#include <doctest/doctest.h>
#include <string>

namespace ringrpc::test {

struct EndedProcess {
  int status;          ///< 0 if the test case passed
  std::string errors;  ///< what it wrote to stderr
};

inline EndedProcess in_own_process(const std::string& test_case) {
  const std::string command =
      "exec /proc/$PPID/exe --no-skip --test-case='" + test_case + "' 2>&1 >/dev/null";
  std::FILE* const child = ::popen(command.c_str(), "r");
  REQUIRE(child);
  std::string errors;
  for (int c; (c = std::fgetc(child)) != EOF;) errors.push_back(static_cast<char>(c));
  return {::pclose(child), std::move(errors)};
}

}  // namespace ringrpc::test
