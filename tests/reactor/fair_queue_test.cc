// Queues that callers share: by turns, and by room.
#include "reactor/fair_queue.h"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace ringrpc {
namespace {

/// A queue of named items.
struct Line {
  struct Named : FairQueue::Item {
    std::string name;
  };

  explicit Line(std::size_t limit) : queue(limit) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { pop(queue.size()); }

  /// The name of the item that has no place; "" for none.
  std::string push(const std::string& name, const WorkOrigin& origin = {}) {
    Named& item = *items.emplace_back(std::make_unique<Named>());
    item.name = name;
    return name_of(queue.push(item, origin));
  }
  std::string pop(std::size_t most) {
    std::string names;
    for (; most > 0; --most) names += name_of(queue.pop());
    return names;
  }
  static std::string name_of(const FairQueue::Item* item) {
    return item ? static_cast<const Named*>(item)->name : "";
  }

  FairQueue queue;
  std::vector<std::unique_ptr<Named>> items;
};

WorkOrigin at(std::uint64_t address, std::uint64_t connection = 1) {
  return {.peer = {AF_INET, address}, .connection = connection};
}
WorkOrigin trusted_at(std::uint64_t address, std::uint64_t connection = 1) {
  return {.trusted = true, .peer = {AF_INET, address}, .connection = connection};
}

TEST_CASE("the items of one connection keep their order") {
  Line line(10);
  for (const char* name : {"a", "b", "c"}) CHECK(line.push(name) == "");
  CHECK(line.pop(5) == "abc");
  CHECK(line.push("d") == "");
  CHECK(line.pop(5) == "d");
}

TEST_CASE("addresses take turns, whatever the number of their connections and items") {
  Line line(100);
  for (std::uint64_t i = 0; i < 9; ++i) line.push("f", at(1, i));
  for (const char* name : {"a", "b"}) line.push(name, at(2));
  line.push("x", at(3));
  CHECK(line.pop(12) == "faxfbfffffff");
}

TEST_CASE("connections of an address take turns") {
  Line line(100);
  for (int i = 0; i < 4; ++i) line.push("f", at(1, 1));
  for (const char* name : {"a", "b"}) line.push(name, at(1, 2));
  CHECK(line.pop(6) == "fafbff");
}

TEST_CASE("trusted callers and all others take turns") {
  Line line(100);
  for (std::uint64_t i = 0; i < 6; ++i) line.push("f", at(i));
  for (const char* name : {"a", "b"}) line.push(name, trusted_at(7));
  line.push("x", trusted_at(8));
  CHECK(line.pop(9) == "fafxfbfff");
}

TEST_CASE("in a full queue the longest line loses its latest item to a shorter one") {
  Line line(4);
  for (const char* name : {"f", "g", "h"}) CHECK(line.push(name, at(1, 1)) == "");
  CHECK(line.push("i", at(1, 2)) == "");
  CHECK(line.push("j", at(1, 1)) == "j");  // of the longest line itself
  SUBCASE("of another address") { CHECK(line.push("a", at(2)) == "h"); }
  SUBCASE("of another connection of the address") { CHECK(line.push("a", at(1, 3)) == "h"); }
  SUBCASE("of a trusted caller") { CHECK(line.push("a", trusted_at(1, 1)) == "h"); }
  CHECK(line.queue.size() == 4);
  CHECK(line.pop(4).find('a') != std::string::npos);
}

TEST_CASE("a line that would become as long as the longest takes no place") {
  Line line(4);
  for (const char* name : {"f", "g"}) CHECK(line.push(name, at(1)) == "");
  for (const char* name : {"a", "b"}) CHECK(line.push(name, at(2)) == "");
  CHECK(line.push("h", at(1)) == "h");
  CHECK(line.push("c", at(2)) == "c");
  CHECK(line.push("x", at(3)) != "x");
  CHECK(line.push("y", at(4)) != "y");
  CHECK(line.push("z", at(5)) == "z");  // more callers than places
  CHECK(line.push("t", trusted_at(6)) != "t");
  CHECK(line.push("u", trusted_at(7)) != "u");
  CHECK(line.push("v", trusted_at(8)) == "v");  // half of the places are for all others
}

TEST_CASE("a queue without places refuses every item") {
  Line line(0);
  CHECK(line.push("a", at(1)) == "a");
  CHECK(line.pop(1) == "");
  CHECK(line.queue.addresses() == 0);
}

TEST_CASE("a removed item gives up its place, and callers without items leave nothing behind") {
  Line line(2);
  line.push("a", at(1));
  line.push("b", at(2));
  CHECK(line.queue.addresses() == 2);
  line.queue.remove(*line.items.front());
  line.queue.remove(*line.items.front());  // no effect
  CHECK(line.queue.addresses() == 1);
  CHECK(line.push("c", at(3)) == "");
  CHECK(line.push("d", at(4)) == "d");
  CHECK(line.queue.addresses() == 2);
  CHECK(line.pop(3) == "bc");
  CHECK(line.queue.addresses() == 0);
}

}  // namespace
}  // namespace ringrpc
