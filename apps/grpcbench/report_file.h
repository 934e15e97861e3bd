/// The file of --report. It is opened before the run, so that an hour's results are not lost to a wrong path.
///
///   Result<ReportFile> file = ReportFile::open("report.html");
///   if (!file) return refuse(file.error());
///   ... the run ...
///   Status status = file->write(html_report(results));
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/status.h"

#include "base/unique_fd.h"

namespace ringrpc::grpcbench {

class ReportFile {
 public:
  /// The file keeps its content until `write`. UNAVAILABLE says why it cannot be opened. Never blocks: a pipe
  /// without a reader is an error.
  static Result<ReportFile> open(std::string path);

  ReportFile(ReportFile&& other) noexcept;
  ReportFile& operator=(ReportFile&&) = delete;
  /// Removes the file if `open` created it and `write` was never called.
  ~ReportFile();

  /// Replaces the file's content by `text`. Call it once. UNAVAILABLE says why the text is incomplete.
  Status write(std::string_view text);

 private:
  ReportFile(std::string path, UniqueFd file, bool made)
      : path_(std::move(path)), file_(std::move(file)), remove_(made) {}

  std::string path_;
  UniqueFd file_;
  bool remove_;
};

}  // namespace ringrpc::grpcbench
