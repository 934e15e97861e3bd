/// grpcd from start to exit: serves, and reacts to signals.
///
///   Daemon daemon(std::move(configuration), {.start = …, .on_drain = …, .on_drained = …, .reread = …});
///   return daemon.run(signals);
///
/// SIGTERM and SIGINT drain, a second one exits at once; SIGHUP reloads the configuration file, the
/// certificates and the keys of tokens, and reopens the access log, all of it or nothing; SIGUSR1 and SIGUSR2
/// step the log level. Everything runs on the thread that calls `run`, except the drain itself.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <latch>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/admin_server.h"
#include "ringrpc/server.h"

#include "base/reload.h"
#include "common/descriptor_limit.h"
#include "common/exit_code.h"
#include "common/signals.h"
#include "grpcd/certificates.h"
#include "grpcd/configuration.h"
#include "grpcd/signal_lines.h"

namespace ringrpc::grpcd {

class Daemon {
 public:
  /// The signals that `run` handles.
  static constexpr std::initializer_list<int> signals = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

  /// The dependencies, which tests replace.
  struct Parts {
    std::function<Result<std::unique_ptr<Server>>(const ServerOptions&)> start;
    /// Called if there are addresses for admin pages, once the server has started.
    std::function<Result<std::unique_ptr<AdminServer>>(const AdminOptions&, const Server&)> start_admin;
    /// Called if there are addresses for channelz, once the server has started.
    std::function<Result<std::unique_ptr<Server>>(const ServerOptions&)> start_channelz;
    /// Called when everything listens. Returns what is now forbidden, for the log; empty if nothing is.
    std::function<Result<std::string>()> lock = [] { return std::string(); };
    /// Called before the drain begins.
    std::function<void()> on_drain;
    /// Called when no call is left, before the server and its shards are destroyed.
    std::function<void()> on_drained = [] {};
    /// Exits at once, without the server, which may hang.
    std::function<void()> quit;
    /// Reads the keys of tokens again. Null if there are none.
    std::function<Result<Reload>()> read_keys = [] { return Reload(); };
    /// Reads every source of settings again.
    std::function<Result<std::unique_ptr<Configuration>>()> reread;
    std::function<std::uint64_t(std::uint64_t)> raise_descriptor_limit = apps::raise_descriptor_limit;
  };

  Daemon(std::unique_ptr<Configuration> configuration, Parts parts);

  /// Returns when the server has drained, or could not start.
  apps::ExitCode run(const apps::Signals& signals);

 private:
  /// The thread that drains the server, so that a second signal works although a shard hangs. It starts
  /// before the first signal, because there may be no memory for a thread later.
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
    bool begun_ = false;  ///< the thread reads it after `called_`
    std::jthread thread_;
  };

  Status start();
  Status open_access_log(ServerOptions& options);
  void try_access_log() const;
  void log_raised_sizes() const;
  Status start_admin();
  Status start_channelz();
  void begin_drain();
  void drain(const apps::Signals& signals) noexcept;
  void reload();
  Result<std::string> reload_all(std::vector<Change>& waiting);
  void take_log_level(const Values& reread);
  void step_log_level(int step);
  log::Level log_level_max() const noexcept;
  void log_drained() const;

  std::unique_ptr<Configuration> configuration_;  ///< with the log level of the last reload
  Parts parts_;
  std::unique_ptr<Certificates> certificates_;  ///< null without TLS
  std::shared_ptr<AccessLog> access_log_;       ///< null without one
  std::unique_ptr<Server> server_;
  std::unique_ptr<AdminServer>
      admin_;  ///< null without admin pages; destroyed before the server that they show
  std::unique_ptr<Server> channelz_;  ///< null without channelz
  SignalLines lines_;
  std::uint64_t calls_ended_ = 0;  ///< calls that the drain ended at its timeout
  std::uint64_t calls_over_before_ = 0;
  std::binary_semaphore counted_{0};  ///< the calls that are over, before `on_drain` ends watches
  std::latch not_serving_{1};
  std::optional<Drainer> drainer_;  // last, so that it is joined before the objects that it uses end
};

}  // namespace ringrpc::grpcd
