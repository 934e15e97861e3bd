#include "ringrpc/submit.h"

#include <chrono>
#include <doctest/doctest.h>
#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/sleep.h"

#include "reactor/shard.h"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

Task<int> soon(int number) {
  co_await sleep_for(1ms);
  co_return number;
}

}  // namespace

TEST_CASE("a submitted task gives its outcome to a future") {
  std::future<Result<int>> value = submit([] { return soon(7); });
  std::future<Status> nothing = submit([] { return sleep_for(1ms); });
  std::future<Result<int>> failed =
      submit([]() -> Task<Result<int>> { co_return fail(Code::NOT_FOUND, "none"); });
  CHECK(value.get() == 7);
  CHECK(nothing.get().ok());
  CHECK(failed.get().error().message() == "none");
}

TEST_CASE("a submitted task that throws is INTERNAL") {
  auto thrown = submit([]() -> Task<int> {
    co_await sleep_for(1ms);
    throw std::runtime_error("boom");
  });
  CHECK(thrown.get().error().to_string() == "INTERNAL: the task threw: boom");
  auto unmade = submit([]() -> Task<int> { throw std::runtime_error("boom"); });
  CHECK(unmade.get().error().code() == Code::INTERNAL);
}

TEST_CASE("the callback is called once, on a shard, with an outcome that need not be copied") {
  std::promise<bool> called;
  submit([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); },
         [&called](Result<std::unique_ptr<int>> outcome) {
           called.set_value(outcome && **outcome == 3 && Shard::current() != nullptr);
         });
  CHECK(called.get_future().get());
}

TEST_CASE("a stop cancels a submitted task, whose frame is destroyed and whose outcome is CANCELLED") {
  std::stop_source stop;
  std::promise<void> begun;
  auto alive = std::make_shared<int>();
  const std::weak_ptr<int> frame = alive;
  auto value = submit(
      [&begun, alive = std::move(alive)]() -> Task<int> {
        const auto kept = alive;
        begun.set_value();
        co_await sleep_for(1h);
        co_return *kept;
      },
      stop.get_token());
  std::promise<Status> called;
  submit([] { return sleep_for(1h); }, [&called](Status outcome) { called.set_value(std::move(outcome)); },
         stop.get_token());
  begun.get_future().get();
  CHECK_FALSE(frame.expired());
  stop.request_stop();
  CHECK(value.get().error().to_string() == "CANCELLED: a stop of the task was requested");
  CHECK(called.get_future().get().code() == Code::CANCELLED);
  CHECK(frame.expired());
  bool made = false;
  auto never_made = submit(
      [&made] {
        made = true;
        return soon(7);
      },
      stop.get_token());
  CHECK(never_made.get().error().code() == Code::CANCELLED);
  CHECK_FALSE(made);
}

TEST_CASE("a submitted task that ends before a stop has its own outcome") {
  std::stop_source stop;
  CHECK(submit([] { return soon(7); }, stop.get_token()).get() == 7);
  CHECK(submit([] { return sleep_for(1ms); }, stop.get_token()).get().ok());
  CHECK(submit([]() -> Task<Status> { co_return fail(Code::NOT_FOUND, "none"); }, stop.get_token())
            .get()
            .code() == Code::NOT_FOUND);
}

TEST_CASE("any thread may submit, shards included, and as many tasks as it likes") {
  std::vector<std::jthread> threads;
  std::vector<int> sums(4);
  for (int& sum : sums) {
    threads.emplace_back([&sum] {
      std::vector<std::future<Result<int>>> values;
      for (int at = 0; at < 200; ++at) values.push_back(submit([] { return soon(1); }));
      for (auto& value : values) sum += value.get().value_or(0);
    });
  }
  threads.clear();
  for (const int sum : sums) CHECK(sum == 200);

  std::promise<Result<int>> inner;
  std::future<Status> outer = submit([&inner]() -> Task<> {
    submit([] { return soon(5); }, [&inner](Result<int> value) { inner.set_value(std::move(value)); });
    co_return;
  });
  CHECK(outer.get().ok());
  CHECK(inner.get_future().get() == 5);
}

TEST_CASE("a long task of block_on delays neither other blocked threads nor submitted tasks") {
  std::binary_semaphore entered{0};
  std::binary_semaphore leave{0};
  const std::jthread slow([&] {
    (void)block_on([&]() -> Task<void> {
      entered.release();
      leave.acquire();  // holds its shard up
      co_return;
    });
  });
  entered.acquire();
  CHECK(block_on(soon(1)) == 1);
  CHECK(submit([] { return soon(2); }).get() == 2);
  leave.release();
}
