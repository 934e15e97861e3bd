#include "grpcd/daemon.h"

#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <thread>

#include "apps/captured_stderr.h"
#include "apps/grpcd/running_daemon.h"
#include "apps/scratch_file.h"
#include "text_data.h"

namespace ringrpc::grpcd {
namespace {

using apps::CapturedStderr;
using apps::ScratchFile;
using apps::Signals;
using namespace std::chrono_literals;

TEST_CASE("the ready line names version, addresses, shards and backend") {
  const CapturedStderr captured;
  Running daemon({"--listen", "127.0.0.1:1", "--listen", "unix:/run/x.sock"});
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(),
           " info grpcd " GRPCD_VERSION " ready on 127.0.0.1:1 unix:/run/x.sock (2 shards, fake)\n");
}

TEST_CASE("the ready line names the addresses of the admin pages") {
  const CapturedStderr captured;
  Running daemon({"--listen", "127.0.0.1:1", "--admin", "127.0.0.1:2", "--admin", "unix:/run/admin.sock"});
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(),
           " ready on 127.0.0.1:1 (2 shards, fake), admin pages on 127.0.0.1:2 unix:/run/admin.sock\n");
}

TEST_CASE("the admin pages are served until the drain has ended, and end before the server") {
  const CapturedStderr captured;
  Running daemon({"--admin", "127.0.0.1:2"}, 1);
  CHECK(daemon.server().metrics);
  daemon.signal(SIGTERM);
  CHECK(daemon.notes.next() == "not serving");
  CHECK(daemon.notes.next() == "drain 30000");
  daemon.server().finish();
  CHECK(daemon.end() == apps::exit_ok);
  CHECK(daemon.notes.next() == "admin destroyed");
  CHECK(daemon.notes.next() == "destroyed");
}

TEST_CASE("admin pages that cannot be served fail the start, with their flag") {
  const CapturedStderr captured;
  Running daemon({"--admin", "127.0.0.1:9"});
  CHECK(daemon.end() == apps::exit_failure);
  contains(captured.text(), "grpcd: listen on it: choose another with --admin\n");
  CHECK(captured.text().find("ready on") == std::string::npos);
}

TEST_CASE("the ready line names the addresses of channelz") {
  const CapturedStderr captured;
  Running daemon({"--listen", "127.0.0.1:1", "--channelz", "127.0.0.1:2", "--channelz", "unix:/run/z.sock"});
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(),
           " ready on 127.0.0.1:1 (2 shards, fake), channelz on 127.0.0.1:2 unix:/run/z.sock\n");
}

TEST_CASE("channelz that cannot be served fails the start, with its flag") {
  for (const auto& [address, line] :
       {std::pair("127.0.0.1:9", "grpcd: listen on it: choose another with --channelz\n"),
        std::pair("tls+127.0.0.1:1",
                  "grpcd: --channelz tls+127.0.0.1:1: channelz is served in plaintext; leave out tls+\n")}) {
    const CapturedStderr captured;
    Running daemon({"--channelz", address});
    CHECK(daemon.end() != apps::exit_ok);
    contains(captured.text(), line);
    CHECK(captured.text().find("ready on") == std::string::npos);
  }
}

TEST_CASE("SIGTERM and SIGINT refuse new calls and let those in flight finish") {
  for (const int number : {SIGTERM, SIGINT}) {
    const CapturedStderr captured;
    Running daemon({"--drain-timeout", "5s"}, 3);
    daemon.signal(number);
    CHECK(daemon.notes.next() == "not serving");
    CHECK(daemon.notes.next() == "drain 5000");
    daemon.server().finish();
    CHECK(daemon.end() == apps::exit_ok);
    CHECK(daemon.notes.next() == "destroyed");
    contains(captured.text(), "draining 1 connection within 5s; a second signal ends them at once");
    contains(captured.text(), "drained: 3 calls finished, 0 ended");
  }
}

TEST_CASE("watches that end when the drain is announced count as finished") {
  const CapturedStderr captured;
  Running daemon({}, 3);
  daemon.watches_only = true;
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(), "drained: 3 calls finished, 0 ended");
}

