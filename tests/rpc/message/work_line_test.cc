#include "rpc/message/work_line.h"

#include <doctest/doctest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/simulation.h"

namespace ringrpc {
namespace {

class Note final : public LongWork {
 public:
  explicit Note(bool throws) noexcept : throws_(throws) {}
  void work() override {
    if (throws_) throw std::bad_alloc();
  }

 private:
  bool throws_;
};

/// Waits in a line, and records when its work began and ended.
class Worker {
 public:
  Worker(std::string name, std::vector<std::string>& events) : name_(std::move(name)), events_(events) {}

  void join(WorkLine& line) { line.join(turn); }

  bool throws = false;

 private:
  std::unique_ptr<LongWork> begin() {
    events_.push_back("begin " + name_);
    return std::make_unique<Note>(throws);
  }
  void on_done(Result<std::unique_ptr<LongWork>> done) noexcept {
    events_.push_back((done ? "end " : "failed ") + name_);
  }

  std::string name_;
  std::vector<std::string>& events_;

 public:
  WorkLine::TurnOf<Worker, &Worker::begin, &Worker::on_done> turn{*this};
};

struct Fixture {
  Simulation simulation{1, {.shards = 1, .faults = {}}};
  WorkLine line{simulation.shard(0)};
  std::vector<std::string> events;

  /// Runs `action` in a turn of the shard and lets its effects happen.
  void run(const std::function<void()>& action) {
    simulation.shard(0).post(action);
    REQUIRE(simulation.run_until_quiet(std::chrono::seconds(1)));
  }
};

TEST_CASE("a line does one work at a time, in order") {
  Fixture at;
  Worker a("a", at.events);
  Worker b("b", at.events);
  at.run([&] {
    a.join(at.line);
    b.join(at.line);
    CHECK(a.turn.taken());
    CHECK(b.turn.taken());
  });
  CHECK(at.events == std::vector<std::string>{"begin a", "end a", "begin b", "end b"});
  CHECK_FALSE(a.turn.taken());
}

TEST_CASE("a turn that has left the line is no longer called, and the next one begins") {
  Fixture at;
  Worker b("b", at.events);
  SUBCASE("while it waits") {
    Worker a("a", at.events);
    std::optional<Worker> gone(std::in_place, "gone", at.events);
    at.run([&] {
      a.join(at.line);
      gone->join(at.line);
      b.join(at.line);
      gone.reset();
    });
    CHECK(at.events == std::vector<std::string>{"begin a", "end a", "begin b", "end b"});
  }
  SUBCASE("while its work is done") {
    std::optional<Worker> gone(std::in_place, "gone", at.events);
    at.run([&] {
      gone->join(at.line);
      b.join(at.line);
      gone.reset();
    });
    CHECK(at.events == std::vector<std::string>{"begin gone", "begin b", "end b"});
  }
}

TEST_CASE("another turn may begin as soon as the one whose work is being done has left the line") {
  Fixture at;
  Worker b("b", at.events);
  std::optional<Worker> gone(std::in_place, "gone", at.events);
  at.run([&] {
    gone->join(at.line);
    gone.reset();
    b.join(at.line);
  });
  CHECK(at.events == std::vector<std::string>{"begin gone", "begin b", "end b"});
}

TEST_CASE("work that fails reports its error") {
  Fixture at;
  Worker a("a", at.events);
  a.throws = true;
  at.run([&] { a.join(at.line); });
  CHECK(at.events == std::vector<std::string>{"begin a", "failed a"});
}

TEST_CASE("destroying a line releases its waiters") {
  Fixture at;
  Worker a("a", at.events);
  Worker b("b", at.events);
  auto line = std::make_unique<WorkLine>(at.simulation.shard(0));
  at.run([&] {
    a.join(*line);
    b.join(*line);
    line.reset();
    CHECK_FALSE(a.turn.taken());
    CHECK_FALSE(b.turn.taken());
  });
  CHECK(at.events == std::vector<std::string>{"begin a"});
}

TEST_CASE("lines take turns at the worker") {
  Fixture at;
  WorkLine other(at.simulation.shard(0));
  std::vector<std::unique_ptr<Worker>> many;
  Worker one("one", at.events);
  at.run([&] {
    for (int n = 0; n < 10; ++n)
      many.emplace_back(std::make_unique<Worker>(std::to_string(n), at.events))->join(at.line);
    one.join(other);
  });
  const auto end_of = [&](const std::string& name) {
    return std::ranges::find(at.events, "end " + name) - at.events.begin();
  };
  CHECK(end_of("one") < end_of("2"));
}

}  // namespace
}  // namespace ringrpc
