#include "http2/memory_pool.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <iterator>
#include <random>
#include <vector>

using namespace ringrpc::http2;

namespace {

#ifdef RINGRPC_SANITIZED
constexpr bool recycles = false;
#else
constexpr bool recycles = true;
#endif

}  // namespace

TEST_CASE("blocks of all sizes are apart, aligned and recycled") {
  MemoryPool pool;
  std::mt19937 random(1);
  struct Block {
    std::uint8_t* memory;
    std::size_t bytes;
    std::uint8_t mark;
  };
  std::vector<Block> blocks;
  std::size_t mapped = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 100; ++i) {
      static constexpr std::size_t sizes[] = {0,    1,    24,     25,     152,    504,    505,    1024,
                                              1025, 4089, 10'000, 16'383, 16'394, 16'440, 16'441, 90'000};
      const std::size_t bytes = i % 2 == 0 ? sizes[i / 2 % std::size(sizes)] : random() % 5000;
      auto* const memory = static_cast<std::uint8_t*>(pool.allocate(bytes));
      REQUIRE(memory != nullptr);
      CHECK(reinterpret_cast<std::uintptr_t>(memory) % 8 == 0);
      const auto mark = static_cast<std::uint8_t>(random());
      std::memset(memory, mark, bytes);
      blocks.push_back({memory, bytes, mark});
    }
    for (const Block& block : blocks) {
      CHECK(std::all_of(block.memory, block.memory + block.bytes,
                        [&](std::uint8_t byte) { return byte == block.mark; }));
      pool.deallocate(block.memory);
    }
    blocks.clear();
    if (round == 20) mapped = pool.mapped_bytes();
  }
  CHECK(pool.mapped_bytes() - mapped < 1024 * 1024);  // much less than twenty rounds took in total
}

TEST_CASE("blocks of many sizes do not accumulate the peak of each size") {
  constexpr std::size_t mebibyte = 1024 * 1024;
  MemoryPool pool;
  std::vector<void*> blocks;
  for (std::size_t bytes = 24; bytes <= 16 * 1024; bytes += 32) {  // the sizes that a peer's headers may have
    for (std::size_t taken = 0; taken < mebibyte; taken += bytes) blocks.push_back(pool.allocate(bytes));
    for (void* const block : blocks) pool.deallocate(block);
    blocks.clear();
  }
  CHECK(pool.mapped_bytes() < 24 * mebibyte);
}

