/// `--sandbox` and `--user`: grpcd gives up what it does not need, so that a fault in it harms nothing else.
///
///   Result<Sandbox> sandbox = Sandbox::begin(configuration);   // before the first thread starts
///   ...                                                        // load keys, listen, start threads
///   Result<std::string> locked = sandbox->lock();              // once it listens
///
/// `begin` restricts files and TCP ports, because that holds only for threads that start later. It creates the
/// access log, if there is none, for the user of `--user`. `lock` changes the user and restricts system calls,
/// because listening may need root and more calls. All rings of io_uring and all listening sockets must exist
/// before `lock`.
#pragma once

#include <optional>
#include <string>

#include "ringrpc/status.h"

#include "grpcd/configuration.h"
#include "grpcd/sandbox/system_calls.h"
#include "grpcd/sandbox/user.h"

namespace ringrpc::grpcd {

class Sandbox {
 public:
  /// Logs a warning if the kernel has no Landlock. Errors name the setting: a filter that forbids Landlock, and
  /// FAILED_PRECONDITION for a sandbox of root.
  static Result<Sandbox> begin(const Configuration& configuration);

  /// Returns what is in force, for the log; empty without a sandbox and a user. Errors name the setting.
  Result<std::string> lock() const;

 private:
  Sandbox() = default;

  bool wanted_ = false;
  int landlock_version_ = 0;  // 0 without Landlock
  Sockets sockets_;
  std::optional<User> user_;
  std::string sandbox_origin_;  // of the settings, for errors
  std::string user_origin_;
};

}  // namespace ringrpc::grpcd
