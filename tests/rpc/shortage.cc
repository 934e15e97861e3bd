#include "rpc/shortage.h"

#include <cerrno>
#include <cstdlib>
#include <new>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <utility>

#include "testing/simulated_kernel.h"

namespace ringrpc::test {
namespace {

constinit thread_local Shortage* present = nullptr;

bool fails() noexcept { return present && present->strikes(); }

}  // namespace

Shortage::Shortage(std::uint64_t first, std::uint64_t count, std::function<bool()> concerned)
    : left_(first), count_(count), concerned_(std::move(concerned)) {
  present = this;
}

void Shortage::end() noexcept { present = nullptr; }

bool Shortage::strikes() noexcept {
  if (SimulatedKernel::at_work() || !concerned_()) return false;
  if (left_ > 0) {
    --left_;
    return false;
  }
  if (failed_ == count_) return false;
  ++failed_;
  return true;
}

void let_openssl_run_out() {
  CRYPTO_set_mem_functions(
      [](std::size_t bytes, const char*, int) { return fails() ? nullptr : std::malloc(bytes); },
      [](void* memory, std::size_t bytes, const char*, int) {
        return fails() ? nullptr : std::realloc(memory, bytes);
      },
      [](void* memory, const char*, int) { std::free(memory); });
}

}  // namespace ringrpc::test

// The linker's --wrap makes the library call these instead of the system's functions.
extern "C" {
void* __real_malloc(std::size_t bytes);
void* __real_realloc(void* memory, std::size_t bytes);
void* __real_mmap(void* at, std::size_t bytes, int protection, int flags, int descriptor, off_t offset);

void* __wrap_malloc(std::size_t bytes) { return ringrpc::test::fails() ? nullptr : __real_malloc(bytes); }
void* __wrap_realloc(void* memory, std::size_t bytes) {
  return ringrpc::test::fails() ? nullptr : __real_realloc(memory, bytes);
}
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  if (!ringrpc::test::fails()) return __real_mmap(at, bytes, protection, flags, descriptor, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
}

void* operator new(std::size_t bytes) {
  void* const memory = ringrpc::test::fails() ? nullptr : __real_malloc(bytes);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
