#include <cerrno>
#include <unistd.h>

#include "ringrpc/tls.h"

#include "base/internals.h"
#include "base/open_file.h"
#include "transport/tls_context.h"

namespace ringrpc {
namespace {

constexpr std::size_t pem_bytes_max = 1024 * 1024;

}  // namespace

Result<std::string> Pem::read() const { return read_pem(*this, about(*this)); }

Result<std::string> read_pem(const Pem& pem, const std::string& about) {
  if (pem.path().empty()) return detail::Internals::text(pem);
  const UniqueFd file = open_to_read(pem.path());
  if (!file) return std::unexpected(from_errno(about + "open " + pem.path(), errno));
  std::string text;
  int error = 0;
  // Allocate the maximum at once: growing the text would leave copies of a private key behind. Only the bytes
  // that are read take memory.
  text.resize_and_overwrite(pem_bytes_max + 1, [&](char* to, std::size_t room) {
    std::size_t size = 0;
    while (size < room) {
      const ssize_t count = ::read(file.get(), to + size, room - size);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) error = errno;
      if (count <= 0) break;
      size += static_cast<std::size_t>(count);
    }
    return size;
  });
  if (error != 0) return std::unexpected(from_errno(about + "read " + pem.path(), error));
  if (text.size() > pem_bytes_max)
    return fail(Code::INVALID_ARGUMENT, about + pem.path() + ": more than 1 MiB; is it the right file?");
  return text;
}

}  // namespace ringrpc