TEST_CASE("a daemon that has no memory to announce the drain drains and ends") {
  const CapturedStderr captured;
  Running daemon({}, 1);
  daemon.out_of_memory = true;
  daemon.signal(SIGTERM);
  CHECK(daemon.notes.next() == "not serving");
  CHECK(daemon.notes.next() == "drain 30000");
  daemon.server().finish();
  CHECK(daemon.end() == Running::killed);
}

TEST_CASE("calls that the drain's timeout ended are counted apart") {
  const CapturedStderr captured;
  Running daemon({}, 2);
  CHECK_FALSE(daemon.server().metrics);
  daemon.signal(SIGTERM);
  CHECK(daemon.notes.next() == "not serving");
  CHECK(daemon.notes.next() == "drain 30000");
  daemon.server().finish(false);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(), "drained: 0 calls finished, 2 ended");
}

TEST_CASE("a second signal does not wait for the drain") {
  const CapturedStderr captured;
  Running daemon({}, 1);
  daemon.signal(SIGTERM);
  CHECK(daemon.notes.next() == "not serving");
  CHECK(daemon.notes.next() == "drain 30000");
  daemon.signal(SIGINT);
  CHECK(daemon.notes.next() == "quit");
  daemon.server().finish();
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(), "second signal: exiting at once\n");
}

TEST_CASE("a second signal works although the server hangs") {
  const CapturedStderr captured;
  Running daemon({}, 1);
  daemon.server().hang();
  daemon.signal(SIGTERM);
  CHECK(daemon.notes.next() == "not serving");
  daemon.signal(SIGTERM);
  CHECK(daemon.notes.next() == "quit");
  daemon.server().finish();
  CHECK(daemon.end() == apps::exit_ok);
}

TEST_CASE("SIGUSR1 and SIGUSR2 step the log level and log it at any level") {
  const CapturedStderr captured;
  Running daemon({"--log-level", "error"}, 1);
  daemon.signal(SIGTERM);  // the next signals are handled during the drain
  REQUIRE(daemon.notes.next() == "not serving");
  REQUIRE(daemon.notes.next() == "drain 30000");
  const auto until = [](log::Level level) {
    while (log::level() != level) std::this_thread::yield();
  };
  daemon.signal(SIGUSR2);
  until(log::Level::off);
  daemon.signal(SIGUSR1);
  until(log::Level::error);
  daemon.signal(SIGUSR1);
  until(log::Level::warn);
  daemon.server().finish();
  CHECK(daemon.end() == apps::exit_ok);
  const std::string text = captured.text();
  contains(text, "info log level off\n");
  contains(text, "info log level error\n");
  contains(text, "info log level warn\n");
  CHECK(text.find("ready on") == std::string::npos);
}

TEST_CASE("connections that may exceed the descriptor limit are warned of once the server is ready") {
  const CapturedStderr captured;
  Running daemon({"--max-connections", "100", "--shards", "1"}, 0, 64);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  CHECK(test::lines_with(captured.text(), {"64", "ulimit -n 137", "LimitNOFILE=137", "--max-connections"}) ==
        1);
}

TEST_CASE("a limit of connections for each address is the library's unless one was given") {
  const CapturedStderr captured;
  const auto limit = [](std::vector<std::string> arguments) {
    Running daemon(std::move(arguments), 0, 1000);
    const auto given = daemon.server().max_connections_per_address;
    daemon.signal(SIGTERM);
    CHECK(daemon.end() == apps::exit_ok);
    return given;
  };
  CHECK(limit({}) == std::nullopt);
  CHECK(limit({"--max-connections-per-address", "5"}) == 5);
  CHECK(limit({"--max-connections-per-address", "0"}) == 0);
}

