/// A queue of limited size that callers share by turns and by room.
///
///   FairQueue queue(1024);
///   if (FairQueue::Item* refused = queue.push(item, origin)) ...  // `item`, or another that gives way to it
///   while (FairQueue::Item* next = queue.pop()) ...
///
/// 1. Items wait in lines at three levels: trusted callers beside all others, their addresses, and the
///    connections of each address. The lines of a level take turns. So a caller with a thousand items delays
///    those of another address, and of other connections of its own, by one item each.
/// 2. If the queue is full, the longest line gives way to a shorter one and loses its latest item. The
///    highest level at which the new item's line is shorter decides. So callers are refused only for their own
///    items, unless there are more callers than places.
///
/// Not for several threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "reactor/intrusive_list.h"
#include "reactor/work_origin.h"

namespace ringrpc {

struct FairItemTag;
struct FairLineTag;

class FairQueue {
  struct Line;

 public:
  /// Belongs to the caller. Remove it before it is destroyed.
  class Item : public ListNodeOf<FairItemTag> {
   private:
    friend FairQueue;
    Line* line_ = nullptr;
  };

  explicit FairQueue(std::size_t limit) noexcept : limit_(limit) {}

  /// Adds an item that is not in a queue. Returns the item without a place: none; another, which is no longer
  /// in the queue; or `item` itself, which was not added.
  Item* push(Item& item, const WorkOrigin& origin);
  /// Removes the next item; null if there is none.
  Item* pop() noexcept;
  /// No effect if the item is not in the queue.
  void remove(Item& item) noexcept;

  std::size_t size() const noexcept { return root_.waiting; }
  std::size_t limit() const noexcept { return limit_; }
  /// The number of addresses with items.
  std::size_t addresses() const noexcept;

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  /// The items of a connection, or the lines of the level below.
  struct Line : ListNodeOf<FairLineTag> {
    Line* parent = nullptr;
    Key key;
    std::size_t waiting = 0;  // items, at any level below
    ListOf<Item, FairItemTag> items;
    std::map<Key, std::unique_ptr<Line>> lines;
    std::set<std::pair<std::size_t, Key>> by_length;  // all of `lines`
    ListOf<Line, FairLineTag> turns;                  // the lines with items, in order of their turn
  };

  static Line& line_in(Line& parent, Key key);
  static Line& longest_in(Line& parent) { return *parent.lines.at(parent.by_length.rbegin()->second); }
  static void set_waiting(Line& line, std::size_t waiting) noexcept;
  static void drop_if_empty(Line* line) noexcept;
  static Item* latest_of_longer(Line& line) noexcept;

  const std::size_t limit_;
  Line root_;
};

}  // namespace ringrpc
