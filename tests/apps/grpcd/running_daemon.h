/// A daemon with a fake server, and a thread of its own that handles the signals of this process.
///
///   Running daemon({"--config", file.path()});
///   daemon.signal(SIGTERM);
///   CHECK(daemon.end() == apps::exit_ok);
#pragma once

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <doctest/doctest.h>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "grpcd/daemon.h"

namespace ringrpc::grpcd {

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
    parts.on_drain = [this] {
      notes.add("not serving");
      if (out_of_memory) throw std::bad_alloc();
      if (watches_only) server_->finish();
    };
    parts.read_keys = [this]() -> Result<Reload> {
      if (!keys_failure.ok()) return std::unexpected(keys_failure);
      return has_keys ? Reload([this] { ++reloads_of_keys; }) : Reload();
    };
    parts.quit = [this] { notes.add("quit"); };
    parts.reread = [this] {
      auto configuration = read();
      ++rereads;
      return configuration;
    };
    parts.raise_descriptor_limit = [descriptors](std::uint64_t) { return descriptors; };
    thread_ = std::thread([this, configuration = std::move(*configuration), parts]() mutable {
      try {
        code_ = Daemon(std::move(configuration), parts).run(signals_);
      } catch (const std::bad_alloc&) {
        // The daemon has drained, but its thread does not take the notification of that.
        if (signals_.wait() == apps::Signals::notified) code_ = killed;
      }
    });
    REQUIRE(notes.next() == "started");
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (thread_.joinable()) thread_.join();
    log::set_level(log::Level::info);
  }

  /// The exit status of a daemon that runs out of memory.
  static constexpr int killed = 128 + SIGABRT;

  void signal(int number) const { ::kill(::getpid(), number); }
  FakeServer& server() { return *server_; }
  /// Waits for its end and returns its exit status.
  int end() {
    thread_.join();
    return code_;
  }

  Notes notes;
  std::atomic<int> rereads = 0;
  bool has_keys = false;
  bool out_of_memory = false;  ///< when the drain is announced
  bool watches_only = false;   ///< the calls end as soon as the drain is announced
  Status keys_failure;         ///< of the next reload
  int reloads_of_keys = 0;

 private:
  Result<std::unique_ptr<Configuration>> read() const {
    auto configuration = std::make_unique<Configuration>();
    Result<apps::Action> action =
        configuration->line.read(arguments_, [](const char*) -> const char* { return nullptr; });
    if (!action) return std::unexpected(std::move(action).error());
    return configuration;
  }

  std::vector<std::string> arguments_;
  apps::Signals signals_{Daemon::signals};
  FakeServer* server_ = nullptr;
  int code_ = -1;
  std::thread thread_;
};

inline bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  return text.find(part) != std::string::npos;
}

}  // namespace ringrpc::grpcd
