#include "grpcd/daemon.h"

#include <condition_variable>
#include <deque>
#include <doctest/doctest.h>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <unistd.h>

#include "apps/captured_stderr.h"
#include "apps/scratch_file.h"

namespace ringrpc::grpcd {
namespace {

using apps::CapturedStderr;
using apps::ScratchFile;
using apps::Signals;
using namespace std::chrono_literals;

/// Records the calls of a fake server, so that the test can wait for them.
class Notes {
 public:
  void add(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
    changed_.notify_all();
  }
  /// Waits for the next note and returns it.
  std::string next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !notes_.empty(); });
    std::string note = std::move(notes_.front());
    notes_.pop_front();
    return note;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> notes_;
};

/// A fake server with some calls in flight. `finish` ends them successfully; the drain's timeout cancels
/// them.
class FakeServer final : public Server {
 public:
  FakeServer(Notes& notes, const ServerOptions& options, unsigned calls)
      : max_connections(options.max_connections),
        max_connections_per_address(options.max_connections_per_address),
        metrics(options.metrics),
        access_log(options.access_log != nullptr),
        notes_(notes),
        addresses_(options.listen),
        calls_(calls) {}
  ~FakeServer() override { notes_.add("destroyed"); }

  const std::uint32_t max_connections;
  const std::optional<std::uint32_t> max_connections_per_address;
  const bool metrics;
  const bool access_log;

  const std::vector<std::string>& addresses() const noexcept override { return addresses_; }
  unsigned shards() const noexcept override { return 2; }
  std::string_view io_backend() const noexcept override { return "fake"; }

  std::uint64_t drain(std::chrono::milliseconds timeout) override {
    notes_.add("drain " + std::to_string(timeout.count()));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return calls_ == 0; });
    return ended_;
  }
  void wait() override {}
  ServerCounters counters() const override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !hanging_; });
    return {.connections_open = 1, .calls_succeeded = succeeded_, .calls_failed = failed_};
  }
  Task<Result<std::string>> metrics_text(MetricsFormat) const override { co_return std::string(); }

  std::vector<CertificateSnapshot> certificates() const override { return {}; }
  bool draining() const noexcept override { return false; }
  Task<Result<CallsSnapshot>> calls(std::size_t) const override { co_return CallsSnapshot(); }
  bool counts_metrics() const noexcept override { return metrics; }
  Task<Result<ConnectionsSnapshot>> connections(std::size_t) const override {
    co_return ConnectionsSnapshot();
  }
  Task<Result<std::vector<FailureSnapshot>>> failures() const override {
    co_return std::vector<FailureSnapshot>();
  }
  Task<Result<std::vector<MethodSnapshot>>> methods(std::size_t) const override {
    co_return std::vector<MethodSnapshot>();
  }
  Task<Result<std::vector<ShardSnapshot>>> shard_snapshots() const override {
    co_return std::vector<ShardSnapshot>();
  }

  /// Blocks the counters until `finish`, as a handler does that keeps its shard busy.
  void hang() {
    const std::lock_guard lock(mutex_);
    hanging_ = true;
  }

  /// Ends the calls: successfully if `well`, else as the drain's timeout does.
  void finish(bool well = true) {
    const std::lock_guard lock(mutex_);
    (well ? succeeded_ : failed_) += calls_;
    if (!well) ended_ = calls_;
    calls_ = 0;
    hanging_ = false;
    changed_.notify_all();
  }

 private:
  Notes& notes_;
  std::vector<std::string> addresses_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool hanging_ = false;
  std::uint64_t calls_;
  std::uint64_t succeeded_ = 10;
  std::uint64_t failed_ = 5;
  std::uint64_t ended_ = 0;
};

class FakeAdmin final : public AdminServer {
 public:
  FakeAdmin(Notes& notes, const AdminOptions& options) : notes_(notes), addresses_(options.listen) {}
  ~FakeAdmin() override { notes_.add("admin destroyed"); }
  const std::vector<std::string>& addresses() const noexcept override { return addresses_; }

