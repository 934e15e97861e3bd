#include "child_process.h"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace ringrpc::apps {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> found;
  for (const std::string& text : texts) found.push_back(const_cast<char*>(text.c_str()));
  found.push_back(nullptr);
  return found;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const ChildSettings& settings) {
  const char* program = std::getenv("GRPCD");
  REQUIRE_MESSAGE(program, "GRPCD names the program to test; run this through `meson test`");
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> environment = pointers(settings.environment);

  std::array<int, 2> out{};
  std::array<int, 2> err{};
  REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
  REQUIRE(::pipe2(err.data(), O_CLOEXEC) == 0);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    const rlimit limit{settings.descriptors, settings.descriptors};
    if (settings.descriptors > 0) ::setrlimit(RLIMIT_NOFILE, &limit);
    ::execve(program, argv.data(), environment.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  out_fd_ = out[0];
  err_fd_ = err[0];
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_fd_);
  ::close(err_fd_);
}

bool ChildProcess::read_more(int fd, std::string& to) {
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) to.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

const std::string& ChildProcess::read_until(const std::string& text) {
  while (err_.find(text) == std::string::npos) {
    const bool more = read_more(err_fd_, err_);
    REQUIRE_MESSAGE(more, "it ended without saying \"" << text << "\" but: " << err_);
  }
  return err_;
}

void ChildProcess::signal(int number) const { ::kill(pid_, number); }

int ChildProcess::wait() {
  while (read_more(err_fd_, err_)) continue;
  while (read_more(out_fd_, out_)) continue;
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace ringrpc::apps
