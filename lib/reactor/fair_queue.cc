#include "reactor/fair_queue.h"

namespace ringrpc {

/// A line without items is dropped before `push` returns.
FairQueue::Line& FairQueue::line_in(Line& parent, Key key) {
  std::unique_ptr<Line>& line = parent.lines[key];
  if (line) return *line;
  try {
    line = std::make_unique<Line>();
    line->parent = &parent;
    line->key = key;
    parent.by_length.emplace(0, key);
  } catch (...) {
    parent.lines.erase(key);
    throw;
  }
  return *line;
}

void FairQueue::set_waiting(Line& line, std::size_t waiting) noexcept {
  if (line.parent) {
    auto place = line.parent->by_length.extract({line.waiting, line.key});
    place.value().first = waiting;
    line.parent->by_length.insert(std::move(place));
  }
  line.waiting = waiting;
}

/// Drops the line, and those above that have no other.
void FairQueue::drop_if_empty(Line* line) noexcept {
  while (line->waiting == 0 && line->parent) {
    Line& parent = *line->parent;
    const Key key = line->key;
    parent.by_length.erase({0, key});
    parent.lines.erase(key);
    line = &parent;
  }
}

/// The item that gives way to one more in `line`, a connection's: the latest of a line that remains longer.
FairQueue::Item* FairQueue::latest_of_longer(Line& line) noexcept {
  std::array<Line*, 3> path{line.parent->parent, line.parent, &line};
  for (const Line* const at : path) {
    Line* longest = &longest_in(*at->parent);
    if (longest->waiting <= at->waiting + 1) continue;
    while (!longest->lines.empty()) longest = &longest_in(*longest);
    return longest->items.back();
  }
  return nullptr;
}

FairQueue::Item* FairQueue::push(Item& item, const WorkOrigin& origin) {
  Line* line = &root_;
  try {
    for (const Key& key : std::array<Key, 3>{
             {{0, origin.trusted}, {origin.peer.family, origin.peer.bits}, {0, origin.connection}}})
      line = &line_in(*line, key);
  } catch (...) {
    drop_if_empty(line);
    throw;
  }
  Item* refused = nullptr;
  if (root_.waiting >= limit_) {
    refused = latest_of_longer(*line);
    if (!refused) {
      drop_if_empty(line);
      return &item;
    }
    remove(*refused);
  }
  item.line_ = line;
  line->items.push_back(item);
  for (; line; line = line->parent) {
    set_waiting(*line, line->waiting + 1);
    if (line->parent && !line->linked()) line->parent->turns.push_back(*line);
  }
  return refused;
}

FairQueue::Item* FairQueue::pop() noexcept {
  Line* line = &root_;
  while (Line* const next = line->turns.pop_front()) {
    line->turns.push_back(*next);
    line = next;
  }
  Item* const item = line->items.front();
  if (item) remove(*item);
  return item;
}

void FairQueue::remove(Item& item) noexcept {
  if (!item.line_) return;
  Line* const line = std::exchange(item.line_, nullptr);
  item.unlink();
  for (Line* at = line; at; at = at->parent) {
    set_waiting(*at, at->waiting - 1);
    if (at->waiting == 0) at->unlink();
  }
  drop_if_empty(line);
}

std::size_t FairQueue::addresses() const noexcept {
  std::size_t sum = 0;
  for (const auto& [trusted, line] : root_.lines) sum += line->lines.size();
  return sum;
}

}  // namespace ringrpc
