/// Runs a program as its user does: with arguments, environment, signals, stderr and an exit status.
///
///   ChildProcess grpcd({"--listen", "127.0.0.1:0"});
///   grpcd.read_until(" ready on ");
///   grpcd.signal(SIGTERM);
///   CHECK(grpcd.wait() == 0);
///
/// The variable GRPCD names the program. The program does not get the environment of the tests.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace ringrpc::apps {

struct ChildSettings {
  std::vector<std::string> environment;  ///< "LOG_LEVEL=debug"
  unsigned descriptors = 0;              ///< both limits of RLIMIT_NOFILE; 0 leaves them unchanged
};

class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& arguments, const ChildSettings& settings = {});
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  /// Kills the program if it still runs.
  ~ChildProcess();

  /// Reads stderr until `text` appears, and returns all of it so far. Fails the test at the end of stderr.
  const std::string& read_until(const std::string& text);

  void signal(int number) const;

  /// Waits for the end, reading both outputs. Returns the exit status, or minus the signal that ended the
  /// program.
  int wait();

  /// The output so far; complete after `wait`.
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
