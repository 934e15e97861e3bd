// The file that --report names.
#include "grpcbench/report_file.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "apps/scratch_folder.h"

namespace ringrpc::grpcbench {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream read;
  read << file.rdbuf();
  return read.str();
}

Result<ReportFile> opened(const std::string& path) {
  Result<ReportFile> file = ReportFile::open(path);
  REQUIRE_MESSAGE(file, file.error().message());
  return file;
}

TEST_CASE("a report is written whole") {
  const apps::ScratchFolder folder;
  const std::string path = folder.file("report.html");
  const std::string text(1'000'000, 'x');
  CHECK(opened(path)->write(text).ok());
  CHECK(content(path) == text);
}

TEST_CASE("the report of an earlier run stays until it is replaced, completely") {
  const apps::ScratchFolder folder;
  const std::string path = folder.file("report.html");
  std::ofstream(path) << "a long report of an earlier run";
  opened(path);
  CHECK(content(path) == "a long report of an earlier run");
  CHECK(opened(path)->write("short").ok());
  CHECK(content(path) == "short");
}

TEST_CASE("a run that does not begin leaves no empty report") {
  const apps::ScratchFolder folder;
  const std::string path = folder.file("report.html");
  {
    const Result<ReportFile> file = opened(path);
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a path that cannot be written is an error before the run") {
  const apps::ScratchFolder folder;
  const std::string path = folder.file("no/such/report.html");
  const Result<ReportFile> file = ReportFile::open(path);
  REQUIRE_FALSE(file);
  CHECK(file.error().message() == "--report: " + path + ": No such file or directory");
  const Result<ReportFile> directory = ReportFile::open(folder.file(""));
  REQUIRE_FALSE(directory);
  CHECK(directory.error().message() == "--report: " + folder.file("") + ": Is a directory");
}

TEST_CASE("a pipe without a reader is refused at once, and one with a reader gets the report") {
  const apps::ScratchFolder folder;
  const std::string path = folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const Result<ReportFile> unread = ReportFile::open(path);
  REQUIRE_FALSE(unread);
  CHECK(unread.error().message() ==
        "--report: " + path + ": a pipe without a reader, or a socket; write the path of a file");
  const std::string text(1'000'000, 'x');
  std::string read;
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Result<ReportFile> file = opened(path);
  REQUIRE(::fcntl(reader.get(), F_SETFL, 0) == 0);
  std::jthread slow([&] {
    std::array<char, 65536> part;
    ssize_t got;
    while ((got = ::read(reader.get(), part.data(), part.size())) > 0)
      read.append(part.data(), static_cast<std::size_t>(got));
  });
  CHECK(file->write(text).ok());
  slow.join();
  CHECK(read == text);
}

TEST_CASE("a device gets the report, and a full disk is reported") {
  CHECK(opened("/dev/null")->write("text").ok());
  const Status full = opened("/dev/full")->write("text");
  CHECK(full.message() == "--report: /dev/full: No space left on device");
}

}  // namespace
}  // namespace ringrpc::grpcbench
