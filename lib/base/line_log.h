/// A file of lines that a thread of its own writes, so that no shard waits for the file.
///
///   Result<std::unique_ptr<LineLog>> file = LineLog::open({.path = "/var/log/calls", .what = "access log"});
///   (*file)->write("GET /");            // any thread, never waits
///   (*file)->reopen();                  // after logrotate has renamed it
///
/// At most `capacity` lines wait. Lines beyond them, and lines that the file does not take, are lost and
/// counted; the log has warnings about them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <sys/types.h>

#include "ringrpc/status.h"

#include "base/log_lines.h"
#include "base/log_writer.h"

namespace ringrpc {

class LineLog {
 public:
  /// The readers of the file. A private file is refused if it exists and others may read or write it.
  enum class Access : std::uint8_t { group, only_owner };

  struct Options {
    std::string path{};  ///< "-" is standard output
    std::string what{};  ///< "access log": in errors and warnings, with the path
    Access access = Access::group;
    StampedLines::Stamp stamp = StampedLines::Stamp::none;
    std::size_t capacity = 8192;
  };

  /// Creates the file or appends to it. The status names the file and the cause.
  static Result<std::unique_ptr<LineLog>> open(Options options);
  /// Writes the lines that wait, unless the file blocks for 2 s.
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  /// `line` without its end. From any thread.
  void write(std::string line) noexcept;

  /// Opens the path again; later lines go there. If that fails, they go to the old file. From any
  /// thread, not from a shard.
  Status reopen();

  /// Waits until all earlier lines have been written, at most 2 s.
  void flush() noexcept { writer_.flush(); }

  /// "access log /var/log/calls".
  std::string title() const { return options_.what + " " + options_.path; }

 private:
  class File;

  LineLog(Options options, std::shared_ptr<File> file);

  const Options options_;
  const std::shared_ptr<File> file_;
  LogWriter writer_;
};

}  // namespace ringrpc
