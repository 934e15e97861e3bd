/// The user that grpcd becomes once it listens.
///
///   Result<User> user = User::find("grpcd");
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
