#include "ringrpc/block_on.h"

#include <doctest/doctest.h>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ringrpc/sleep.h"

#include "reactor/background_shards.h"
#include "reactor/shard.h"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

Task<int> later(int number) {
  co_await sleep_for(1ms);
  co_return number;
}

Task<Result<std::string>> fail_later() {
  co_await sleep_for(1ms);
  co_return fail(Code::NOT_FOUND, "as asked");
}

}  // namespace

TEST_CASE("a task's value, status, result or nothing returns to the blocked thread") {
  const Result<int> value = block_on(later(7));
  REQUIRE(value);
  CHECK(*value == 7);
  const Result<std::string> failed = block_on(fail_later());
  REQUIRE_FALSE(failed);
  CHECK(failed.error().to_string() == "NOT_FOUND: as asked");
  CHECK(block_on([]() -> Task<Status> { co_return Status(Code::ABORTED, ""); }).code() == Code::ABORTED);
  CHECK(block_on(sleep_for(1ms)).ok());
}

TEST_CASE("a task made in block_on is made, run and destroyed on the background shard") {
  struct Witness {
    explicit Witness(std::vector<Shard*>& where) : seen(where) { seen.push_back(Shard::current()); }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    ~Witness() { seen.push_back(Shard::current()); }
    std::vector<Shard*>& seen;
  };
  std::vector<Shard*> seen;
  const Status status = block_on([&]() -> Task<void> {
    const Witness witness(seen);
    co_await sleep_for(1ms);
  });
  CHECK(status.ok());
  REQUIRE(seen.size() == 2);
  CHECK(seen[0]);
  CHECK(seen[0] == seen[1]);
  CHECK_FALSE(Shard::current());
}

TEST_CASE("a result that cannot be copied is moved out") {
  const auto made = block_on([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); });
  REQUIRE(made);
  CHECK(**made == 3);
}

TEST_CASE("a task that throws is INTERNAL") {
  const Result<int> thrown = block_on([]() -> Task<int> {
    co_await sleep_for(1ms);
    throw std::runtime_error("boom");
  });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().to_string() == "INTERNAL: the task threw: boom");
  const Result<int> odd = block_on([]() -> Task<Result<int>> {
    throw 7;
    co_return 0;
  });
  REQUIRE_FALSE(odd);
  CHECK(odd.error().to_string() == "INTERNAL: the task threw");
}

TEST_CASE("a task that is out of memory is RESOURCE_EXHAUSTED") {
  const Result<int> thrown = block_on([]() -> Task<int> {
    co_await sleep_for(1ms);
    throw std::bad_alloc();
  });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().to_string() == "RESOURCE_EXHAUSTED: out of memory");
}

TEST_CASE("a function that throws instead of making a task is INTERNAL") {
  const Result<int> thrown = block_on([]() -> Task<int> { throw std::runtime_error("boom"); });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().to_string() == "INTERNAL: the task threw: boom");
}

TEST_CASE("no task at all is INTERNAL too") {
  const Result<int> none = block_on([]() -> Task<int> { return {}; });
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Code::INTERNAL);
}

TEST_CASE("on a shard it would wait for itself, so it fails") {
  const Result<Code> inside = block_on([]() -> Task<Code> {
    const Result<int> value = block_on(later(1));
    co_return value ? Code::OK : value.error().code();
  });
  REQUIRE(inside);
  CHECK(*inside == Code::FAILED_PRECONDITION);
}

TEST_CASE("threads beyond the limit share background shards") {
  BackgroundShards background;  // not those of the process, which would keep the descriptors of all
  std::vector<BackgroundShards::Lease> leases;
  std::set<const Shard*> shards;
  while (leases.size() <= BackgroundShards::shards_max) {
    Result<BackgroundShards::Lease> lent = background.lend();
    REQUIRE_MESSAGE(lent, lent.error().to_string());
    leases.push_back(*std::move(lent));
    shards.insert(&leases.back().shard());
  }
  CHECK(shards.size() == BackgroundShards::shards_max);
  CHECK(&leases.back().shard() == &leases.front().shard());
}

TEST_CASE("any number of threads may block at the same time") {
  std::vector<std::jthread> threads;
  std::vector<int> sums(8);
  for (int& sum : sums) {
    threads.emplace_back([&sum] {
      for (int at = 0; at < 50; ++at) sum += block_on(later(1)).value_or(0);
    });
  }
  threads.clear();
  for (const int sum : sums) CHECK(sum == 50);
}
