/// grpcd from its ready line to its exit: serves, and does what signals ask for.
///
///   Daemon daemon(std::move(configuration), {.start = …, .on_drain = …, .on_drained = …, .reread = …});
///   return daemon.run(signals);
///
/// SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reads the configuration file and the
/// certificates again; SIGUSR1 and SIGUSR2 step the log level. Everything happens on the thread that calls
/// `run`, except what waits for the server in a drain.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <latch>
#include <memory>
#include <optional>
#include <thread>

#include "ringrpc/server.h"

#include "common/descriptor_limit.h"
#include "common/exit_code.h"
#include "common/signals.h"
#include "grpcd/certificates.h"
#include "grpcd/configuration.h"

namespace ringrpc::grpcd {

class Daemon {
 public:
  /// The signals that `run` answers to.
  static constexpr std::initializer_list<int> signals = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

  /// What a daemon is made of; tests have their own.
  struct Parts {
    std::function<Result<std::unique_ptr<Server>>(const ServerOptions&)> start;
    /// Called when no new calls are wanted, before the drain begins.
    std::function<void()> on_drain;
    /// Called when no call is left, before the server and its shards end.
    std::function<void()> on_drained = [] {};
    /// Ends the process without asking the server, which may be the one that hangs.
    std::function<void()> quit;
    /// Reads every source of settings again.
    std::function<Result<std::unique_ptr<Configuration>>()> reread;
    std::function<std::uint64_t(std::uint64_t)> raise_descriptor_limit = apps::raise_descriptor_limit;
  };

  Daemon(std::unique_ptr<Configuration> configuration, Parts parts);

  /// Returns when the server has ended.
  apps::ExitCode run(const apps::Signals& signals);

 private:
  /// The thread that asks the server to drain: a shard that hangs must not keep the second signal waiting. It
  /// is there before the signal is, as there may be no memory for a thread by then.
  class Drainer {
   public:
    explicit Drainer(std::function<void()> drain);
    Drainer(const Drainer&) = delete;
    Drainer& operator=(const Drainer&) = delete;
    /// Waits for a drain that has begun.
    ~Drainer();

    bool begun() const noexcept { return begun_; }
    /// Call once.
    void begin() noexcept;

   private:
    std::latch called_{1};
    bool begun_ = false;  ///< known to the other thread once it is called
    std::jthread thread_;
  };

  Status start();
  void reload_configuration();
  void begin_drain();
  void drain(const apps::Signals& signals) noexcept;
  void reload();
  void step_log_level(int step);
  log::Level log_level_max() const noexcept;
  void log_drained() const;

  std::unique_ptr<Configuration> configuration_;  ///< as the file last said
  Parts parts_;
  std::unique_ptr<Certificates> certificates_;  ///< null where nothing is served with TLS
  std::unique_ptr<Server> server_;
  std::uint64_t calls_ended_ = 0;  ///< by the drain, when its time was over
  std::uint64_t calls_over_before_ = 0;
  std::optional<Drainer> drainer_;  // joined before what it uses is destroyed
};

}  // namespace ringrpc::grpcd
