#include "signer/guarded_bytes.h"

#include <csignal>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"

namespace ringrpc {
namespace {

/// The kernel's flags of the mapping that contains `address`: " rd wr lo dd".
std::string flags_of(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    if (std::istringstream head(line); head >> std::hex >> begin >> dash >> end && dash == '-')
      inside = wanted >= begin && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line.substr(8);
  }
  return {};
}

/// The exit status of a child process that runs `work`: 3 after a fault.
int end_of(void (*work)(GuardedBytes&)) {
  GuardedBytes bytes = GuardedBytes::make(100).value();
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int fault : {SIGSEGV, SIGBUS, SIGABRT}) std::signal(fault, [](int) { ::_exit(3); });
    work(bytes);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST_CASE("guarded bytes are locked and left out of core dumps") {
  const GuardedBytes bytes = GuardedBytes::make(100).value();
  CHECK(bytes.size() == 100);
  const std::string flags = flags_of(bytes.bytes().data());
#ifndef RINGRPC_SANITIZED  // under a sanitizer, memory cannot be locked
  CHECK(flags.find(" lo") != std::string::npos);
#endif
  CHECK(flags.find(" dd") != std::string::npos);
}

TEST_CASE("writing beyond the end or into read-only bytes faults") {
  CHECK(end_of([](GuardedBytes& bytes) { bytes.writable()[99] = 1; }) == 0);
  CHECK(end_of([](GuardedBytes& bytes) {
          volatile std::uint8_t* behind = bytes.writable().data();
          behind[100] = 1;
        }) == 3);
  CHECK(end_of([](GuardedBytes& bytes) {
          bytes.make_read_only();
          volatile std::uint8_t* data = bytes.writable().data();
          data[0] = 1;
        }) == 3);
}

TEST_CASE("truncated bytes are wiped, and moved bytes stay in place") {
  GuardedBytes bytes = guarded("passphrase\n");
  const std::uint8_t* data = bytes.bytes().data();
  bytes.truncate(10);
  CHECK(as_text(bytes.bytes()) == "passphrase");
  CHECK(data[10] == 0);
  const GuardedBytes moved = std::move(bytes);
  CHECK(moved.bytes().data() == data);
  CHECK(GuardedBytes().size() == 0);
}

}  // namespace
}  // namespace ringrpc
