/// A server and a channel in one process and on one thread, without sockets, for unit tests of services.
///
///   EchoServer server;
///   testing::InProcess world({&server});
///   EchoService::Stub echo(world.channel());
///   Result<EchoResponse> response = world.run(echo.Echo(request));
///
/// A call passes through the same code as over TCP: the client's interceptors, HTTP/2, the server's limits
/// and interceptors, the handler. Only the bytes travel through memory. The server and the client have one
/// shard each, and both run on the thread that calls `run` or `advance`.
///
/// The world has its own clock: `run` advances it to the next timer or deadline whenever nothing
/// else is left to do, so a test of an hour's timeout takes no time. The clock stands still while a
/// WorkerPool works for a handler. `run` does not wait for other threads that notify a
/// handler (EventCount); notify from a task of `run`.
///
/// A world belongs to one thread, and a thread may have one world at a time. Link `ringrpc-testing`
/// (pkg-config and Meson) or `ringrpc::testing` (CMake).
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/clock.h"
#include "ringrpc/export.h"
#include "ringrpc/server.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc::testing {

struct InProcessOptions {
  /// `listen`, `shards`, `io`, `spin` and `metrics` have no effect.
  ServerOptions server{};
  ChannelOptions channel{};
  /// Chooses the order of events that may happen in any order. The same seed gives the same run.
  std::uint64_t seed = 1;
};

class RINGRPC_EXPORT InProcess {
 public:
  /// Starts the server. `services` must outlive the world. Throws std::invalid_argument if Server::start
  /// would fail, and std::logic_error if the thread has a world already.
  explicit InProcess(std::span<Service* const> services, const InProcessOptions& options = {});
  explicit InProcess(std::initializer_list<Service*> services, const InProcessOptions& options = {})
      : InProcess(std::span<Service* const>(services.begin(), services.size()), options) {}
  explicit InProcess(detail::NoServiceList, const InProcessOptions& options = {});  ///< does not compile
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;
  /// Ends the server. Calls in flight are cancelled.
  ~InProcess();

  /// A channel to the server, for tasks of `run`.
  Channel& channel() noexcept;
  /// The target for further channels, which may have other options.
  const std::string& address() const noexcept;

  /// Calls `make` on the client's shard and runs the Task that it returns to its end. A task of T gives
  /// Result<T>, one of nothing gives Status; Status, Result and CallResult stay what they are. When the task
  /// throws, it gives the status that block_on would; INTERNAL when it waits for
  /// something that never happens.
  template <class F>
    requires(!detail::is_task<std::remove_cvref_t<F>>)
  auto run(F&& make) {
    using Running = detail::BackgroundTaskOf<std::remove_reference_t<F>&>;
    auto running = std::make_unique<Running>(make);
    Running& kept = *running;
    std::unique_ptr<detail::BackgroundTask> task = std::move(running);
    if (Status status = run_task(task); !status.ok())
      return typename Running::Outcome(std::unexpected(std::move(status)));
    return kept.take();
  }
  template <class T>
  auto run(Task<T> task) {
    const auto made = [&task] { return std::move(task); };
    return run(made);
  }

  /// Advances the clock by `time`, and runs everything that is due until then.
  void advance(Nanoseconds time);
  /// The world's clock, by which calls and timers go.
  Instant now() const noexcept;

  /// Drains the server, as Server::drain does: calls in flight may take `timeout`. Gives the number of calls
  /// that had to be cancelled.
  std::uint64_t drain(std::chrono::milliseconds timeout);

 private:
  class World;

  Status run_task(std::unique_ptr<detail::BackgroundTask>& task);

  std::unique_ptr<World> world_;
};

}  // namespace ringrpc::testing
