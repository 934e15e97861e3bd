// Lambdas that hold values: as arguments of awaited calls, and as coroutines.
#include <functional>
#include <memory>

#include "ringrpc/shield.h"
#include "ringrpc/worker_pool.h"

#include "awaited.h"

namespace ringrpc::patterns {
namespace {

template <class F>
Task<std::string> called(F function) {
  co_await suspended();
  co_return function();
}
Task<std::string> called_by_type(std::function<std::string()> function) {
  co_await suspended();
  co_return function();
}

Task<std::string> lambda_with_a_text() {
  std::string text = long_text;
  const std::string given = co_await called([text] { return text; });
  co_return given;
}
Task<std::string> function_object() {
  std::string text = long_text;
  const std::string given = co_await called_by_type([text] { return text; });
  co_return given;
}
Task<int> lambda_with_a_counted() {
  {
    const Counted counted(long_text);
    if (co_await called([counted] { return counted.text; }) != long_text) co_return -1;
  }
  co_return Counted::alive.load();
}
Task<long> lambda_with_a_shared_pointer() {
  auto text = std::make_shared<std::string>(long_text);
  if (co_await called([text] { return *text; }) != long_text) co_return -1;
  co_return text.use_count();
}

Task<std::string> coroutine_by_reference() {
  std::string seen;
  const std::string text = long_text;
  const auto copy = [&seen, text]() -> Task<Status> {
    co_await suspended();
    seen = text;
    co_return Status();
  };
  if (Status status = co_await copy(); !status.ok()) co_return status.to_string();
  co_return seen;
}
Task<long> coroutine_called_where_it_stands() {
  auto text = std::make_shared<std::string>(long_text);
  const std::string given = co_await [text]() -> Task<std::string> {
    co_await suspended();
    co_return *text;
  }();
  co_return given == long_text ? text.use_count() : -1;
}
Task<std::string> coroutine_behind_a_function() {
  const std::function<Task<std::string>(std::string)> echo = [](std::string text) -> Task<std::string> {
    co_await suspended();
    co_return text;
  };
  const std::string text = co_await echo(long_text);
  co_return text;
}

Task<std::string> shielded_parameter() {
  const std::string text = co_await shield([](std::string given) -> Task<std::string> {
    co_await suspended();
    co_return given;
  }(long_text));
  co_return text;
}
Task<std::string> shielded_task() { co_return co_await shield(later(long_text)); }

Task<std::string> pooled_text(WorkerPool& pool) {
  std::string text = long_text;
  const Result<std::string> given = co_await pool.run([text] { return text; });
  co_return given.value();
}
Task<long> pooled_shared_pointer(WorkerPool& pool) {
  auto text = std::make_shared<std::string>(long_text);
  const Result<std::string> given = co_await pool.run([text] { return *text; });
  co_return given == long_text ? text.use_count() : -1;
}
Task<std::string> pooled_unique_pointer(WorkerPool& pool) {
  auto text = std::make_unique<std::string>(long_text);
  const Result<std::string> given = co_await pool.run([text = std::move(text)] { return *text; });
  co_return given.value();
}

TEST_CASE("a lambda made among the arguments is destroyed once, with its captures") {
  CHECK(run(lambda_with_a_text) == long_text);
  CHECK(run(function_object) == long_text);
  CHECK(run(lambda_with_a_counted) == 0);
  CHECK(run(lambda_with_a_shared_pointer) == 1);
}

TEST_CASE("a lambda that is a coroutine may be called in place, by name and through a function") {
  CHECK(run(coroutine_by_reference) == long_text);
  CHECK(run(coroutine_called_where_it_stands) == 1);
  CHECK(run(coroutine_behind_a_function) == long_text);
}

TEST_CASE("a shielded task has its parameters") {
  CHECK(run(shielded_parameter) == long_text);
  CHECK(run(shielded_task) == long_text);
}

TEST_CASE("a job of a worker pool may be a lambda made among the arguments") {
  const Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start({.threads = 1});
  REQUIRE(pool);
  CHECK(run(pooled_text, **pool) == long_text);
  CHECK(run(pooled_shared_pointer, **pool) == 1);
  CHECK(run(pooled_unique_pointer, **pool) == long_text);
}

}  // namespace
}  // namespace ringrpc::patterns
