#include "reactor/simulated_io.h"

#include <cassert>

namespace ringrpc {

SimulatedIo::SimulatedIo(SimulatedNetwork& network) : network_(network) { network_.ios_.push_back(this); }

SimulatedIo::~SimulatedIo() {
  assert(objects_ == 0);
  std::erase(network_.ios_, this);
  // What these hold closes descriptors, and that makes other sockets, none of them served here, schedule
  // events.
  completions_.clear();
  events_.clear();
}

void SimulatedIo::schedule(Action event, Nanoseconds at_least) {
  const Instant when = network_.now() + at_least + network_.draw_delay();
  events_.emplace(std::pair(when, network_.next_sequence_++), std::move(event));
}

bool SimulatedIo::wait(Instant until) {
  // What these events schedule is left for the next turn, so that each turn ends.
  std::vector<Action> due;
  while (next_event() <= network_.now()) due.push_back(std::move(events_.extract(events_.begin()).mapped()));
  sleeps_until_ = due.empty() ? until : Instant::min();
  for (Action& event : due) {
    event();
    event = nullptr;
  }
  return !completions_.empty();
}

void SimulatedIo::dispatch() {
  for (Action& delivery : std::exchange(completions_, {})) {
    delivery();
    delivery = nullptr;
  }
}

}  // namespace ringrpc