 private:
  Notes& notes_;
  std::vector<std::string> addresses_;
};

/// A daemon on a thread of its own that handles the signals of this process.
class Running {
 public:
  explicit Running(std::vector<std::string> arguments, unsigned calls = 0,
                   std::uint64_t descriptors = 1'000'000)
      : arguments_(std::move(arguments)) {
    auto configuration = read();
    REQUIRE_MESSAGE(configuration.has_value(), configuration.error().to_string());
    Daemon::Parts parts;
    parts.start = [this, calls](const ServerOptions& options) -> Result<std::unique_ptr<Server>> {
      auto server = std::make_unique<FakeServer>(notes, options, calls);
      server_ = server.get();
      notes.add("started");
      return server;
    };
    parts.start_admin = [this](const AdminOptions& options,
                               const Server& server) -> Result<std::unique_ptr<AdminServer>> {
      CHECK(&server == server_);
      if (options.listen.front() == "127.0.0.1:9")
        return fail(Code::ALREADY_EXISTS, "listen on it: choose another");
      return std::make_unique<FakeAdmin>(notes, options);
    };
    parts.start_channelz = [this](const ServerOptions& options) -> Result<std::unique_ptr<Server>> {
      CHECK(options.shards == 1);
      CHECK(!options.tls);
      if (options.listen.front() == "127.0.0.1:9")
        return fail(Code::ALREADY_EXISTS, "listen on it: choose another");
      return std::make_unique<FakeServer>(notes, options, 0);
    };
    parts.on_drain = [this] { notes.add("not serving"); };
    parts.quit = [this] { notes.add("quit"); };
    parts.reread = [this] { return read(); };
    parts.raise_descriptor_limit = [descriptors](std::uint64_t) { return descriptors; };
    thread_ = std::thread([this, configuration = std::move(*configuration), parts]() mutable {
      code_ = Daemon(std::move(configuration), parts).run(signals_);
    });
    REQUIRE(notes.next() == "started");
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (thread_.joinable()) thread_.join();
    log::set_level(log::Level::info);
  }

  void signal(int number) const { ::kill(::getpid(), number); }
  FakeServer& server() { return *server_; }
  /// Waits for its end and returns its exit status.
  int end() {
    thread_.join();
    return code_;
  }

  Notes notes;

 private:
  Result<std::unique_ptr<Configuration>> read() const {
    auto configuration = std::make_unique<Configuration>();
    Result<apps::Action> action =
        configuration->line.read(arguments_, [](const char*) -> const char* { return nullptr; });
    if (!action) return std::unexpected(std::move(action).error());
    return configuration;
  }

  std::vector<std::string> arguments_;
  Signals signals_{Daemon::signals};
  FakeServer* server_ = nullptr;
  int code_ = -1;
  std::thread thread_;
};

bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  return text.find(part) != std::string::npos;
}

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

TEST_CASE("neither SIGUSR2 nor SIGHUP hides the records that --audit-required needs") {
  const CapturedStderr captured;
  const ScratchFile file("audit-required = true\nlog-level = 'debug'\n");
  Running daemon({"--config", file.path()});
  daemon.signal(SIGUSR2);
  while (log::level() != log::Level::info) std::this_thread::yield();
  daemon.signal(SIGUSR2);
  while (captured.text().find("log level info; --audit-required needs it\n") == std::string::npos)
    std::this_thread::yield();
  file.write("audit-required = true\nlog-level = 'warn'\n");
  daemon.signal(SIGHUP);
  while (captured.text().find("the settings are unchanged: ") == std::string::npos) std::this_thread::yield();
  file.write("log-level = 'warn'\n");
  daemon.signal(SIGHUP);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  CHECK(log::level() == log::Level::info);
  const std::string text = captured.text();
  contains(text, "SIGHUP: the settings are unchanged: " + file.path() + ":1: audit-required contradicts " +
                     file.path() + ":2: log-level warn: ");
  contains(text,
           "SIGHUP: audit-required changed to false in the file; true stays in effect until a restart\n");
}

