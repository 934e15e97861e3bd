#include "signer/key_heap.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <openssl/crypto.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "keys.h"
#include "listener.h"
#include "signer/guarded_thread.h"

namespace ringrpc {
namespace {

/// OpenSSL's memory can be guarded only before its first use, and any test may be the first.
class GuardedFromTheStart : public test::Listener {
 public:
  using Listener::Listener;

  void test_run_start() override {
    if (!make_keys({}, {})) throw std::logic_error("OpenSSL was used before the tests");
  }
};

REGISTER_LISTENER("guarded-from-the-start", 1, GuardedFromTheStart);

bool all_zero(const void* data, std::size_t bytes) {
  const auto* begin = static_cast<const unsigned char*>(data);
  return std::all_of(begin, begin + bytes, [](unsigned char byte) { return byte == 0; });
}

TEST_CASE("OpenSSL's allocations in a scope are guarded, and no others") {
  void* outside = OPENSSL_malloc(100);
  void* inside = nullptr;
  {
    const KeyHeap::Scope scope;
    inside = OPENSSL_malloc(100);
  }
  void* after = OPENSSL_malloc(100);
  CHECK_FALSE(KeyHeap::owns(outside));
  CHECK(KeyHeap::owns(inside));
  CHECK_FALSE(KeyHeap::owns(after));
  OPENSSL_free(outside);
  OPENSSL_free(inside);
  OPENSSL_free(after);
}

TEST_CASE("guarded memory is wiped even when it is freed outside a scope") {
  void* secret = nullptr;
  {
    const KeyHeap::Scope scope;
    secret = OPENSSL_malloc(64);
  }
  std::memset(secret, 0x5a, 64);
  const std::size_t used_bytes = KeyHeap::used_bytes();
  OPENSSL_free(secret);
  CHECK(all_zero(secret, 64));  // freed, but still the heap's memory
  CHECK(KeyHeap::used_bytes() == used_bytes - 64);
}

TEST_CASE("memory that grows keeps its content and stays guarded, and the smaller block is wiped") {
  void* small = nullptr;
  {
    const KeyHeap::Scope scope;
    small = OPENSSL_malloc(64);
  }
  std::memset(small, 0x5a, 64);
  auto* const large = static_cast<unsigned char*>(OPENSSL_realloc(small, 5000));
  CHECK(KeyHeap::owns(large));
  CHECK(std::all_of(large, large + 64, [](unsigned char byte) { return byte == 0x5a; }));
  CHECK(all_zero(small, 64));
  OPENSSL_free(large);

  auto* const plain = static_cast<unsigned char*>(OPENSSL_malloc(64));
  std::memset(plain, 0x5a, 64);
  const KeyHeap::Scope scope;
  auto* const guarded = static_cast<unsigned char*>(OPENSSL_realloc(plain, 128));
  CHECK(KeyHeap::owns(guarded));
  CHECK(std::all_of(guarded, guarded + 64, [](unsigned char byte) { return byte == 0x5a; }));
  OPENSSL_free(guarded);
}

TEST_CASE("memory too large for a key is not guarded, and does not become so") {
  const KeyHeap::Scope scope;
  void* large = OPENSSL_malloc(65'537);
  CHECK_FALSE(KeyHeap::owns(large));
  OPENSSL_free(large);
  void* small = OPENSSL_malloc(65'536);
  CHECK(KeyHeap::owns(small));
  CHECK(OPENSSL_realloc(small, 65'537) == nullptr);
  OPENSSL_free(small);
}

TEST_CASE("allocation fails while the heap is full, and succeeds when there is room again") {
  const pid_t child = ::fork();  // so that this process's heap stays usable
  if (child == 0) {
    const KeyHeap::Scope scope;
    std::vector<void*> blocks;
    while (void* const block = OPENSSL_malloc(65'536)) blocks.push_back(block);
    const bool full = blocks.size() > 4 && OPENSSL_malloc(65'536) == nullptr;
    if (full) OPENSSL_free(blocks.back());
    ::_exit(full && KeyHeap::owns(OPENSSL_malloc(40'000)) ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("destroyed keys leave nothing in the heap") {
  new_keys({"rsa2048", "p256", "p384", "ed25519"});  // OpenSSL also allocates memory that it keeps forever
  const std::size_t used_bytes = KeyHeap::used_bytes();
  constexpr std::size_t rounds = 8;
  for (std::size_t round = 0; round < rounds; ++round) {
    const KeyRegistry keys = new_keys({"rsa2048", "p256", "p384", "ed25519"});
    CHECK(KeyHeap::used_bytes() > used_bytes);
  }
  // OpenSSL sometimes allocates another small object. If each round left even the smallest number of a
  // key, the sum would exceed that.
  constexpr std::size_t smallest_bytes = 32;
  CHECK(KeyHeap::used_bytes() < used_bytes + rounds * smallest_bytes);
}

TEST_CASE("a guarded thread does its work and can be waited for") {
  bool guarded = false;
  Result<GuardedThread> thread = GuardedThread::start([&] {
    void* block = OPENSSL_malloc(10);
    guarded = KeyHeap::owns(block);
    OPENSSL_free(block);
  });
  REQUIRE(thread);
  thread->join();
  CHECK(guarded);
}

}  // namespace
}  // namespace ringrpc
