/// Starts coroutines from threads that must not block, and from programs with an executor of their own.
///
///   std::future<CallResult<EchoResponse>> response = submit([&] { return echo.Echo(request); });
///   submit([&] { return echo.Echo(request); },
///          [&loop](CallResult<EchoResponse> outcome) { loop.post([outcome] { show(outcome); }); });
///
/// The task runs on a background shard that all submitted tasks share, so it must not block. Nor must the
/// callback, which is called on that shard. Any thread may submit, also that of a shard. Tasks that have
/// not ended when the process exits are destroyed: their callbacks are not called, and their futures throw
/// std::future_error (broken promise). A `std::stop_token` cancels a task from any thread:
///
///   std::stop_source stop;
///   std::future<Status> watched = submit([&] { return watch_all(board); }, stop.get_token());
///   stop.request_stop();  // from any thread; `watched` gets CANCELLED
///
/// A thread that would wait for the outcome at once uses block_on
/// (ringrpc/block_on.h).
#pragma once

#include "ringrpc/compiler.h"

#include <concepts>
#include <future>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>

#include "ringrpc/block_on.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/stop.h"
#include "ringrpc/task.h"
#include "ringrpc/when.h"

namespace ringrpc {

namespace detail {

/// Starts the task on the shard of submitted tasks, which finishes and destroys it; or says why it cannot.
RINGRPC_EXPORT Status submit(std::unique_ptr<BackgroundTask>& task);

template <class F, class Done>
class SubmittedTask final : public BackgroundTaskOf<F> {
 public:
  using Outcome = typename BackgroundTaskOf<F>::Outcome;

  SubmittedTask(F make, Done done) : BackgroundTaskOf<F>(std::move(make)), done_(std::move(done)) {}

  void finish() noexcept override {
    BackgroundTaskOf<F>::finish();
    done_(this->take());
  }
  void refuse(Status why) { done_(Outcome(std::unexpected(std::move(why)))); }

 private:
  Done done_;
};

/// Runs the task of `make` until a stop is requested.
template <class F>
Task<typename BackgroundTaskOf<F>::Outcome> until_stopped(F make, std::stop_token stop) {
  using Outcome = typename BackgroundTaskOf<F>::Outcome;
  if (!stop.stop_requested()) {
    auto first = co_await when_any(stop_requested(std::move(stop)), keeping(std::move(make)));
    if (first.index() == 1) {
      if constexpr (std::is_same_v<std::variant_alternative_t<1, decltype(first)>, std::monostate>)
        co_return Outcome();
      else
        co_return Outcome(std::get<1>(std::move(first)));
    }
  }
  co_return Outcome(fail(Code::CANCELLED, "a stop of the task was requested"));
}

}  // namespace detail

/// Calls `make` on the shard of submitted tasks, runs the Task that it returns, and calls `done` there with
/// the outcome. It is Result<T> for a Task<T>, Status for a Task<>, and the task's own type for a Task of a
/// Status, a Result or a CallResult. An exception from `make` or the task becomes a status as in block_on. If
/// no shard can be started, `done` gets the backend's status, on the calling thread. An exception that leaves
/// `done` ends the process.
template <class F, class Done>
  requires std::invocable<Done&, typename detail::BackgroundTaskOf<std::decay_t<F>>::Outcome>
void submit(F&& make, Done&& done) {
  using Submitted = detail::SubmittedTask<std::decay_t<F>, std::decay_t<Done>>;
  auto submitted = std::make_unique<Submitted>(std::forward<F>(make), std::forward<Done>(done));
  Submitted& kept = *submitted;
  std::unique_ptr<detail::BackgroundTask> task = std::move(submitted);
  if (Status status = detail::submit(task); !status.ok()) kept.refuse(std::move(status));
}

/// The same with a future, whose destructor does not wait.
template <class F>
auto submit(F&& make) {
  using Outcome = typename detail::BackgroundTaskOf<std::decay_t<F>>::Outcome;
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  submit(std::forward<F>(make),
         [promise = std::move(promise)](Outcome outcome) mutable { promise.set_value(std::move(outcome)); });
  return future;
}

/// The same for a task that a stop cancels, which any thread may request. The frame of the task is destroyed on
/// its shard, with the calls that it makes, and the outcome is CANCELLED. `make` is not called if the stop was
/// requested before.
template <class F, class Done>
  requires std::invocable<Done&, typename detail::BackgroundTaskOf<std::decay_t<F>>::Outcome>
void submit(F&& make, Done&& done, std::stop_token stop) {
  submit(
      [make = std::forward<F>(make), stop = std::move(stop)]() mutable {
        return detail::until_stopped(std::move(make), std::move(stop));
      },
      std::forward<Done>(done));
}

/// The same with a future, whose destructor does not wait.
template <class F>
auto submit(F&& make, std::stop_token stop) {
  return submit([make = std::forward<F>(make), stop = std::move(stop)]() mutable {
    return detail::until_stopped(std::move(make), std::move(stop));
  });
}

}  // namespace ringrpc
