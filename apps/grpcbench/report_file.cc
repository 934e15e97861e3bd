#include "grpcbench/report_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/open_file.h"

namespace ringrpc::grpcbench {
namespace {

constexpr mode_t permissions = 0666;  // reduced by the umask

Status failure(const std::string& path) {
  return Status(Code::UNAVAILABLE, "--report: " + path + ": " + std::strerror(errno));
}

/// The same for a file that could not be opened.
Status unopened(const std::string& path) {
  if (errno != ENXIO) return failure(path);
  return Status(Code::UNAVAILABLE,
                "--report: " + path + ": a pipe without a reader, or a socket; write the path of a file");
}

/// Truncates a regular file; terminals and pipes have no length.
bool empty(int file) {
  struct stat found{};
  return fstat(file, &found) == 0 && (!S_ISREG(found.st_mode) || ftruncate(file, 0) == 0);
}

}  // namespace

Result<ReportFile> ReportFile::open(std::string path) {
  UniqueFd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions));
  if (made) return ReportFile(std::move(path), std::move(made), true);
  UniqueFd found = open_to_write(path);
  if (!found) return std::unexpected(unopened(path));
  return ReportFile(std::move(path), std::move(found), false);
}

ReportFile::ReportFile(ReportFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      remove_(std::exchange(other.remove_, false)) {}

ReportFile::~ReportFile() {
  if (remove_) ::unlink(path_.c_str());
}

Status ReportFile::write(std::string_view text) {
  remove_ = false;
  if (!empty(file_.get())) return failure(path_);
  while (!text.empty()) {
    const ssize_t written = ::write(file_.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure(path_);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  // On a full disk or a network file system, close may be the call that fails.
  if (::close(file_.release()) != 0) return failure(path_);
  return {};
}

}  // namespace ringrpc::grpcbench
