// What a thread can still reach under Landlock, by system calls and by io_uring.
#include "grpcd/sandbox/landlock.h"

#include <arpa/inet.h>
#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "apps/grpcd/sandbox/forked.h"
#include "apps/grpcd/sandbox/sockets.h"
#include "apps/scratch_folder.h"
#include "base/unique_fd.h"
#include "reactor/seccomp.h"
#include "reactor/uring_requests.h"

namespace ringrpc::grpcd {
namespace {

using apps::ScratchFolder;

/// True, with a message, if this kernel lacks what the test is about.
bool lacks(int version) {
  const int found = Landlock::version().value_or(0);
  if (found >= version) return false;
  MESSAGE("skipped: Landlock of this kernel is version ", found, ", the test needs ", version);
  return true;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// 0, or the error.
int try_open(const std::string& path, int flags) {
  const UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return file ? 0 : errno;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int try_connect(const sockaddr_in& address) {
  const UniqueFd socket = tcp_socket();
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                                   : errno;
}

int try_bind(std::uint16_t port) {
  const UniqueFd socket = tcp_socket();
  const sockaddr_in address = loopback(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

TEST_CASE("only the folders of the rules can be reached") {
  if (lacks(3)) return;
  const ScratchFolder read, written, other;
  write(read.file("file"), "text");
  write(other.file("file"), "text");
  Landlock rules;
  rules.read(read.file("."));
  rules.write(written.file("."));
  rules.read("/no/such/folder");
  const auto confined = [&](const auto& attempt) {
    return forked([&] { return rules.enforce() ? attempt() : enforced_nothing; });
  };
  CHECK(confined([&] { return try_open(read.file("file"), O_RDONLY); }) == 0);
  CHECK(confined([&] { return try_open(read.file("file"), O_WRONLY); }) == EACCES);
  CHECK(confined([&] { return try_open(read.file("new"), O_CREAT | O_WRONLY); }) == EACCES);
  CHECK(confined([&] { return try_open(written.file("new"), O_CREAT | O_WRONLY | O_APPEND); }) == 0);
  CHECK(confined([&] { return try_open(written.file("new"), O_RDONLY); }) == 0);
  CHECK(confined([&] { return ::unlink(written.file("new").c_str()) == 0 ? 0 : errno; }) == 0);
  CHECK(confined([&] { return try_open(other.file("file"), O_RDONLY); }) == EACCES);
  CHECK(confined([&] { return ::unlink(other.file("file").c_str()) == 0 ? 0 : errno; }) == EACCES);
  CHECK(std::filesystem::exists(other.file("file")));
}

TEST_CASE("io_uring reaches no more than system calls do") {
  if (lacks(4)) return;
  const ScratchFolder read, other;
  write(read.file("file"), "text");
  write(other.file("file"), "text");
  Landlock rules;
  rules.read(read.file("."));
  const auto opened = [&](const std::string& path) {
    return forked([&] {
      if (!rules.enforce()) return enforced_nothing;
      const int result = test::uring_open(path);
      return result < 0 ? -result : 0;
    });
  };
  const int allowed = opened(read.file("file"));
  if (allowed == ENOSYS || allowed == EPERM) {
    MESSAGE("skipped: io_uring is not available");
    return;
  }
  CHECK(allowed == 0);
  CHECK(opened(other.file("file")) == EACCES);

  const Listening server;
  CHECK(forked([&] {
          if (!rules.enforce()) return enforced_nothing;
          const UniqueFd socket = tcp_socket();
          return -test::uring_connect(socket.get(), reinterpret_cast<const sockaddr*>(&server.address),
                                      sizeof server.address);
        }) == EACCES);
}

TEST_CASE("only the ports of the rules can be bound, and none can be connected to") {
  if (lacks(4)) return;
  const Listening server;
  const std::uint16_t port = ntohs(server.address.sin_port);
  Landlock rules;
  rules.listen(0);
  const auto confined = [](const Landlock& by, const auto& attempt) {
    return forked([&] { return by.enforce() ? attempt() : enforced_nothing; });
  };
  CHECK(confined(rules, [&] { return try_bind(0); }) == 0);
  CHECK(confined(rules, [&] { return try_bind(port); }) == EACCES);
  CHECK(confined(rules, [&] { return try_connect(server.address); }) == EACCES);
  Landlock wider = rules;
  wider.listen(port);
  wider.connect();
  CHECK(confined(wider, [&] { return try_bind(port); }) == EADDRINUSE);
  CHECK(confined(wider, [&] { return try_connect(server.address); }) == 0);
}

TEST_CASE("no program can be executed, and threads started later are restricted too") {
  if (lacks(1)) return;
  Landlock rules;
  rules.read("/");
  CHECK(forked([&] {
          if (!rules.enforce()) return enforced_nothing;
          int error = 0;
          std::thread([&] {
            ::execl("/bin/true", "true", nullptr);
            error = errno;
          }).join();
          return error;
        }) == EACCES);
}

TEST_CASE("descriptors that are open keep their access") {
  if (lacks(3)) return;
  const ScratchFolder folder;
  const UniqueFd file(::open(folder.file("file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  CHECK(forked([&] {
          if (!Landlock().enforce()) return enforced_nothing;
          return ::write(file.get(), "text", 4) == 4 ? 0 : errno;
        }) == 0);
}

TEST_CASE("a filter that forbids Landlock is not taken for a kernel without it") {
  const auto refused = [](unsigned error) {
    return forked([&] {
      if (!test::forbid(SYS_landlock_create_ruleset, error)) return enforced_nothing;
      const Result<int> version = Landlock().enforce();
      return version ? 0 : static_cast<int>(version.error().code());
    });
  };
  CHECK(refused(EPERM) == static_cast<int>(Code::PERMISSION_DENIED));
  CHECK(refused(EACCES) == static_cast<int>(Code::PERMISSION_DENIED));
  CHECK(refused(ENOSYS) == static_cast<int>(Code::UNIMPLEMENTED));
  CHECK(refused(EOPNOTSUPP) == static_cast<int>(Code::UNIMPLEMENTED));
}

}  // namespace
}  // namespace ringrpc::grpcd
