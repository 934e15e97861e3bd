#include "ringrpc/block_on.h"

#include <cassert>
#include <memory>

#include "reactor/shard.h"
#include "reactor/uring.h"

namespace ringrpc {
namespace {

class StopAtEnd final : public TaskObserver {
 public:
  explicit StopAtEnd(Shard& shard) noexcept : shard_(shard) {}
  void on_task_done() override { shard_.stop(); }

 private:
  Shard& shard_;
};

}  // namespace

Status detail::run_until_done(const std::function<void(TaskObserver&)>& start) {
  assert(!Shard::current() && "a shard would wait for itself");
  Result<std::unique_ptr<Io>> io = make_uring();
  if (!io) return std::move(io).error();
  Shard shard(0, std::move(*io));
  StopAtEnd observer(shard);
  shard.post([&] { start(observer); });
  shard.run();
  return Status();
}

}  // namespace ringrpc