TEST_CASE("buffered sizes that are raised are told at the start") {
  const CapturedStderr captured;
  Running daemon(
      {"--max-message-size", "1M", "--max-buffered-size", "1K", "--max-total-buffered-size", "2K"});
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(
      captured.text(),
      " info --max-buffered-size: 1K is raised to 1088K, so that one message of max-message-size fits\n");
  contains(captured.text(),
           " info --max-total-buffered-size: 2K is raised to 2176K, so that one message of max-message-size "
           "fits in each of 2 shards\n");
}

TEST_CASE("buffered sizes that are large enough are not told") {
  const CapturedStderr captured;
  Running daemon(
      {"--max-message-size", "1M", "--max-buffered-size", "1088K", "--max-total-buffered-size", "2176K"});
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  CHECK_FALSE(captured.text().contains("is raised"));
}

TEST_CASE("without a flag the limit of connections follows from the descriptors") {
  const CapturedStderr captured;
  Running daemon({"--shards", "1"}, 0, 1000);
  CHECK(daemon.server().max_connections == 963);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(),
           " info at most 963 connections, because at most 1000 file descriptors may be open\n");
  CHECK_FALSE(captured.text().contains("warn"));
}

TEST_CASE("the limit of descriptors may allow only a single connection") {
  const CapturedStderr captured;
  Running daemon({"--shards", "16"}, 0, 98);
  CHECK(daemon.server().max_connections == 1);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(), " info at most 1 connection, because at most 98 file descriptors may be open\n");
}

TEST_CASE("a server does not start with fewer than 64 descriptors") {
  const CapturedStderr captured;
  const Signals signals(Daemon::signals);
  auto configuration = std::make_unique<Configuration>();
  configuration->values.server.shards = 1;
  Daemon::Parts parts;
  parts.raise_descriptor_limit = [](std::uint64_t) { return std::uint64_t{63}; };
  CHECK(Daemon(std::move(configuration), parts).run(signals) == apps::exit_failure);
  const std::string text = captured.text();
  CHECK(test::missing(text, {"grpcd: ", "63", "ulimit -n 64", "LimitNOFILE=64"}) == "");
  CHECK_FALSE(text.contains(" --"));  // no flag would help
  CHECK(std::ranges::count(text, '\n') == 1);
}

TEST_CASE("a server does not start if its shards alone need more descriptors than the limit") {
  const CapturedStderr captured;
  const Signals signals(Daemon::signals);
  auto configuration = std::make_unique<Configuration>();
  configuration->values.server.shards = 16;
  Daemon::Parts parts;
  parts.raise_descriptor_limit = [](std::uint64_t) { return std::uint64_t{97}; };
  CHECK(Daemon(std::move(configuration), parts).run(signals) == apps::exit_failure);
  const std::string text = captured.text();
  CHECK(test::missing(text, {"grpcd: ", "97", "ulimit -n 98", "LimitNOFILE=98", "--shards"}) == "");
  CHECK(std::ranges::count(text, '\n') == 1);
}

TEST_CASE("a server that does not start logs one line and returns a status") {
  struct Case {
    Status status;
    int code;
    std::string line;
  };
  const std::vector<Case> cases = {
      {Status(Code::ALREADY_EXISTS, "listen on 127.0.0.1:1: address already in use; choose another port"),
       apps::exit_failure,
       "grpcd: listen on 127.0.0.1:1: address already in use; choose another port with --listen\n"},
      {Status(Code::UNAVAILABLE, "no ring"), apps::exit_failure, "grpcd: no ring\n"},
      {Status(Code::INVALID_ARGUMENT, "listen x: no port"), apps::exit_usage, "grpcd: listen x: no port\n"},
  };
  for (const Case& wrong : cases) {
    const CapturedStderr captured;
    const Signals signals(Daemon::signals);
    Daemon::Parts parts;
    parts.start = [&](const ServerOptions&) -> Result<std::unique_ptr<Server>> {
      return std::unexpected(wrong.status);
    };
    Daemon daemon(std::make_unique<Configuration>(), parts);
    CHECK(daemon.run(signals) == wrong.code);
    CHECK(captured.text() == wrong.line);
  }
}

}  // namespace
}  // namespace ringrpc::grpcd
