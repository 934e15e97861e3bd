#include "http2/memory_pool.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <random>
#include <vector>

using namespace ringrpc::http2;

TEST_CASE("Blocks of all sizes are apart, aligned and recycled") {
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
      static constexpr std::size_t sizes[] = {0,    1,      24,     25,     152,    504,    505,
                                              4089, 10'000, 16'383, 16'394, 16'440, 16'441, 90'000};
      const std::size_t bytes = i % 2 == 0 ? sizes[i / 2 % 14] : random() % 5000;
      auto* const memory = static_cast<std::uint8_t*>(pool.allocate(bytes));
      REQUIRE(memory != nullptr);
      CHECK(reinterpret_cast<std::uintptr_t>(memory) % 8 == 0);
      const auto mark = static_cast<std::uint8_t>(random());
      std::memset(memory, mark, bytes);
      blocks.push_back({memory, bytes, mark});
    }
    for (const Block& block : blocks) {
      CHECK(std::all_of(block.memory, block.memory + block.bytes,
                        [&](std::uint8_t octet) { return octet == block.mark; }));
      pool.deallocate(block.memory);
    }
    blocks.clear();
    if (round == 20) mapped = pool.mapped_bytes();
  }
  CHECK(pool.mapped_bytes() - mapped < 1024 * 1024);  // much less than twenty rounds took
}

TEST_CASE("Blocks of ever other sizes do not pile up what each size once took") {
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

TEST_CASE("A block keeps its content when it is resized") {
  MemoryPool pool;
  void* memory = nullptr;
  std::size_t filled = 0;
  for (const std::size_t bytes : {10, 20, 100, 5000, 16'400, 17'000, 60'000, 70'000}) {
    memory = pool.resize(memory, bytes);
    REQUIRE(memory != nullptr);
    auto* const octets = static_cast<std::uint8_t*>(memory);
    bool kept = true;
    for (std::size_t i = 0; i < filled; ++i) kept = kept && octets[i] == static_cast<std::uint8_t>(i * 7);
    CHECK(kept);
    for (; filled < bytes; ++filled) octets[filled] = static_cast<std::uint8_t>(filled * 7);
  }
  pool.deallocate(memory);
  pool.deallocate(nullptr);
}
