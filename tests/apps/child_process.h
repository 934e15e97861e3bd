/// A program under test as its user meets it: arguments, environment, signals, stderr and an exit status.
///
///   ChildProcess grpcd({"--listen", "127.0.0.1:0"});
///   grpcd.read_until(" ready on ");
///   grpcd.signal(SIGTERM);
///   CHECK(grpcd.wait() == 0);
///
/// The program is the one that the variable GRPCD names; the tests' own environment is not passed on.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace ringrpc::apps {

struct ChildSettings {
  std::vector<std::string> environment;  ///< "LOG_LEVEL=debug"
  unsigned descriptors = 0;              ///< both limits of RLIMIT_NOFILE; 0 leaves them
};

class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& arguments, const ChildSettings& settings = {});
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  /// Kills it if it still runs.
  ~ChildProcess();

  /// Reads stderr until `text` has come, and gives all of it so far; fails the test at its end.
  const std::string& read_until(const std::string& text);

  void signal(int number) const;

  /// Waits for the end; its exit status, or minus the signal that ended it. Reads both outputs to their end.
  int wait();

  /// What it printed, all of it after `wait`.
  const std::string& out() const noexcept { return out_; }
  const std::string& err() const noexcept { return err_; }

 private:
  bool read_more(int fd, std::string& to);

  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::string out_;
  std::string err_;
};

}  // namespace ringrpc::apps