TEST_CASE("SIGHUP takes the log level from the file and names the changes that need a restart") {
  const CapturedStderr captured;
  const ScratchFile file("log-level = 'info'\nshards = 1\n");
  Running daemon({"--config", file.path(), "--max-connections", "100"});
  file.write("log-level = 'debug'\nshards = 2\nmax-connections = 7\n");
  daemon.signal(SIGHUP);
  while (log::level() != log::Level::debug) std::this_thread::yield();
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  const std::string text = captured.text();
  contains(text, "info SIGHUP: reloaded " + file.path() + "; log level debug\n");
  contains(text, "warn");
  contains(text, "SIGHUP: shards changed to 2 in the file; 1 stays in effect until a restart\n");
  CHECK(text.find("max-connections") == std::string::npos);  // the flag beats the file
}

TEST_CASE("SIGHUP with an invalid file changes nothing and logs why") {
  const CapturedStderr captured;
  const ScratchFile file("log-level = 'info'\n");
  Running daemon({"--config", file.path()});
  file.write("log-level = 'debug'\nshard = 2\n");
  daemon.signal(SIGHUP);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  CHECK(log::level() == log::Level::info);
  contains(captured.text(), "error SIGHUP: the settings are unchanged: " + file.path() +
                                ":2: shard: unknown key; did you mean shards?\n");
}

TEST_CASE("SIGHUP without a file logs that there is none") {
  const CapturedStderr captured;
  Running daemon({});
  daemon.signal(SIGHUP);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(),
           "SIGHUP: there is no configuration file to reload; --config names one at the start\n");
}

TEST_CASE("SIGHUP opens the access log again") {
  const CapturedStderr captured;
  const ScratchFile file("");
  {
    Running daemon({"--access-log", file.path()});
    CHECK(daemon.server().access_log);
    std::filesystem::remove(file.path());
    daemon.signal(SIGHUP);
    while (captured.text().find("SIGHUP: reopened the access log") == std::string::npos)
      std::this_thread::yield();
    daemon.signal(SIGTERM);
    CHECK(daemon.end() == apps::exit_ok);
  }
  CHECK(std::filesystem::exists(file.path()));
  CHECK(captured.text().find("there is no configuration file") == std::string::npos);
}

TEST_CASE("connections that may exceed the descriptor limit are warned of once the server is ready") {
  const CapturedStderr captured;
  Running daemon({"--max-connections", "100", "--shards", "1"}, 0, 64);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(
      captured.text(),
      " at most 64 file descriptors may be open where 137 are needed; raise the limit (ulimit -n 137, or "
      "LimitNOFILE=137 under systemd), or lower --max-connections\n");
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
  CHECK(
      captured.text() ==
      "grpcd: at most 63 file descriptors may be open where 64 are needed; raise the limit (ulimit -n 64, or "
      "LimitNOFILE=64 under systemd)\n");
}

TEST_CASE("a server does not start if its shards alone need more descriptors than the limit") {
  const CapturedStderr captured;
  const Signals signals(Daemon::signals);
  auto configuration = std::make_unique<Configuration>();
  configuration->values.server.shards = 16;
  Daemon::Parts parts;
  parts.raise_descriptor_limit = [](std::uint64_t) { return std::uint64_t{97}; };
  CHECK(Daemon(std::move(configuration), parts).run(signals) == apps::exit_failure);
  CHECK(
      captured.text() ==
      "grpcd: at most 97 file descriptors may be open where 98 are needed; raise the limit (ulimit -n 98, or "
      "LimitNOFILE=98 under systemd), or lower --shards\n");
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
