/// Keeps the log of this process during its lifetime, from that level on. Quotas of repeated records begin anew.
/// Other threads may log meanwhile.
///
///   KeptLog log(log::Level::debug);
///   CHECK(log.count("info 127.0.0.1:7: connected again") == 1);
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/log.h"

#include "base/log_quota.h"

namespace ringrpc::test {

class KeptLog {
 public:
  explicit KeptLog(log::Level level) {
    LogQuota::renew_all();
    log::flush();
    log::set_sink(lines_);
    log::set_level(level);
  }
  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;
  ~KeptLog() {
    log::set_level(before_);
    log::flush();
    log::set_sink(nullptr);
  }

  /// "info listening on …", one for each record so far.
  std::vector<std::string> lines() const {
    log::flush();
    return lines_->copy();
  }
  std::size_t count(std::string_view beginning) const {
    const std::vector<std::string> all = lines();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const std::string& line) { return line.starts_with(beginning); }));
  }
  std::string text() const {
    std::string text;
    for (const std::string& line : lines()) text.append(line).append("\n");
    return text;
  }

 private:
  class Lines final : public log::Sink {
   public:
    void write(const log::Record& record) override {
      const std::lock_guard lock(mutex_);
      all_.push_back(std::string(log::name(record.level)).append(" ").append(record.message));
    }
    std::vector<std::string> copy() {
      const std::lock_guard lock(mutex_);
      return all_;
    }

   private:
    std::mutex mutex_;
    std::vector<std::string> all_;
  };

  const log::Level before_ = log::level();
  const std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

}  // namespace ringrpc::test
