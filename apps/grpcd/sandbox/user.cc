#include "grpcd/sandbox/user.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <system_error>
#include <unistd.h>

#include "base/unique_fd.h"

namespace ringrpc::grpcd {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         std::ranges::all_of(text, [](char digit) { return digit >= '0' && digit <= '9'; });
}

}  // namespace

Result<User> User::find(const std::string& name) {
  // Call it before the first thread starts: the result of these functions is shared.
  const passwd* const known =
      is_number(name) ? ::getpwuid(static_cast<uid_t>(std::stoul(name))) : ::getpwnam(name.c_str());
  if (known == nullptr)
    return fail(Code::NOT_FOUND, "this system has no user " + name, Initiator::application);
  if (::geteuid() != 0)
    return fail(Code::PERMISSION_DENIED,
                "only root can become " + name + "; start grpcd as that user and leave the setting out",
                Initiator::application);
  return User(known->pw_name, known->pw_uid, known->pw_gid);
}

void User::create_file(const std::string& path) const noexcept {
  const UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0640));
  if (file) (void)::fchown(file.get(), id_, group_);
}

Status User::become() const {
  // The C library does this for all threads.
  if (::initgroups(name_.c_str(), group_) == 0 && ::setgid(group_) == 0 && ::setuid(id_) == 0) return {};
  const std::error_code error(errno, std::generic_category());
  return Status(Code::PERMISSION_DENIED, "cannot become " + name_ + ": " + error.message(),
                Initiator::library);
}

}  // namespace ringrpc::grpcd
