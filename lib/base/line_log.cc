#include "base/line_log.h"

#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/log_file.h"
#include "base/unique_fd.h"

namespace ringrpc {

namespace {

/// Opening never waits, not even for the reader of a pipe.
Result<UniqueFd> open_file(const LineLog::Options& options) {
  const bool is_private = options.access == LineLog::Access::only_owner;
  const auto failed = [&](std::string_view why) {
    return fail(Code::FAILED_PRECONDITION, options.what + ": " + options.path + ": " + std::string(why));
  };
  const bool standard = options.path == "-";
  UniqueFd file(standard ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                         : ::open(options.path.c_str(),
                                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                                  is_private ? 0600 : 0640));
  if (!file && errno == ENXIO) return failed("the pipe has no reader");
  if (!file) return std::unexpected(from_errno(options.what + ": " + options.path, errno));
  struct stat found{};
  if (is_private && ::fstat(file.get(), &found) == 0 &&
      (!S_ISREG(found.st_mode) || (found.st_mode & 077) != 0))
    return failed("others may read it; want a file of mode 0600");
  return file;
}

}  // namespace

/// The descriptor, which `reopen` replaces while the thread writes to it.
class LineLog::File final : public LogSink {
 public:
  File(UniqueFd descriptor, const Options& options)
      : descriptor_(std::move(descriptor)),
        lines_(descriptor_.get(), std::make_unique<StampedLines>(options.stamp),
               options.what + " " + options.path) {}

  void replace(UniqueFd next) {
    const std::lock_guard lock(mutex_);
    next_ = std::move(next);
  }

 private:
  void take(LogRecord record) override {
    change_file();
    lines_.take(std::move(record));
  }
  void take_loss(const LogLoss& loss, std::string_view cause) override { lines_.take_loss(loss, cause); }
  std::errc flush() override { return lines_.flush(); }

  void change_file() {
    const std::lock_guard lock(mutex_);
    if (!next_) return;
    (void)lines_.flush();  // it counts the lines that it cannot write
    descriptor_ = std::exchange(next_, UniqueFd());
    lines_.continue_on(descriptor_.get());
  }

  std::mutex mutex_;
  UniqueFd next_;  // guarded by the mutex
  UniqueFd descriptor_;
  LogFile lines_;
};

Result<std::unique_ptr<LineLog>> LineLog::open(Options options) {
  Result<UniqueFd> descriptor = open_file(options);
  if (!descriptor) return std::unexpected(std::move(descriptor).error());
  auto file = std::make_shared<File>(std::move(*descriptor), options);
  return std::unique_ptr<LineLog>(new LineLog(std::move(options), std::move(file)));
}

LineLog::LineLog(Options options, std::shared_ptr<File> file)
    : options_(std::move(options)), file_(std::move(file)), writer_(file_, options_.capacity) {}

LineLog::~LineLog() = default;

void LineLog::write(std::string line) noexcept { writer_.submit(log::Level::info, std::move(line)); }

Status LineLog::reopen() {
  Result<UniqueFd> descriptor = open_file(options_);
  if (!descriptor) return std::move(descriptor).error();
  file_->replace(std::move(*descriptor));
  return {};
}

}  // namespace ringrpc
