/// What files say, which is read again when they have changed, while others use it.
///
///   ReloadedFiles<Certificates> files({"/etc/tls/tls.crt", "/etc/tls/tls.key"});
///   files.put(first);
///   if (files.changed())
///     if (Result<Reload> read = files.read_again(read_certificates)) (*read)();
///
/// All functions may be called from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/status.h"

#include "base/reload.h"

namespace ringrpc {

/// Tells two states of a file apart: by its inode, size and times of change.
using FileStamp = std::array<std::int64_t, 6>;
/// Of files that are not there, and of those without a path, all zero.
std::vector<FileStamp> stamps_of(const std::vector<std::string>& paths);

template <class Content>
class ReloadedFiles {
 public:
  explicit ReloadedFiles(std::vector<std::string> paths)
      : paths_(std::move(paths)), judged_(stamps_of(paths_)) {}

  /// What was put to use last.
  std::shared_ptr<const Content> get() const {
    const std::lock_guard lock(mutex_);
    return content_;
  }
  /// True if the files differ from those that were put to use or refused last.
  bool changed() const {
    const std::vector<FileStamp> stamps = stamps_of(paths_);
    const std::lock_guard lock(mutex_);
    return stamps != judged_;
  }
  /// Differs after each `put`.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  void put(std::shared_ptr<const Content> content) {
    const std::lock_guard lock(mutex_);
    content_ = std::move(content);
    version_.fetch_add(1, std::memory_order_release);
  }
  /// Reads the files by `read`, which gives a Result<std::shared_ptr<const Content>>. They count as changed until the
  /// result is called, or the failure has been given: a result that is dropped leaves them to the next reload.
  template <class Read>
  Result<Reload> read_again(const Read& read) {
    // Taken before the files are read, so that a change in between counts as a change.
    std::vector<FileStamp> stamps = stamps_of(paths_);
    Result<std::shared_ptr<const Content>> content = read();
    if (!content) {
      judge(std::move(stamps));
      return std::unexpected(std::move(content).error());
    }
    return [this, stamps = std::move(stamps), content = std::move(*content)]() mutable {
      judge(std::move(stamps));
      put(std::move(content));
    };
  }

 private:
  void judge(std::vector<FileStamp> stamps) {
    const std::lock_guard lock(mutex_);
    judged_ = std::move(stamps);
  }

  const std::vector<std::string> paths_;
  std::atomic<std::uint64_t> version_ = 0;
  mutable std::mutex mutex_;  // guards the members below
  std::vector<FileStamp> judged_;
  std::shared_ptr<const Content> content_;
};

}  // namespace ringrpc
