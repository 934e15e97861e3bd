/// The user that grpcd becomes once it listens.
///
///   Result<User> user = User::find("grpcd");
///   user->create_file("/var/log/grpcd/access.log");
///   Status status = user->become();
#pragma once

#include <string>
#include <sys/types.h>

#include "ringrpc/status.h"

namespace ringrpc::grpcd {

class User {
 public:
  /// A user of this system, by name or number. Errors: NOT_FOUND for an unknown user, PERMISSION_DENIED unless
  /// this process is root.
  static Result<User> find(const std::string& name);

  const std::string& name() const noexcept { return name_; }
  bool is_root() const noexcept { return id_ == 0; }

  /// Creates a file that this user owns, with mode 0640, so that the user can open it again. A file that exists keeps
  /// its owner. If it cannot be created, the one who opens it next learns why.
  void create_file(const std::string& path) const noexcept;

  /// Makes every thread of the process this user, with the user's groups and without capabilities.
  /// Errors: the system's own.
  Status become() const;

 private:
  User(std::string name, uid_t id, gid_t group) : name_(std::move(name)), id_(id), group_(group) {}

  std::string name_;
  uid_t id_;
  gid_t group_;
};

}  // namespace ringrpc::grpcd
