#include "base/line_log.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "small_stderr.h"

namespace ringrpc {
namespace {

using Stamp = StampedLines::Stamp;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "ringrpc-XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string text_of(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

mode_t mode_of(const std::string& path) {
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

std::unique_ptr<LineLog> open(LineLog::Options options) {
  options.what = "access log";
  Result<std::unique_ptr<LineLog>> opened = LineLog::open(std::move(options));
  REQUIRE(opened);
  return std::move(*opened);
}

TEST_CASE("lines are appended to the file, with the time if wanted") {
  const Folder folder;
  const std::string path = folder / "lines";
  open({.path = path})->write("plain");
  open({.path = path, .stamp = Stamp::text})->write("timed");
  open({.path = path, .stamp = Stamp::json})->write(R"("a":1)");
  const std::string text = text_of(path);
  const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  CHECK(std::regex_replace(text, time, "TIME") == "plain\nTIME timed\n{\"time\":\"TIME\",\"a\":1}\n");
}

TEST_CASE("a file that was renamed is continued under its name once it is reopened") {
  const Folder folder;
  const std::string path = folder / "lines";
  const auto lines = open({.path = path});
  lines->write("first");
  lines->flush();
  std::filesystem::rename(path, folder / "old");
  lines->write("second");
  lines->flush();
  REQUIRE(lines->reopen().ok());
  lines->write("third");
  lines->write("fourth");
  lines->flush();
  CHECK(text_of(folder / "old") == "first\nsecond\n");
  CHECK(text_of(path) == "third\nfourth\n");
}

TEST_CASE("a file that cannot be opened again is continued as it is") {
  const Folder folder;
  const std::string path = folder / "lines";
  const auto lines = open({.path = path});
  std::filesystem::rename(path, folder / "old");
  std::filesystem::create_directory(path);
  CHECK(lines->reopen().message().starts_with("access log: " + path + ": "));
  lines->write("first");
  lines->flush();
  CHECK(text_of(folder / "old") == "first\n");
}

TEST_CASE("a private file is of mode 0600, and one that others may read is refused") {
  const Folder folder;
  const std::string path = folder / "keys";
  constexpr auto only_owner = LineLog::Access::only_owner;
  open({.path = path, .access = only_owner})->write("secret");
  CHECK(mode_of(path) == 0600);
  ::chmod(path.c_str(), 0640);
  const auto refused = LineLog::open({.path = path, .what = "keys", .access = only_owner});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "keys: " + path + ": others may read it; want a file of mode 0600");
}

TEST_CASE("a pipe without a reader is an error, not a wait") {
  const Folder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto refused = LineLog::open({.path = path, .what = "access log"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "access log: " + path + ": the pipe has no reader");
}

TEST_CASE("a reader that stalls delays no writer, and the lines lost to it are counted in the log") {
  const Folder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const std::uint64_t lost_before = log_lines_lost();
  SmallStderr log;
  constexpr std::size_t lines_written = 10'000;
  const std::string line(1000, 'x');
  std::size_t read_bytes = 0;
  {
    const auto lines = open({.path = path, .capacity = 64});
    for (std::size_t i = 0; i < lines_written; ++i) lines->write(line);  // the pipe holds 64 KiB
    CHECK(log_lines_lost() - lost_before > lines_written / 2);
    // The reader goes on.
    ::fcntl(reader, F_SETFL, 0);
    std::array<char, 65536> buffer;
    const std::size_t due = (lines_written - (log_lines_lost() - lost_before)) * (line.size() + 1);
    while (read_bytes < due)
      read_bytes += static_cast<std::size_t>(::read(reader, buffer.data(), buffer.size()));
    lines->flush();
  }
  const std::string text = log.text();
  std::size_t told = 0;
  const std::regex account(R"((\d+) [a-z ]+ TIME[^\n]*: (?:it|they) came faster)");
  for (std::sregex_iterator at(text.begin(), text.end(), account), end; at != end; ++at)
    told += std::stoul((*at)[1]);
  CHECK(told == log_lines_lost() - lost_before);
  CHECK(text.starts_with("TIME warning access log " + path + ": "));
  ::close(reader);
}

/// Takes the log.
class KeptWarnings final : public log::Sink {
 public:
  void write(const log::Record& record) override { texts.emplace_back(record.message); }
  std::vector<std::string> texts;  // read after log::flush
};

TEST_CASE("lines that a full disk does not take are counted in the log, and later ones are whole") {
  const Folder folder;
  const std::string path = folder / "lines";
  const auto log = std::make_shared<KeptWarnings>();
  log::set_sink(log);
  SmallStderr disk;
  const auto lines = open({.path = path});
  const auto write = [&](const char* line) {
    lines->write(line);
    lines->flush();
  };
  write("first");
  disk.take(10);  // no file may grow beyond
  write("second");
  disk.take(RLIM_INFINITY);
  write("third");
  log::flush();
  log::set_sink(nullptr);
  CHECK(text_of(path) == "first\nseco [torn]\nthird\n");
  REQUIRE(log->texts.size() == 1);
  CHECK(log->texts[0].starts_with("access log " + path + ": 1 "));
  CHECK(log->texts[0].ends_with(" (File too large)"));
}

}  // namespace
}  // namespace ringrpc
