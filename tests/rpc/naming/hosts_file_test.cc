/// Names of a hosts file, which is read again only after it has changed.

#include "rpc/naming/hosts_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "transport/address.h"

namespace ringrpc::test {
namespace {

struct WrittenFile {
  WrittenFile() {
    char name[] = "/tmp/ringrpc-hosts-XXXXXX";
    const int descriptor = ::mkstemp(name);
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
    path = name;
  }
  ~WrittenFile() { ::unlink(path.c_str()); }

  /// The file has this time of change from now on.
  void write(const std::string& text, long changed_s) const {
    std::ofstream(path, std::ios::trunc) << text;
    const timespec times[] = {{.tv_sec = changed_s, .tv_nsec = 0}, {.tv_sec = changed_s, .tv_nsec = 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  }

  std::string path;
};

std::vector<std::string> found(HostsFile& file, const std::string& host) {
  std::vector<std::string> texts;
  for (const SocketAddress& address : file.find(host, 7)) texts.push_back(to_string(address));
  return texts;
}

using Texts = std::vector<std::string>;

TEST_CASE("the hosts file has the addresses of all lines with the name") {
  const WrittenFile written;
  written.write(
      "# 10.0.0.9 one\n"
      "10.0.0.1\tone.test one  # two\r\n"
      "  2001:db8::1 One.TEST\n"
      "nonsense one.test\n"
      "10.0.0.2\n"
      "10.0.0.3 other.test one.test.other\n"
      "10.0.0.4 last",
      1);
  HostsFile file(written.path);
  CHECK(found(file, "one.test") == Texts{"10.0.0.1:7", "[2001:db8::1]:7"});
  CHECK(found(file, "ONE") == Texts{"10.0.0.1:7"});
  CHECK(found(file, "last") == Texts{"10.0.0.4:7"});
  for (const char* const none : {"two", "on", "10.0.0.2", "", "one.test."}) CHECK(found(file, none).empty());
}

TEST_CASE("the hosts file is read again when it has changed, and only then") {
  const WrittenFile written;
  written.write("10.0.0.1 one\n", 1);
  HostsFile file(written.path);
  CHECK(found(file, "one") == Texts{"10.0.0.1:7"});
  written.write("10.0.0.2 one\n", 1);  // which cannot be seen without reading
  CHECK(found(file, "one") == Texts{"10.0.0.1:7"});
  written.write("10.0.0.2 one\n", 2);
  CHECK(found(file, "one") == Texts{"10.0.0.2:7"});
  REQUIRE(::unlink(written.path.c_str()) == 0);
  CHECK(found(file, "one").empty());
  written.write("10.0.0.3 one\n", 3);
  CHECK(found(file, "one") == Texts{"10.0.0.3:7"});
}

TEST_CASE("a hosts file has a limit, behind which nothing is read") {
  const WrittenFile written;
  const std::string line = "10.0.0.1 one\n";
  written.write(line + std::string(HostsFile::bytes_max - line.size() - 1, '\n') + "\n10.0.0.2 two\n", 1);
  HostsFile file(written.path);
  CHECK(found(file, "one") == Texts{"10.0.0.1:7"});
  CHECK(found(file, "two").empty());
}

}  // namespace
}  // namespace ringrpc::test
