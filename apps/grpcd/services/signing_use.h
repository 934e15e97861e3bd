/// Whether a request has come to use its key: between its call, which may end at any time, and the thread
/// that signs.
///
///   if (!use->begin("SHA256:ab12…")) return;             // the thread: nobody waits any more, do not sign
///   std::optional<std::string> digest = use->close();    // the call's end: of what was signed, if anything
///
/// Whichever comes first decides, so that for what has a digest in the audit the key was used or will be, and
/// for what has none never is. Each is called once.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ringrpc {

class SigningUse {
 public:
  /// The key is about to be used on data with this digest. False after `close`.
  bool begin(std::string digest) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    digest_ = std::move(digest);
    return true;
  }

  /// No use begins from here on. The digest of one that has.
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
