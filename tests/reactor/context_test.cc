/// The context of a shard's code, which suspended coroutines carry.

#include "reactor/context.h"

#include <doctest/doctest.h>
#include <memory>
#include <vector>

#include "ringrpc/shield.h"
#include "ringrpc/sleep.h"
#include "ringrpc/suspended.h"
#include "ringrpc/task.h"

#include "testing/simulation.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

class Numbered final : public detail::Context {
 public:
  explicit Numbered(int given) noexcept : number(given) { ++alive; }
  ~Numbered() override { --alive; }
  Context* detached() const override { return new Numbered(-number); }

  const int number;
  static inline int alive = 0;
};

/// Makes its context when it is asked.
class NumberedSource final : public ContextSource {
 public:
  explicit NumberedSource(int given) noexcept : number(given) {}
  ~NumberedSource() = default;
  void drop() noexcept { drop_context(); }

  const int number;
  int made = 0;

 private:
  detail::Context* make() noexcept override {
    ++made;
    return new Numbered(number);
  }
};

/// 0 if there is no context.
int present() {
  ContextSource* const source = Shard::current() ? Shard::current()->context_source() : nullptr;
  return source && source->get() ? static_cast<Numbered*>(source->get())->number : 0;
}

Task<> note_twice(std::vector<int>& seen, Nanoseconds wait) {
  co_await sleep_for(wait);
  seen.push_back(present());
  co_await sleep_for(wait);
  seen.push_back(present());
}

/// Runs `begin` on a simulated shard, and then the shard until `done`.
template <class Begin, class Done>
void on_shard(Begin begin, Done done) {
  Simulation simulation(1);
  simulation.shard(0).post(begin);
  CHECK(simulation.run_until(done));
}

TEST_CASE("coroutines that wait at the same time keep contexts of their own") {
  std::vector<int> first;
  std::vector<int> second;
  std::vector<int> without;
  std::vector<Task<>> tasks;
  on_shard(
      [&] {
        Shard& shard = *Shard::current();
        for (std::vector<int>* const seen : {&first, &second, &without})
          tasks.push_back(note_twice(*seen, seen == &second ? 2ms : 3ms));
        {
          NumberedSource one(1);
          const ContextScope scope(shard, &one);
          tasks[0].start();
        }
        {
          NumberedSource two(2);
          const ContextScope scope(shard, &two);
          tasks[1].start();
        }
        tasks[2].start();
        CHECK(present() == 0);
      },
      [&] { return first.size() + second.size() + without.size() == 6; });
  CHECK(first == std::vector{1, 1});
  CHECK(second == std::vector{2, 2});
  CHECK(without == std::vector{0, 0});
  tasks.clear();
  CHECK(Numbered::alive == 0);
}

TEST_CASE("a context is made once, and only for code that keeps it") {
  bool over = false;
  on_shard(
      [&] {
        NumberedSource unused(1);
        {
          const ContextScope scope(*Shard::current(), &unused);
        }
        CHECK(unused.made == 0);
        NumberedSource used(2);
        const ContextScope scope(*Shard::current(), &used);
        detail::Context* const one = detail::keep_context();
        detail::Context* const other = detail::keep_context();
        CHECK(one == other);
        CHECK(used.made == 1);
        detail::release(*one);
        used.drop();
        CHECK(Numbered::alive == 1);
        detail::release(*other);
        CHECK(Numbered::alive == 0);
        over = true;
      },
      [&] { return over; });
}

TEST_CASE("a coroutine that is resumed inside another one leaves that one's context as it was") {
  struct Gate {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { place = waiting; }
    void await_resume() const noexcept {}
    Suspended& place;
  };
  Suspended place;
  int inner = 0;
  const auto wait = [&]() -> Task<> {
    co_await Gate{place};
    inner = present();
  };
  const Task<> task = wait();
  on_shard(
      [&] {
        Shard& shard = *Shard::current();
        {
          NumberedSource one(1);
          const ContextScope scope(shard, &one);
          task.start();
        }
        NumberedSource two(2);
        const ContextScope scope(shard, &two);
        place.resume();
        CHECK(present() == 2);
      },
      [&] { return task.done(); });
  CHECK(inner == 1);
  CHECK(Numbered::alive == 0);
}

TEST_CASE("a shielded task has a context that is detached from its call") {
  std::vector<int> seen;
  const auto handler = [&]() -> Task<> {
    co_await shield(note_twice(seen, 1ms));
    seen.push_back(present());
  };
  const Task<> task = handler();
  on_shard(
      [&] {
        NumberedSource one(1);
        const ContextScope scope(*Shard::current(), &one);
        task.start();
      },
      [&] { return seen.size() == 3; });
  CHECK(seen == std::vector{-1, -1, 1});
}

TEST_CASE("outside of shards there is no context") { CHECK(detail::keep_context() == nullptr); }

}  // namespace
}  // namespace ringrpc
