/// A server and a channel in one process and on one thread, without sockets: where unit tests of services run.
///
///   EchoServer server;
///   testing::InProcess world({&server});
///   EchoService::Stub echo(world.channel());
///   Result<EchoResponse> response = world.run(echo.Echo(request));
///
/// A call takes the same way as over TCP: the client's interceptors, HTTP/2, the server's limits and
/// interceptors, the handler. Only the bytes travel through memory. The server and the client each have a
/// shard, and both run on the thread that calls `run` or `advance`.
///
/// Time is the world's own: `run` advances it to the next timer or deadline whenever nothing else is left to
/// do, so a test of an hour's timeout takes no time. While a WorkerPool works for a handler, time stands
/// still. Other threads that notify a handler (EventCount) are not waited for; notify from a task of `run`.
///
/// Belongs to one thread, and one such world at a time may live on it. Link `ringrpc-testing` (pkg-config and
/// Meson) or `ringrpc::testing` (CMake).
#pragma once

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
#include "ringrpc/server.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc::testing {

struct InProcessOptions {
  /// `listen`, `shards`, `io` and `spin_us` have no effect.
  ServerOptions server{};
  ChannelOptions channel{};
  /// Of the order in which things happen that may happen in any order. The same seed gives the same run.
  std::uint64_t seed = 1;
};

class InProcess {
 public:
  /// Starts the server. `services` must outlive the world. Throws std::invalid_argument where Server::start
  /// would fail.
  explicit InProcess(std::span<Service* const> services, const InProcessOptions& options = {});
  explicit InProcess(std::initializer_list<Service*> services, const InProcessOptions& options = {})
      : InProcess(std::span<Service* const>(services.begin(), services.size()), options) {}
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;
  /// Ends the server; calls in flight are cancelled.
  ~InProcess();

  /// A channel to the server. For tasks that `run` runs.
  Channel& channel() noexcept;
  /// What another channel connects to, with options of its own.
  const std::string& address() const noexcept;

  /// Runs what `make` makes, a Task, on the client's shard to its end, `make` included. A task of T gives
  /// Result<T>, one of nothing gives Status, Status and Result stay what they are. INTERNAL when the task
  /// throws, and when it waits for something that never happens.
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

  /// Lets that much time pass, with everything that happens in it.
  void advance(Nanoseconds time);
  /// The time now, which calls and timers go by.
  Instant now() const noexcept;

  /// Shuts the server down in good order, as Server::drain does: calls in flight may take `patience`. Gives
  /// the number of calls that had to be ended.
  std::uint64_t drain(std::chrono::milliseconds patience);

 private:
  class World;

  Status run_task(std::unique_ptr<detail::BackgroundTask>& task);

  std::unique_ptr<World> world_;
};

}  // namespace ringrpc::testing
