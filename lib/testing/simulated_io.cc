#include "testing/simulated_io.h"

#include <cassert>
#include <utility>
#include <vector>

namespace ringrpc {

SimulatedIo::SimulatedIo(SimulatedNetwork& network) : network_(network) { network_.ios_.push_back(this); }

SimulatedIo::~SimulatedIo() {
  assert(objects_ == 0);
  std::erase(network_.ios_, this);
  // Destroying these closes descriptors, and that makes other sockets, none of them served here, schedule
  // events.
  completions_.clear();
  events_.clear();
}

void SimulatedIo::schedule(Action event, Nanoseconds at_least) {
  const Instant when = network_.now() + at_least + network_.draw_delay();
  events_.emplace(std::pair(when, network_.next_sequence_++), std::move(event));
}

bool SimulatedIo::wait(Instant until) {
  const SimulatedKernel at_work;
  // Events that these events schedule are left for the next turn, so that each turn ends.
  std::vector<Action> due;
  while (next_event() <= network_.now()) due.push_back(std::move(events_.extract(events_.begin()).mapped()));
  sleeps_until_ = due.empty() && completions_.empty() ? until : Instant::min();
  for (Action& event : due) {
    event();
    event = nullptr;
  }
  return !completions_.empty();
}

/// The clock stands still meanwhile, so the number of completions that fit in the time is drawn at random.
bool SimulatedIo::dispatch(Instant) {
  const std::size_t count = completions_.size();
  const std::size_t done = count < 2 ? count : 1 + network_.random_below(count);
  for (std::size_t i = 0; i < done; ++i) {
    Action delivery = std::exchange(completions_.front(), nullptr);
    completions_.pop_front();
    delivery();
  }
  return done == count;
}

}  // namespace ringrpc
