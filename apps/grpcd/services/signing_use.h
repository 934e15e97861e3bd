/// Decides between a call that ends at any time and the thread that signs for it whether the key is used.
///
///   if (!use->begin("SHA256:ab12…")) return;             // on the thread: the call has ended, do not sign
///   std::optional<std::string> digest = use->close();    // at the call's end: the digest, if a key was used
///
/// The first of the two calls decides. So a record has a digest if and only if the key was used or will be.
/// Call each once.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ringrpc {

class SigningUse {
 public:
  /// Announces that the key is about to be used on data with this digest. False after `close`.
  bool begin(std::string digest) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    digest_ = std::move(digest);
    return true;
  }

  /// Prevents any later use. Returns the digest if a use has begun.
  std::optional<std::string> close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return std::move(digest_);
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::optional<std::string> digest_;
};

}  // namespace ringrpc
