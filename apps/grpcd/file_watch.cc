#include "grpcd/file_watch.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace ringrpc::grpcd {

FileWatch::FileWatch(std::function<bool()> changed, std::function<void()> reload,
                     std::chrono::milliseconds interval)
    : changed_(std::move(changed)),
      reload_(std::move(reload)),
      watcher_([this, interval](const std::stop_token& stop) { watch(stop, interval); }) {}

void FileWatch::watch(const std::stop_token& stop, std::chrono::milliseconds interval) const {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  bool noticed = false;
  while (!stop.stop_requested()) {
    stopped.wait_for(lock, stop, interval, [] { return false; });
    if (!changed_()) {
      noticed = false;
    } else if (std::exchange(noticed, true)) {
      reload_();
      noticed = false;
    }
  }
}

}  // namespace ringrpc::grpcd
