#include "ringrpc/task.h"

namespace ringrpc::detail {

namespace {

class OfLambda final : public TaskObserver {
  void on_task_done() override {}
};

}  // namespace

TaskObserver& of_lambda() noexcept {
  static constinit OfLambda observer;
  return observer;
}

}  // namespace ringrpc::detail
