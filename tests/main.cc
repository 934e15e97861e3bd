// The one main function of all test executables. A test case that waits for something that never happens is ended, so that it fails
// and its name is printed.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <unistd.h>

#include "listener.h"

namespace {

/// Far above the time of any test case on a busy machine. A case that takes longer has a `doctest::timeout` of its own.
constexpr double case_limit_s = RINGRPC_TEST_CASE_LIMIT_S;

/// doctest's handler of SIGABRT prints the name of the test case.
extern "C" void on_limit(int) {
  std::signal(SIGALRM, SIG_DFL);  // in case nobody reads the output
  ::alarm(10);
  constexpr char text[] =
      "The test case takes longer than its limit; it probably waits for an event that never comes.\n";
  (void)!::write(STDERR_FILENO, text, sizeof text - 1);
  std::abort();
}

class CaseLimit : public ringrpc::test::Listener {
 public:
  using Listener::Listener;

  void test_case_start(const doctest::TestCaseData& test) override {
    std::signal(SIGALRM, on_limit);
    ::alarm(static_cast<unsigned>(test.m_timeout > 0 ? test.m_timeout : case_limit_s));
  }
  void test_case_end(const doctest::CurrentTestCaseStats&) override { ::alarm(0); }
};

REGISTER_LISTENER("case-limit", 1, CaseLimit);

}  // namespace
