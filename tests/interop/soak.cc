#include "interop/soak.h"

#include <algorithm>
#include <coroutine>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/clock.h"
#include "ringrpc/sleep.h"

#include "interop/client_cases.h"

namespace ringrpc::interop {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

Instant now() { return std::chrono::steady_clock::now(); }

std::int64_t ms_since(Instant start) { return duration_cast<milliseconds>(now() - start).count(); }

struct Totals {
  std::uint32_t succeeded = 0;
  std::uint32_t failed = 0;
  std::vector<std::int64_t> latencies_ms;
};

/// Awaits several tasks that run at the same time.
class AllDone final : private TaskObserver {
 public:
  explicit AllDone(std::vector<Task<void>>& tasks) noexcept : tasks_(tasks), running_(tasks.size()) {}
  bool await_ready() const noexcept { return tasks_.empty(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    ++running_;  // so that it does not reach zero before all tasks have started
    for (const Task<void>& task : tasks_) task.start(this);
    on_task_done();
  }
  void await_resume() const noexcept {}

 private:
  void on_task_done() override {
    if (--running_ == 0) waiting_.resume();
  }

  std::vector<Task<void>>& tasks_;
  std::size_t running_;
  std::coroutine_handle<> waiting_;
};

class Worker {
 public:
  Worker(std::uint32_t index, const std::string& target, Channel* shared, const SoakOptions& options,
         Instant start, Totals& totals)
      : index_(index), target_(target), shared_(shared), options_(options), start_(start), totals_(totals) {}

  Task<void> run() {
    for (std::uint32_t i = 0; i < options_.iterations / options_.threads; ++i) {
      if (now() - start_ >= std::chrono::seconds(options_.overall_timeout_s)) {
        std::fprintf(stderr, "Test exceeded overall timeout of %lld s, stopping...\n",
                     static_cast<long long>(options_.overall_timeout_s));
        co_return;
      }
      const Instant earliest_next = now() + milliseconds(options_.min_ms_between_rpcs);
      const Instant began = now();
      const Status status = co_await iterate();
      count(i, ms_since(began), status);
      co_await sleep_for(earliest_next - now());
    }
  }

 private:
  Task<Status> iterate() {
    std::optional<Channel> own;
    Channel& channel = shared_ ? *shared_ : own.emplace(target_, options_.channel);
    co_return co_await call_unary_with_payload(channel, options_.request_bytes, options_.response_bytes);
  }

  void count(std::uint32_t iteration, std::int64_t elapsed_ms, const Status& status) {
    std::string outcome = "succeeded";
    if (!status.ok()) {
      outcome = "failed: " + status.to_string();
    } else if (elapsed_ms > options_.per_iteration_max_ms) {
      outcome = "exceeds max acceptable latency: " + std::to_string(options_.per_iteration_max_ms);
    } else {
      ++totals_.succeeded;
      totals_.latencies_ms.push_back(elapsed_ms);
    }
    if (outcome != "succeeded") ++totals_.failed;
    std::fprintf(stderr, "Worker %u: soak iteration: %u elapsed_ms: %lld peer: %s server_uri: %s %s\n",
                 index_, iteration, static_cast<long long>(elapsed_ms), target_.c_str(), target_.c_str(),
                 outcome.c_str());
  }

  std::uint32_t index_;
  const std::string& target_;
  Channel* shared_;
  const SoakOptions& options_;
  Instant start_;
  Totals& totals_;
};

Status verdict(const std::string& target, const SoakOptions& options, Totals& totals) {
  std::ranges::sort(totals.latencies_ms);
  const auto at = [&](double part) {
    const std::size_t count = totals.latencies_ms.size();
    return count == 0
               ? -1LL
               : static_cast<long long>(
                     totals.latencies_ms[static_cast<std::size_t>(part * static_cast<double>(count - 1))]);
  };
  std::fprintf(stderr,
               "(server_uri: %s) soak test successes: %u / %u iterations. Total failures: %u. Latencies in "
               "milliseconds: p50 %lld, p99 %lld, max %lld\n",
               target.c_str(), totals.succeeded, options.iterations, totals.failed, at(0.5), at(0.99), at(1));
  const std::uint32_t made = totals.succeeded + totals.failed;
  if (made != options.iterations)
    return Status(Code::DEADLINE_EXCEEDED, "only " + std::to_string(made) + " of " +
                                               std::to_string(options.iterations) +
                                               " iterations were made in time");
  if (totals.failed > options.max_failures)
    return Status(Code::FAILED_PRECONDITION, std::to_string(totals.failed) + " iterations failed, " +
                                                 std::to_string(options.max_failures) + " may");
  return {};
}

}  // namespace

Task<Status> soak(std::string target, Soak kind, SoakOptions options) {
  if (options.threads == 0 || options.iterations % options.threads != 0)
    co_return Status(Code::INVALID_ARGUMENT, "soak_iterations must be a multiple of soak_num_threads");
  std::optional<Channel> shared;
  if (kind == Soak::one_channel) shared.emplace(target, options.channel);
  Totals totals;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Task<void>> tasks;
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    workers.push_back(
        std::make_unique<Worker>(i, target, shared ? &*shared : nullptr, options, now(), totals));
    tasks.push_back(workers.back()->run());
  }
  AllDone all_done(tasks);
  co_await all_done;
  co_return verdict(target, options, totals);
}

}  // namespace ringrpc::interop
