/// Simulates a system that runs out of memory, for executables that link shortage.cc: chosen allocations of
/// this thread fail, in operator new, malloc, mmap and OpenSSL.
///
///   test::Shortage shortage(7, 1, [] { return Shard::current() == &shard; });   // where that holds, the 8th
///   ...
///   if (shortage.begun()) ...                                     // there were so many
///
/// One at a time, on one thread. Allocations of other threads, and of the simulated kernel, do not count.
#pragma once

#include <cstdint>
#include <functional>

namespace ringrpc::test {

class Shortage {
 public:
  /// Of the allocations for which `concerned` holds, `first` succeed, then `count` fail. `concerned` must not
  /// allocate.
  Shortage(std::uint64_t first, std::uint64_t count, std::function<bool()> concerned);
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;
  ~Shortage() { end(); }

  /// Allocations succeed again.
  void end() noexcept;

  /// True if an allocation has failed.
  bool begun() const noexcept { return failed_ > 0; }

  /// True if the next allocation must fail. For the allocator.
  bool strikes() noexcept;

 private:
  std::uint64_t left_;
  std::uint64_t count_;
  std::uint64_t failed_ = 0;
  std::function<bool()> concerned_;
};

/// Makes OpenSSL use this allocator. Call it before OpenSSL's first use.
void let_openssl_run_out();

}  // namespace ringrpc::test
