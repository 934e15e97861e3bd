/// Where OpenSSL keeps private keys: a heap in guarded memory.
///
///   if (Status status = KeyHeap::prepare(bytes); !status.ok()) …
///   {
///     const KeyHeap::Scope scope;       // what OpenSSL allocates on this thread from here on is guarded
///     key = decode(…);
///   }
///   EVP_PKEY_free(key);                 // wiped, whoever frees it
///
/// OpenSSL's own secure heap (CRYPTO_secure_malloc_init) holds the numbers of a key, but not the copies of
/// an RSA key's primes that it makes for Montgomery's multiplication with the first signature, nor the
/// buffers through which a PEM file passes. So all of its allocations go through here, and those of a thread
/// that is about keys come from guarded memory; the rest are malloc's. Whatever is freed inside is wiped. It
/// is a simple heap for keys that come and stay: blocks of powers of two, 64 KiB at most, and one lock. What
/// is larger than that is no part of a key and comes from malloc.
#pragma once

#include <cstddef>

#include "ringrpc/status.h"

namespace ringrpc {

class KeyHeap {
 public:
  /// Gives OpenSSL its allocator, once for the process, and makes the heap with room for `bytes`; without
  /// effect when it has been made. FAILED_PRECONDITION when OpenSSL has allocated memory before,
  /// RESOURCE_EXHAUSTED when there is none.
  static Status prepare(std::size_t bytes);

  /// While one lives on a thread, the thread's allocations are guarded. After `prepare` only.
  class Scope {
   public:
    Scope() noexcept;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();
  };

  /// Whether `address` lies in the heap.
  static bool owns(const void* address) noexcept;
  /// What is allocated now, in bytes.
  static std::size_t used_bytes() noexcept;
};

}  // namespace ringrpc