TEST_CASE("a session's HPACK tables lie in the page in which its frame buffer begins" *
          doctest::skip(!recycles)) {
  MemoryPool pool;
  const auto page_of = [](const void* memory) { return reinterpret_cast<std::uintptr_t>(memory) / 4096; };
  for (int session = 0; session < 30; ++session) {
    const std::uintptr_t page = page_of(pool.allocate(16'394));
    CHECK(page_of(pool.allocate(1024)) == page);
    CHECK(page_of(pool.allocate(1024)) == page);
    for (int small = 0; small < 10; ++small) CHECK(page_of(pool.allocate(100)) == page);
  }
}

TEST_CASE("a block keeps its content when it is resized") {
  MemoryPool pool;
  void* memory = nullptr;
  std::size_t filled = 0;
  for (const std::size_t bytes : {10, 20, 100, 5000, 16'400, 17'000, 60'000, 70'000}) {
    memory = pool.resize(memory, bytes);
    REQUIRE(memory != nullptr);
    auto* const content = static_cast<std::uint8_t*>(memory);
    bool kept = true;
    for (std::size_t i = 0; i < filled; ++i) kept = kept && content[i] == static_cast<std::uint8_t>(i * 7);
    CHECK(kept);
    for (; filled < bytes; ++filled) content[filled] = static_cast<std::uint8_t>(filled * 7);
  }
  pool.deallocate(memory);
  pool.deallocate(nullptr);
}

namespace {

/// The blocks of many connections with many streams: small blocks of several sizes, and frame buffers.
std::vector<std::uint8_t*> take_crowd(MemoryPool& pool) {
  std::vector<std::uint8_t*> blocks;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t bytes = i % 100 == 0 ? 16'394 : 20 + static_cast<std::size_t>(i) % 7 * 60;
    blocks.push_back(static_cast<std::uint8_t*>(pool.allocate(bytes)));
    std::memset(blocks.back(), i % 251, 20);
  }
  return blocks;
}

}  // namespace

TEST_CASE("memory of many closed connections is given back in steps, between which the pool is used") {
  MemoryPool pool;
  for (int times = 0; times < 3; ++times) {
    std::vector<std::uint8_t*> blocks = take_crowd(pool);
    const std::size_t most = pool.mapped_bytes();
    if (recycles) CHECK(most > 4'000'000);
    for (std::uint8_t* block : blocks) pool.deallocate(block);
    CHECK(pool.mapped_bytes() == most);
    std::vector<void*> meanwhile;
    int steps = 1;
    for (; !pool.give_back(1000); ++steps) {
      meanwhile.push_back(pool.allocate(100));
      meanwhile.push_back(pool.allocate(16'394));
    }
    if (recycles) CHECK(steps >= 20);
    for (void* block : meanwhile) pool.deallocate(block);
    while (!pool.give_back(1000)) {
    }
    CHECK(pool.mapped_bytes() < 1'500'000);  // the regions from which more can be carved
  }
}

TEST_CASE("blocks in use stay in place while memory around them is given back") {
  MemoryPool pool;
  std::vector<std::uint8_t*> blocks = take_crowd(pool);
  const std::size_t most = pool.mapped_bytes();
  std::mt19937 random(1);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i < 5000 && random() % 50 == 0) {
      kept.push_back(i);
    } else {
      pool.deallocate(blocks[i]);
    }
  }
  std::size_t at = 0;
  // Also blocks that are freed while that is in progress.
  while (!pool.give_back(700)) pool.deallocate(blocks[kept[at++]]);
  CHECK(at < kept.size());
  const auto all_kept = [&] {
    return std::all_of(kept.begin() + static_cast<std::ptrdiff_t>(at), kept.end(), [&](std::size_t i) {
      return std::all_of(blocks[i], blocks[i] + 20, [&](std::uint8_t byte) { return byte == i % 251; });
    });
  };
  CHECK(all_kept());
  if (recycles) CHECK(pool.mapped_bytes() < most / 2);
  for (std::uint8_t* block : take_crowd(pool))
    pool.deallocate(block);  // only the blocks that were free still are
  CHECK(all_kept());
  for (; at < kept.size(); ++at) pool.deallocate(blocks[kept[at]]);
}

TEST_CASE("blocks carved before, during and after giving back count in their own region") {
  MemoryPool pool;
  std::mt19937 random(1);
  std::vector<std::uint8_t*> in_use;
  const auto carve_some = [&] {
    for (int i = 0; i < 60; ++i)
      in_use.push_back(static_cast<std::uint8_t*>(pool.allocate(i % 2 == 0 ? 16'394 : 20 + random() % 480)));
  };
  for (int times = 0; times < 20; ++times) {
    for (std::uint8_t* block : take_crowd(pool)) pool.deallocate(block);
    carve_some();
    while (!pool.give_back(500)) carve_some();
    carve_some();
    std::ranges::shuffle(in_use, random);
    while (in_use.size() > 100) {
      pool.deallocate(in_use.back());
      in_use.pop_back();
    }
  }
  for (std::uint8_t* block : in_use) pool.deallocate(block);
  while (!pool.give_back(1000)) {
  }
  CHECK(pool.mapped_bytes() < 1'500'000);  // the regions from which more can be carved
}

TEST_CASE("the reserve gives all its memory, and again once everything was returned") {
  MemoryPool pool;
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    while (void* const memory = pool.allocate_from_reserve(10'000)) {
      std::memset(memory, round, 10'000);
      blocks.push_back(memory);
    }
    CHECK(blocks.size() == MemoryReserve::total_bytes / (10'000 + 16));
    CHECK(pool.resize(blocks.front(), 9'000) == blocks.front());
    auto* const larger = static_cast<std::uint8_t*>(pool.resize(blocks.front(), 20'000));
    REQUIRE(larger != nullptr);
    CHECK(std::all_of(larger, larger + 10'000, [&](std::uint8_t byte) { return byte == round; }));
    blocks.front() = larger;
    for (void* const memory : blocks) pool.deallocate(memory);
  }
}

TEST_CASE("a block that no longer fits moves into the reserve") {
  MemoryPool pool;
  auto* const memory = static_cast<std::uint8_t*>(pool.allocate(100));
  std::memset(memory, 7, 100);
  auto* const moved = static_cast<std::uint8_t*>(pool.resize_into_reserve(memory, 5'000));
  REQUIRE(moved != nullptr);
  CHECK(std::all_of(moved, moved + 100, [](std::uint8_t byte) { return byte == 7; }));
  pool.deallocate(moved);
}
