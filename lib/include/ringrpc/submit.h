/// Coroutines from threads that must not block, and from programs with an executor of their own.
///
///   std::future<Result<EchoResponse>> response = submit([&] { return echo.Echo(request); });
///   submit([&] { return echo.Echo(request); },
///          [&loop](Result<EchoResponse> outcome) { loop.post([outcome] { show(outcome); }); });
///
/// The task runs on a shard in the background that all submitted tasks share, so it must not block; nor must
/// the callback, which is called on that shard. From any thread, a shard's included. Tasks that have not ended
/// when the process does are destroyed: their callbacks are not called, and their futures throw
/// std::future_error (broken promise). A thread that waits at once has block_on (ringrpc/block_on.h).
#pragma once

#include <concepts>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

namespace detail {

/// Begins the task on the shard of submitted tasks, which finishes and destroys it; or says why it cannot.
Status submit(std::unique_ptr<BackgroundTask>& task);

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

}  // namespace detail

/// Runs what `make` makes, a Task, on the shard of submitted tasks, `make` included, and calls `done` there
/// with the outcome: Result<T> of a task of T, Status of one of nothing; Status and Result stay what they are.
/// An exception of the task is INTERNAL. Where no shard can be had `done` gets the backend's status, on the
/// calling thread. An exception that leaves `done` ends the process.
template <class F, class Done>
  requires std::invocable<Done&, typename detail::BackgroundTaskOf<std::decay_t<F>>::Outcome>
void submit(F&& make, Done&& done) {
  using Submitted = detail::SubmittedTask<std::decay_t<F>, std::decay_t<Done>>;
  auto submitted = std::make_unique<Submitted>(std::forward<F>(make), std::forward<Done>(done));
  Submitted& kept = *submitted;
  std::unique_ptr<detail::BackgroundTask> task = std::move(submitted);
  if (Status status = detail::submit(task); !status.ok()) kept.refuse(std::move(status));
}

/// The same with a future. Its destructor does not wait.
template <class F>
auto submit(F&& make) {
  using Outcome = typename detail::BackgroundTaskOf<std::decay_t<F>>::Outcome;
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  submit(std::forward<F>(make),
         [promise = std::move(promise)](Outcome outcome) mutable { promise.set_value(std::move(outcome)); });
  return future;
}

}  // namespace ringrpc
