/// The file of --report, opened before the run: that it cannot be written must not be found out after an
/// hour.
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
  /// What stands in the file stays until `write`. UNAVAILABLE says why it cannot be opened. Never waits: a
  /// pipe must have a reader.
  static Result<ReportFile> open(std::string path);

  ReportFile(ReportFile&& other) noexcept;
  ReportFile& operator=(ReportFile&&) = delete;
  /// Removes the file that was made and never written, because the run did not begin.
  ~ReportFile();

  /// Puts `text` in the place of what the file held; call once. UNAVAILABLE says why it is not all there.
  Status write(std::string_view text);

 private:
  ReportFile(std::string path, UniqueFd file, bool made)
      : path_(std::move(path)), file_(std::move(file)), remove_(made) {}

  std::string path_;
  UniqueFd file_;
  bool remove_;
};

}  // namespace ringrpc::grpcbench
