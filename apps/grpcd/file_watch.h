/// Reloads files that change, without a signal.
///
///   FileWatch watch([&] { return tls->files_changed(); }, [&] { reload("changed files"); });
///
/// A thread checks every `interval`. When a file has changed, the thread waits one more interval before it
/// reloads, because files that belong together are rarely replaced at the same moment.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

namespace ringrpc::grpcd {

class FileWatch {
 public:
  /// Both functions run on the thread, until this object is destroyed.
  FileWatch(std::function<bool()> changed, std::function<void()> reload, std::chrono::milliseconds interval);

 private:
  void watch(const std::stop_token& stop, std::chrono::milliseconds interval) const;

  std::function<bool()> changed_;
  std::function<void()> reload_;
  std::jthread watcher_;  // last: it uses the functions
};

}  // namespace ringrpc::grpcd
