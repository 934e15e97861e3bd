/// A heap in guarded memory, in which OpenSSL keeps private keys.
///
///   if (Status status = KeyHeap::prepare(bytes); !status.ok()) …
///   {
///     const KeyHeap::Scope scope;       // OpenSSL's allocations on this thread are guarded from here on
///     key = decode(…);
///   }
///   EVP_PKEY_free(key);                 // wipes it, on any thread
///
/// OpenSSL's own secure heap (CRYPTO_secure_malloc_init) is not enough. It holds the numbers of a key, but
/// neither the copies of an RSA key's primes that OpenSSL makes for Montgomery multiplication with the
/// first signature, nor the buffers through which a PEM file passes. So all allocations of OpenSSL go
/// through this class. Those of a thread in a Scope come from guarded memory and are wiped when freed; the
/// others come from malloc.
///
/// The heap is simple because keys are few and stay: blocks of powers of two, at most 64 KiB, and one lock.
/// A larger allocation cannot be part of a key and comes from malloc.
#pragma once

#include <cstddef>

#include "ringrpc/status.h"

namespace ringrpc {

class KeyHeap {
 public:
  /// Makes the heap with room for `bytes` and becomes OpenSSL's allocator, once for the process; later
  /// calls have no effect. FAILED_PRECONDITION if OpenSSL has allocated memory before, RESOURCE_EXHAUSTED
  /// if there is no memory.
  static Status prepare(std::size_t bytes);

  /// While a Scope exists on a thread, OpenSSL's allocations on that thread are guarded. Only after
  /// `prepare`.
  class Scope {
   public:
    Scope() noexcept;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();
  };

  /// True if `address` is in the heap.
  static bool owns(const void* address) noexcept;
  /// The size of all present allocations, in bytes.
  static std::size_t used_bytes() noexcept;
};

}  // namespace ringrpc
