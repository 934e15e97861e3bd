#include "base/slab.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <doctest/doctest.h>
#include <numeric>
#include <random>
#include <vector>

using namespace ringrpc;

namespace {

std::vector<std::uint8_t> pattern(std::size_t bytes) {
  std::vector<std::uint8_t> made(bytes);
  for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return made;
}

std::vector<std::uint8_t> content(const Chain& chain) {
  std::array<iovec, 256> pieces;
  const std::size_t count = chain.gather(pieces);
  std::vector<std::uint8_t> all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* from = static_cast<const std::uint8_t*>(pieces[i].iov_base);
    all.insert(all.end(), from, from + pieces[i].iov_len);
  }
  return all;
}

}  // namespace

TEST_CASE("a chain returns the appended bytes, over any number of slabs") {
  SlabPool pool;
  const std::vector<std::uint8_t> bytes = pattern(3 * Slab::capacity + 5);
  Chain chain(pool);
  chain.append(bytes);
  CHECK(chain.size() == bytes.size());
  CHECK(pool.in_use() == 4);
  CHECK(content(chain) == bytes);
}

TEST_CASE("an empty chain holds no slab") {
  SlabPool pool;
  Chain chain(pool);
  CHECK(pool.in_use() == 0);
  chain.append(pattern(Slab::capacity + 1));
  chain.consume(Slab::capacity + 1);
  CHECK(chain.empty());
  CHECK(pool.in_use() == 0);
}

TEST_CASE("reserved room is in one piece and joins the chain when it is committed") {
  SlabPool pool;
  Chain chain(pool);
  chain.append(pattern(Slab::capacity - 4));
  std::memcpy(chain.reserve(9), "headerxyz", 9);
  CHECK(chain.size() == Slab::capacity - 4);
  chain.commit(6);
  CHECK(chain.size() == Slab::capacity + 2);
  const std::vector<std::uint8_t> all = content(chain);
  CHECK(as_text(Bytes(all).last(6)) == "header");
}

TEST_CASE("room that was reserved and not used is not described") {
  SlabPool pool;
  Chain chain(pool);
  chain.reserve(100);
  std::array<iovec, 4> pieces;
  CHECK(chain.empty());
  CHECK(chain.gather(pieces) == 0);
  chain.append(as_bytes("x"));
  CHECK(chain.gather(pieces) == 1);
}

TEST_CASE("gathering stops at the given room and begins after the consumed bytes") {
  SlabPool pool;
  Chain chain(pool);
  const std::vector<std::uint8_t> bytes = pattern(4 * Slab::capacity);
  chain.append(bytes);
  std::array<iovec, 2> pieces;
  CHECK(chain.gather(pieces) == 2);
  chain.consume(Slab::capacity + 10);
  CHECK(chain.gather(pieces) == 2);
  CHECK(pieces[0].iov_len == Slab::capacity - 10);
  CHECK(std::memcmp(pieces[0].iov_base, bytes.data() + Slab::capacity + 10, pieces[0].iov_len) == 0);
}

TEST_CASE("a chain that was moved from is empty and can be filled again") {
  SlabPool pool;
  Chain first(pool);
  first.append(as_bytes("one"));
  Chain second(std::move(first));
  CHECK(first.empty());
  first.append(as_bytes("two"));
  CHECK(as_text(content(second)) == "one");
  CHECK(as_text(content(first)) == "two");
  second = std::move(first);
  CHECK(as_text(content(second)) == "two");
}

TEST_CASE("a pool recycles slabs and keeps at most its limit") {
  SlabPool pool(1);
  Slab* first = pool.take();
  Slab* second = pool.take();
  CHECK(pool.in_use() == 2);
  pool.give_back(first);
  pool.give_back(second);
  CHECK(pool.in_use() == 0);
  CHECK(pool.take() == first);
  pool.give_back(first);
}

TEST_CASE("a pool keeps no dropped slab, and can be used further") {
  SlabPool pool(2);
  Slab* const used = pool.take();
  pool.give_back(pool.take());
  pool.drop_free();
  CHECK(pool.in_use() == 1);
  pool.give_back(used);
  CHECK(pool.take() == used);
  pool.give_back(used);
}

TEST_CASE("moving the front hands well-filled slabs over and copies the rest") {
  SlabPool pool;
  const std::vector<std::uint8_t> source = pattern(3 * Slab::capacity + 100);
  Chain from(pool);
  Chain to(pool);
  from.append(source);
  std::vector<const std::uint8_t*> places;
  from.for_each_piece(0, from.size(), [&](Bytes piece) { places.push_back(piece.data()); });
  REQUIRE(places.size() == 4);

  SUBCASE("all, if more is requested than there is") {
    from.move_front(10 * source.size(), to);
    CHECK(from.empty());
    CHECK(from.held_bytes() == 0);
    CHECK(content(to) == source);
    std::vector<const std::uint8_t*> moved;
    to.for_each_piece(0, to.size(), [&](Bytes piece) { moved.push_back(piece.data()); });
    REQUIRE(moved.size() == 4);
    CHECK(std::equal(moved.begin(), moved.begin() + 3, places.begin()));
    CHECK(moved[3] != places[3]);  // a hundred bytes are no reason to keep a slab
    CHECK(pool.in_use() == 4);
  }
  SUBCASE("in portions") {
    std::vector<std::uint8_t> all;
    while (!from.empty()) {
      from.move_front(10'000, to);
      CHECK(to.size() <= 10'000);
      CHECK(from.size() + to.size() + all.size() == source.size());
      const std::vector<std::uint8_t> portion = content(to);
      all.insert(all.end(), portion.begin(), portion.end());
      to.clear();
    }
    CHECK(all == source);
  }
  SUBCASE("nothing") {
    from.move_front(0, to);
    CHECK(to.empty());
    CHECK(to.held_bytes() == 0);
    CHECK(content(from) == source);
  }
  from.clear();
  to.clear();
  CHECK(pool.in_use() == 0);
}

TEST_CASE("random filling and consuming agrees with a plain buffer") {
  SlabPool pool;
  Chain chain(pool);
  std::vector<std::uint8_t> model;
  std::mt19937 random(7);
  const std::vector<std::uint8_t> source = pattern(40'000);
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t amount = random() % (random() % 8 == 0 ? source.size() : 300);
    switch (random() % 3) {
      case 0:
        chain.append(Bytes(source).first(amount));
        model.insert(model.end(), source.begin(), source.begin() + static_cast<std::ptrdiff_t>(amount));
        break;
      case 1: {
        const std::size_t piece = std::min(amount, Slab::capacity);
        std::memcpy(chain.reserve(piece), source.data(), piece);
        chain.commit(piece);
        model.insert(model.end(), source.begin(), source.begin() + static_cast<std::ptrdiff_t>(piece));
        break;
      }
      default: {
        const std::size_t dropped = std::min(2 * amount, model.size());
        chain.consume(dropped);
        model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(dropped));
      }
    }
    REQUIRE(chain.size() == model.size());
    if (round % 50 == 0) REQUIRE(content(chain) == model);
  }
  chain.clear();
  CHECK(pool.in_use() == 0);
}
