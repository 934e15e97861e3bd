#include "reactor/timer.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1'234'567'891ns};

struct Probe final : Timer {
  void on_time() override {
    ++fired;
    if (action) action();
  }
  int fired = 0;
  std::function<void()> action;
};

}  // namespace

TEST_CASE("a timer fires once, at its time or within a tick of it, never before") {
  TimerWheel wheel(start);
  Probe probe;
  wheel.arm(probe, start + 10ms);
  CHECK(probe.armed());
  CHECK(wheel.next() == start + 10ms);
  wheel.advance(start + 10ms - 1ns);
  CHECK(probe.fired == 0);
  wheel.advance(start + 10ms);
  CHECK(probe.fired == 1);
  CHECK(!probe.armed());
  wheel.advance(start + 1h);
  CHECK(probe.fired == 1);
}

TEST_CASE("a time between two ticks is rounded up") {
  TimerWheel wheel(start);
  Probe probe;
  wheel.arm(probe, start + 10ms + 1ns);
  wheel.advance(start + 10ms + 1ns);
  CHECK(probe.fired == 0);
  wheel.advance(start + 11ms);
  CHECK(probe.fired == 1);
}

TEST_CASE("without a timer the wheel has no next time") {
  TimerWheel wheel(start);
  CHECK(wheel.next() == never);
  Probe probe;
  wheel.arm(probe, start + 1s);
  probe.cancel();
  CHECK(wheel.next() == never);
  wheel.arm(probe, start + 1s);
  wheel.arm(probe, never);
  CHECK(wheel.next() == never);
  {
    Probe brief;
    wheel.arm(brief, start + 1s);
  }
  CHECK(wheel.next() == never);
}

TEST_CASE("a time that has passed fires at the next tick, not from inside arm") {
  TimerWheel wheel(start);
  wheel.advance(start + 5s);
  Probe probe;
  wheel.arm(probe, start);
  CHECK(probe.fired == 0);
  wheel.advance(start + 5s);
  CHECK(probe.fired == 0);
  wheel.advance(start + 5001ms);
  CHECK(probe.fired == 1);
}

TEST_CASE("re-arming moves a timer") {
  TimerWheel wheel(start);
  Probe probe;
  wheel.arm(probe, start + 10ms);
  wheel.arm(probe, start + 10min);
  wheel.advance(start + 1min);
  CHECK(probe.fired == 0);
  wheel.arm(probe, start + 61s);
  wheel.advance(start + 61s);
  CHECK(probe.fired == 1);
}

TEST_CASE("a timer may cancel, destroy and re-arm others and itself when it fires") {
  TimerWheel wheel(start);
  Probe first;
  Probe second;
  auto third = std::make_unique<Probe>();
  Probe again;
  first.action = [&] {
    second.cancel();
    third.reset();
    if (again.fired < 3) wheel.arm(again, start + 5ms);  // the past: the next tick
  };
  again.action = first.action;
  auto own = std::make_unique<Probe>();
  own->action = [&] { own.reset(); };
  wheel.arm(first, start + 5ms);
  wheel.arm(second, start + 5ms);
  wheel.arm(*third, start + 5ms);
  wheel.arm(*own, start + 5ms);
  wheel.advance(start + 20ms);
  CHECK(first.fired == 1);
  CHECK(second.fired == 0);
  CHECK(!third);
  CHECK(!own);
  CHECK(again.fired == 3);
}

TEST_CASE("a timer may outlive its wheel") {
  Probe probe;
  {
    TimerWheel wheel(start);
    wheel.arm(probe, start + 1s);
  }
  CHECK(!probe.armed());
  probe.cancel();
}

TEST_CASE("a timer at the end of time can be armed and cancelled") {
  TimerWheel wheel(start);
  Probe probe;
  wheel.arm(probe, never - 1ns);
  CHECK(wheel.next() > start + 24h * 365 * 100);
  CHECK(wheel.next() <= never);
  wheel.advance(start + 24h * 365 * 100);
  CHECK(probe.fired == 0);
  probe.cancel();
  CHECK(wheel.next() == never);
}

TEST_CASE("random arming, cancelling and advancing agrees with a sorted list, over all levels") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    TimerWheel wheel(start);
    Instant now = start;
    std::vector<Probe> probes(60);
    std::map<const Probe*, Instant> due;  // the model: a timer fires at its tick
    std::vector<std::pair<Instant, const Probe*>> fired;
    for (Probe& probe : probes) probe.action = [&fired, &probe] { fired.emplace_back(Instant(), &probe); };

    const auto tick_after = [](Instant when) {
      return start + std::chrono::ceil<std::chrono::milliseconds>(when - start);
    };
    const auto tick_of = [](Instant when) {
      return start + std::chrono::floor<std::chrono::milliseconds>(when - start);
    };
    for (int step = 0; step < 3'000; ++step) {
      Probe& probe = probes[random() % probes.size()];
      // Distances of all magnitudes, from nanoseconds to weeks.
      const Nanoseconds distance(random() % (std::uint64_t{1} << (random() % 50 + 1)));
      switch (random() % 4) {
        case 0:
        case 1:
          wheel.arm(probe, now + distance);
          due[&probe] = std::max(tick_after(now + distance), tick_of(now) + 1ms);
          break;
        case 2:
          probe.cancel();
          due.erase(&probe);
          break;
        default: {
          now += distance;
          fired.clear();
          std::multimap<Instant, const Probe*> expected;
          for (const auto& [timer, when] : due)
            if (when <= now) expected.emplace(when, timer);
          wheel.advance(now);
          REQUIRE(fired.size() == expected.size());
          std::vector<Instant> order;
          for (const auto& [ignored, timer] : fired) order.push_back(due.at(timer));
          CHECK(std::ranges::is_sorted(order));
          for (const auto& [when, timer] : expected) due.erase(timer);
        }
      }
      Instant earliest = never;
      for (const auto& [timer, when] : due) earliest = std::min(earliest, when);
      REQUIRE(wheel.next() <= earliest);
      REQUIRE((wheel.next() == never) == due.empty());
      if (!due.empty()) REQUIRE(wheel.next() > now);
    }
  }
}
