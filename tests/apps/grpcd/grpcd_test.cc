// grpcd as a process: its output, its reaction to signals, and its exit status.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "apps/child_process.h"
#include "apps/scratch_file.h"
#include "apps/scratch_folder.h"
#include "open_call.h"
#include "text_data.h"

namespace ringrpc::apps {
namespace {

/// Removes the record about epoll, if there is one.
std::string without_fall_back(const std::string& text) {
  const std::size_t end = text.find('\n');
  const bool said = text.substr(0, end).find(" info using epoll; ") != std::string::npos;
  return said ? text.substr(end + 1) : text;
}

/// Runs it to its end with these arguments. A failure must print exactly one line on stderr.
std::string refusal(const std::vector<std::string>& arguments, int status,
                    const ChildSettings& settings = {}) {
  ChildProcess grpcd(arguments, settings);
  CHECK(grpcd.wait() == status);
  CHECK(grpcd.out().empty());
  std::string said = without_fall_back(grpcd.err());
  CHECK_MESSAGE(std::ranges::count(said, '\n') == 1, said);
  return said;
}

/// A port of 127.0.0.1 that is in use.
class TakenPort {
 public:
  TakenPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd_, plain, length) == 0);
    REQUIRE(::listen(fd_, 1) == 0);
    REQUIRE(::getsockname(fd_, plain, &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  ~TakenPort() { ::close(fd_); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

TEST_CASE("help and version go to stdout") {
  ChildProcess help({"--help"});
  CHECK(help.wait() == 0);
  CHECK(help.out().starts_with("Serves gRPC: "));
  CHECK(help.err().empty());
  ChildProcess version({"--version"});
  CHECK(version.wait() == 0);
  CHECK(version.out() == "grpcd " GRPCD_VERSION "\n");
}

TEST_CASE("wrong usage is one line and exit status 2") {
  CHECK(test::missing(refusal({"--shards", "two"}, 2), {"grpcd: --shards: 'two' ", "0 or more"}) == "");
  CHECK(refusal({"--"}, 2) == "grpcd: --: not a flag of grpcd; --help lists them\n");
  CHECK(test::missing(
            refusal({}, 2, {.environment = {"LOG_LEVEL=loud"}}),
            {"grpcd: environment: LOG_LEVEL: 'loud' ", "trace, debug, info, warn, error or off\n"}) == "");
  CHECK(refusal({"--generate-key", "none", "--generate-key", "p256"}, 2) ==
        "grpcd: --generate-key: 'none' excludes the other kinds; remove it, or them\n");
  CHECK(refusal({"--listen", "nowhere"}, 2).starts_with("grpcd: --listen: address \"nowhere\": want "));
}

TEST_CASE("a file with wrong settings is one line and exit status 1") {
  const ScratchFile file("max-connections = 0\n");
  CHECK(test::missing(refusal({"--config", file.path()}, 1),
                      {"grpcd: " + file.path() + ":1: max-connections: 0 ", "1 to 1000000"}) == "");
}

TEST_CASE("an address in use is one line that names it, the cause and the flag, and exit status 1") {
  const TakenPort taken;
  const std::string line = refusal({"--listen", taken.address()}, 1);
  CHECK(line.starts_with("grpcd: listen on " + taken.address() + ": "));
  CHECK(line.find("in use; ") != std::string::npos);
  CHECK(line.ends_with(" with --listen\n"));
}

TEST_CASE("an admin address in use is one line that names it, the cause and the flag, and exit status 1") {
  const TakenPort taken;
  const std::string line = refusal({"--listen", "127.0.0.1:0", "--admin", taken.address()}, 1,
                                   {.environment = {"LOG_LEVEL=warn"}});
  CHECK(line.starts_with("grpcd: listen on " + taken.address() + ": "));
  CHECK(line.ends_with(" with --admin\n"));
}

TEST_CASE("admin pages on other addresses than loopback and unix get a warning") {
  const std::string socket = "unix-abstract:ringrpc-admin-warning-" + std::to_string(::getpid());
  for (const auto& [address, warned] :
       {std::pair("0.0.0.0:0", true), std::pair("[::]:0", true), std::pair("127.0.0.1:0", false),
        std::pair("[::1]:0", false), std::pair(socket.c_str(), false)}) {
    ChildProcess grpcd({"--listen", "127.0.0.1:0", "--shards", "1", "--admin", address});
    grpcd.read_until(", admin pages on ");
    grpcd.signal(SIGTERM);
    CHECK(grpcd.wait() == 0);
    const bool found = grpcd.err().find(" warning admin pages on ") != std::string::npos;
    CHECK_MESSAGE(found == warned, address << ": " << grpcd.err());
  }
}

TEST_CASE("channelz on other addresses than loopback and unix gets a warning") {
  for (const auto& [address, warned] : {std::pair("0.0.0.0:0", true), std::pair("127.0.0.1:0", false)}) {
    ChildProcess grpcd({"--listen", "127.0.0.1:0", "--shards", "1", "--channelz", address});
    grpcd.read_until(", channelz on ");
    grpcd.signal(SIGTERM);
    CHECK(grpcd.wait() == 0);
    const bool found = grpcd.err().find(" warning channelz on ") != std::string::npos;
    CHECK_MESSAGE(found == warned, address << ": " << grpcd.err());
  }
}

TEST_CASE("too few descriptors are one line with the numbers and exit status 1") {
  const std::string line =
      refusal({"--max-connections", "100", "--shards", "1"}, 1, {.environment = {}, .descriptors = 63});
  CHECK(test::missing(line, {"grpcd: ", "63", "64", "ulimit -n 64"}) == "");
}

/// The port after `host` in the ready line.
std::uint16_t port_of(ChildProcess& grpcd, const std::string& host) {
  grpcd.read_until(" ready on ");
  const std::string& text = grpcd.read_until(")\n");
  const std::size_t at = text.find(" " + host + ":");
  REQUIRE_MESSAGE(at != std::string::npos, text);
  return static_cast<std::uint16_t>(std::stoi(text.substr(at + host.size() + 2)));
}

TEST_CASE("the ready line names version, addresses as bound, shards and backend, and SIGTERM ends it well") {
  ChildProcess grpcd({"--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--shards", "1"});
  const std::string v4 = std::to_string(port_of(grpcd, "127.0.0.1"));
  const std::string v6 = std::to_string(port_of(grpcd, "[::1]"));
  CHECK(v4 != "0");
  CHECK(v6 != "0");
  const std::string ready =
      " info grpcd " GRPCD_VERSION " ready on 127.0.0.1:" + v4 + " [::1]:" + v6 + " (1 shard, ";
  CHECK_MESSAGE(grpcd.err().find(ready) != std::string::npos, grpcd.err());
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK(grpcd.err().find(" drained: 0 calls finished, 0 ended\n") != std::string::npos);
}

bool root() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: only root can become another user");
  return false;
}

/// The number of the user that owns the file.
uid_t owner_of(const std::string& path) {
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_uid;
}

TEST_CASE("SIGHUP opens the access log again although --user has changed the user") {
  if (!root()) return;
  const ScratchFolder folder;
  const std::string path = folder.file("access.log");
  REQUIRE(::chmod(std::filesystem::path(path).parent_path().c_str(), 0755) == 0);
  bool sandbox = false;
  SUBCASE("alone") {}
  SUBCASE("with --sandbox") { sandbox = true; }
  std::vector<std::string> arguments = {"--listen", "127.0.0.1:0", "--shards",     "1",
                                        "--user",   "nobody",      "--access-log", path};
  if (sandbox) arguments.emplace_back("--sandbox");
  // LeakSanitizer traces the process when it ends, which a sandbox does not allow.
  ChildProcess grpcd(arguments, {.environment = {"ASAN_OPTIONS=detect_leaks=0"}});
  grpcd.read_until(" ready on ");
  CHECK(owner_of(path) == 65534);
  grpcd.signal(SIGHUP);
  grpcd.read_until("SIGHUP: ");
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK_MESSAGE(grpcd.err().contains("SIGHUP: reloaded the access log " + path + "\n"), grpcd.err());
  CHECK_FALSE(grpcd.err().contains(" warning "));
}

TEST_CASE("an access log of another owner keeps it, and a warning says that SIGHUP will fail") {
  if (!root()) return;
  const ScratchFile file("");
  ChildProcess grpcd(
      {"--listen", "127.0.0.1:0", "--shards", "1", "--user", "nobody", "--access-log", file.path()});
  grpcd.read_until(" ready on ");
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK(owner_of(file.path()) == 0);
  CHECK_MESSAGE(grpcd.err().contains(" warning access log: " + file.path() +
                                     ": permission denied, so SIGHUP cannot open it again and reloads "
                                     "nothing; let nobody write this file"),
                grpcd.err());
}

TEST_CASE("the ready line names the backend, and --io chooses it") {
  ChildProcess grpcd({"--listen", "127.0.0.1:0", "--shards", "1", "--io", "epoll"});
  grpcd.read_until(" (1 shard, epoll)\n");
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
}

TEST_CASE("without io_uring epoll serves, which is logged once; only --io uring fails" *
          doctest::skip(std::getenv("WITHOUT_IO_URING") == nullptr)) {
  ChildProcess grpcd({"--listen", "127.0.0.1:0", "--shards", "2"});
  grpcd.read_until(" (2 shards, epoll)\n");
  const std::size_t said = grpcd.err().find(" info using epoll; io_uring: io_uring_setup: ");
  CHECK(said != std::string::npos);
  CHECK(grpcd.err().find(" using epoll", said + 6) == std::string::npos);
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK(refusal({"--listen", "127.0.0.1:0", "--io", "uring"}, 1)
            .starts_with("grpcd: io_uring: io_uring_setup: "));
}

TEST_CASE("variables set options, and flags beat them") {
  ChildProcess grpcd({"--shards", "1"}, {.environment = {"SERVER_ADDR=127.0.0.1:0", "WORKER_THREADS=2"}});
  grpcd.read_until(" ready on 127.0.0.1:");
  grpcd.read_until(" (1 shard, ");
  grpcd.signal(SIGINT);
  CHECK(grpcd.wait() == 0);
}

TEST_CASE("SIGHUP, SIGUSR1 and SIGUSR2 are handled while it serves, SIGPIPE is ignored") {
  const ScratchFile file("listen = '127.0.0.1:0'\nshards = 1\n");
  ChildProcess grpcd({"--config", file.path()});
  grpcd.read_until(" ready on ");
  grpcd.signal(SIGPIPE);
  grpcd.signal(SIGUSR1);
  grpcd.read_until(" log level debug\n");
  grpcd.signal(SIGUSR2);
  grpcd.read_until(" log level info\n");
  file.write("listen = '127.0.0.1:0'\nshards = 'one'\n");
  grpcd.signal(SIGHUP);
  grpcd.read_until(" nothing was reloaded: ");
  file.write("listen = '127.0.0.1:0'\nshards = 2\nlog-level = 'warn'\n");
  grpcd.signal(SIGHUP);
  grpcd.read_until(" shards changed to 2 ");
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK(grpcd.err().find("drained") == std::string::npos);  // logged at info, and the level is warn
}

TEST_CASE("a call that does not finish is ended by the drain's timeout") {
  ChildProcess grpcd({"--listen", "127.0.0.1:0", "--shards", "1", "--drain-timeout", "50ms"});
  const OpenCall call(port_of(grpcd, "127.0.0.1"));
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK(grpcd.err().find(" draining 1 connection within 50ms; ") != std::string::npos);
  CHECK(grpcd.err().find(" drained: 0 calls finished, 1 ended\n") != std::string::npos);
}

TEST_CASE("a second signal ends it while a call is in flight, with exit status 1") {
  ChildProcess grpcd({"--listen", "127.0.0.1:0", "--shards", "1", "--drain-timeout", "1h"});
  const OpenCall call(port_of(grpcd, "127.0.0.1"));
  grpcd.signal(SIGTERM);
  grpcd.read_until(" draining 1 connection within 1h; ");
  grpcd.signal(SIGINT);
  CHECK(grpcd.wait() == 1);
  CHECK(test::lines_with(grpcd.err(), {"warning", "signal"}) == 1);
}

/// Waits until a process listens on the abstract unix socket of that name.
void wait_for_listener(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    REQUIRE(errno == ECONNREFUSED);
    std::this_thread::yield();
  }
  ::close(fd);
}

TEST_CASE("above level info a successful start and end are not logged") {
  const std::string name = "ringrpc-test-" + std::to_string(::getpid());
  ChildProcess grpcd({"--listen", "unix-abstract:" + name, "--shards", "1", "--max-connections", "10"},
                     {.environment = {"LOG_LEVEL=warn"}});
  wait_for_listener(name);
  grpcd.signal(SIGTERM);
  CHECK(grpcd.wait() == 0);
  CHECK(grpcd.err() == "");
}

}  // namespace
}  // namespace ringrpc::apps
