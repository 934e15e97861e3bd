#include "ringrpc/submit.h"

#include "reactor/background_shards.h"
#include "reactor/shard.h"

namespace ringrpc::detail {
namespace {

/// Runs one submitted task. The shard keeps it under its own address until the task has ended.
class Submission final : public ShardLocal, private TaskObserver, private Ready {
 public:
  Submission(Shard& shard, std::unique_ptr<BackgroundTask> task) noexcept
      : shard_(shard), task_(std::move(task)) {}

  void start() { task_->start(*this); }

 private:
  void on_task_done() override { shard_.ready().push(*this); }

  void run() override {
    task_->finish();
    shard_.drop(this);
  }

  Shard& shard_;
  std::unique_ptr<BackgroundTask> task_;
};

}  // namespace

Status submit(std::unique_ptr<BackgroundTask>& task) {
  const Result<Shard*> found = BackgroundShards::of_process().of_submitted();
  if (!found) return found.error();
  Shard& shard = **found;
  shard.post([&shard, submission = std::make_unique<Submission>(shard, std::move(task))]() mutable {
    Submission& kept = *submission;
    shard.keep(&kept, std::move(submission));
    kept.start();
  });
  return {};
}

}  // namespace ringrpc::detail
