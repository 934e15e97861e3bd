#include "rpc/message/work_line.h"

#include <cassert>
#include <utility>

#include "base/caught.h"
#include "reactor/shard_worker.h"

namespace ringrpc {
namespace {

Task<Result<std::unique_ptr<LongWork>>> do_elsewhere(Shard& shard, std::unique_ptr<LongWork> work) {
  auto job = [work = std::move(work)]() mutable {
    work->work();
    return std::move(work);
  };
  co_return co_await ShardWorker::of(shard).run(std::move(job));
}

}  // namespace

void WorkLine::Turn::release() noexcept {
  if (line_->current_ == this) line_->abandon_current();
  line_ = nullptr;
  unlink();
}

WorkLine::~WorkLine() {
  while (Turn* turn = waiting_.pop_front()) turn->line_ = nullptr;
  if (current_) current_->line_ = nullptr;
}

void WorkLine::join(Turn& turn) noexcept {
  assert(!turn.taken());
  turn.line_ = this;
  waiting_.push_back(turn);
  if (!work_.valid()) begin_next();
}

void WorkLine::begin_next() noexcept {
  while ((current_ = waiting_.pop_front())) {
    try {
      std::unique_ptr<LongWork> work = current_->begin();
      if (!work) continue;
      work_ = do_elsewhere(shard_, std::move(work));
    } catch (...) {
      settle(std::exchange(current_, nullptr), std::unexpected(caught()));
      continue;
    }
    return work_.start(this);
  }
}

/// Passes the result to its turn, unless that has left.
void WorkLine::settle(Turn* turn, Result<std::unique_ptr<LongWork>> done) noexcept {
  if (!turn || !turn->taken()) return;
  turn->line_ = nullptr;
  turn->on_done(std::move(done));
}

Result<std::unique_ptr<LongWork>> WorkLine::take_done() const noexcept {
  try {
    return work_.result();
  } catch (...) {
    return std::unexpected(caught());
  }
}

/// Abandons the current work. It is not done if no thread has begun it.
void WorkLine::abandon_current() noexcept {
  current_ = nullptr;
  if (!work_.valid()) return;
  work_ = {};
  shard_.ready().push(*this);
}

void WorkLine::on_task_done() { shard_.ready().push(*this); }

void WorkLine::run() {
  if (!work_.valid()) return begin_next();
  if (!work_.done()) return;  // this work began after the abandoned one had requested this run
  Result<std::unique_ptr<LongWork>> done = take_done();
  work_ = {};
  settle(std::exchange(current_, nullptr), std::move(done));
  if (!work_.valid()) begin_next();
}

}  // namespace ringrpc
