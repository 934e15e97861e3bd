#include "signer/guarded_bytes.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <sodium.h>
#include <string>

#include "ringrpc/log.h"

namespace ringrpc {

namespace {

/// sodium_malloc does not report that it could not lock the memory. Locking it a second time does, and is
/// harmless.
void warn_unless_locked(void* data, std::size_t size) {
  static std::atomic<bool> warned = false;
  if (sodium_mlock(data, size) == 0) return;
  const int error = errno;
  if (!warned.exchange(true))
    log::warn("keys may be swapped out: memory cannot be locked ({}); raise RLIMIT_MEMLOCK (ulimit -l)",
              std::strerror(error));
}

}  // namespace

Result<GuardedBytes> GuardedBytes::make(std::size_t size) {
  if (sodium_init() < 0) return fail(Code::INTERNAL, "libsodium cannot start", Initiator::library);
  GuardedBytes made;
  made.data_ = static_cast<std::uint8_t*>(sodium_malloc(size));
  made.size_ = size;
  if (!made.data_)
    return fail(Code::RESOURCE_EXHAUSTED, "no memory for " + std::to_string(size) + " guarded bytes",
                Initiator::library);
  warn_unless_locked(made.data_, size);
  return made;
}

GuardedBytes::~GuardedBytes() { sodium_free(data_); }

void GuardedBytes::truncate(std::size_t size) noexcept {
  if (size >= size_) return;
  sodium_memzero(data_ + size, size_ - size);
  size_ = size;
}

void GuardedBytes::make_read_only() noexcept { sodium_mprotect_readonly(data_); }

}  // namespace ringrpc
