#include "reactor/posix_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ringrpc {

namespace {

const sockaddr* generic(const SocketAddress& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

bool is_ip(int family) noexcept { return family == AF_INET || family == AF_INET6; }

void enable(int fd, int level, int option) noexcept {
  const int on = 1;
  // Every socket concerned has these options. Without one the socket still works, but slower.
  (void)::setsockopt(fd, level, option, &on, sizeof on);
}

/// A vsock socket's buffer cannot exceed its maximum, which is initially the default size.
void enlarge_vsock_buffer(int fd) noexcept {
  const std::uint64_t bytes = 8 * 1024 * 1024;
  (void)::setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &bytes, sizeof bytes);
  (void)::setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &bytes, sizeof bytes);
}

void set_options(int fd, int family) noexcept {
  if (is_ip(family)) {
    enable(fd, IPPROTO_TCP, TCP_NODELAY);
    enable(fd, SOL_SOCKET, SO_KEEPALIVE);
  } else if (family == AF_VSOCK) {
    enlarge_vsock_buffer(fd);
  }
}

UniqueFd open_socket(const SocketAddress& address) noexcept {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd) set_options(fd.get(), address.family());
  return fd;
}

/// The path of a unix socket in the file system; empty for any other address, including an abstract one.
std::string socket_path(const SocketAddress& address) {
  constexpr std::size_t begin = offsetof(sockaddr_un, sun_path);
  if (address.family() != AF_UNIX || address.length <= begin) return {};
  const auto* local = reinterpret_cast<const sockaddr_un*>(&address.storage);
  return std::string(local->sun_path, ::strnlen(local->sun_path, address.length - begin));
}

/// Removes the file of a socket without a listener. False if there is none to remove.
bool remove_stale_socket(const SocketAddress& address) {
  const std::string path = socket_path(address);
  struct stat file{};
  if (path.empty() || ::lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const UniqueFd probe = open_socket(address);
  if (!probe || ::connect(probe.get(), generic(address), address.length) == 0 || errno != ECONNREFUSED)
    return false;
  return ::unlink(path.c_str()) == 0;
}

/// Binds `fd`; replaces a unix socket without a listener. Returns an errno value, or 0.
int bind(int fd, const SocketAddress& address) {
  if (::bind(fd, generic(address), address.length) == 0) return 0;
  if (errno != EADDRINUSE) return errno;
  if (remove_stale_socket(address) && ::bind(fd, generic(address), address.length) == 0) return 0;
  return EADDRINUSE;
}

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat file{};
  if (path_.empty()) return;
  if (::lstat(path_.c_str(), &file) != 0) {
    path_.clear();
    return;
  }
  device_ = file.st_dev;
  inode_ = file.st_ino;
}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

void SocketFile::remove() noexcept {
  struct stat file{};
  if (path_.empty() || ::lstat(path_.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) ::unlink(path_.c_str());
}

Result<ListeningSocket> open_listener(const SocketAddress& address, int backlog) {
  ListeningSocket made;
  made.fd = open_socket(address);
  if (!made.fd) return std::unexpected(from_errno("socket", errno));
  const int fd = made.fd.get();
  if (is_ip(address.family())) enable(fd, SOL_SOCKET, SO_REUSEADDR);
  if (const int error = bind(fd, address)) return std::unexpected(from_errno("bind", error));
  made.file = SocketFile(socket_path(address));
  if (::listen(fd, backlog) != 0) return std::unexpected(from_errno("listen", errno));
  made.address = local_address(fd);
  return made;
}

namespace {

Status check_listens(int fd) {
  int type = 0;
  int listens = 0;
  socklen_t length = sizeof type;
  const auto unsuited = [](const char* why) {
    return Status(Code::FAILED_PRECONDITION, why, Initiator::application);
  };
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0) {
    if (errno == EBADF) return unsuited("it is not open");
    if (errno == ENOTSOCK) return unsuited("it is not a socket");
    return from_errno("getsockopt", errno);
  }
  if (type != SOCK_STREAM) return unsuited("it is not a stream socket");
  if (listens == 0) return unsuited("it is a socket that does not listen");
  return {};
}

}  // namespace

Result<ListeningSocket> take_listener(UniqueFd socket) {
  const int fd = socket.get();
  if (Status status = check_listens(fd); !status.ok()) {
    (void)socket.release();
    return std::unexpected(std::move(status));
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
    return std::unexpected(from_errno("fcntl", errno));
  ListeningSocket taken;
  taken.address = local_address(fd);
  taken.fd = std::move(socket);
  taken.shared = true;
  set_options(fd, taken.address.family());
  return taken;
}

Connecting start_connect(const SocketAddress& address) {
  Connecting begun{open_socket(address), 0};
  if (!begun.fd) {
    begun.error = errno;
  } else if (::connect(begun.fd.get(), generic(address), address.length) != 0) {
    // An interrupted connect continues in the background, like one in progress.
    begun.error = errno == EINTR ? EINPROGRESS : errno;
  }
  return begun;
}

bool is_full_backlog(const SocketAddress& address, int connect_error) noexcept {
  return connect_error == EAGAIN && address.family() == AF_UNIX;
}

int finish_connect(int fd) noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  if (error != 0) return error;
  // A socket may report writable without error and still be unconnected. Only its peer's name proves the
  // connection.
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length) == 0 ? 0 : errno;
}

bool is_undecided(int connect_error, std::uint32_t events) noexcept {
  return connect_error == ENOTCONN && (events & (POLLERR | POLLHUP)) == 0;
}

std::size_t pieces_of_a_send(int fd) noexcept {
  int domain = AF_UNSPEC;
  socklen_t length = sizeof domain;
  const bool asked = ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0;
  return asked && domain == AF_VSOCK ? pieces_of_a_vsock_send : pieces_of_a_send_max;
}

namespace {

SocketAddress ask_address(int fd, int (*ask)(int, sockaddr*, socklen_t*)) noexcept {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (ask(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) address.length = 0;
  return address;
}

}  // namespace

SocketAddress local_address(int fd) noexcept { return ask_address(fd, ::getsockname); }
SocketAddress peer_address(int fd) noexcept { return ask_address(fd, ::getpeername); }

std::size_t ByteStream::unacknowledged_bytes() const noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t length = sizeof memory;
  if (::getsockopt(descriptor(), SOL_SOCKET, SO_MEMINFO, memory.data(), &length) != 0) return 0;
  // TCP counts such data as queued, other sockets as allocated.
  return std::max(memory[SK_MEMINFO_WMEM_QUEUED], memory[SK_MEMINFO_WMEM_ALLOC]);
}

void ByteStream::reset_when_closed() noexcept {
  constexpr linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool is_socket(int fd) noexcept {
  int type = 0;
  socklen_t length = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
}

AcceptRetry retry_after(int accept_error) noexcept {
  switch (accept_error) {
    case EAGAIN:
    case EINTR:
    case ECANCELED:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
      return AcceptRetry::at_once;
    default:
      return AcceptRetry::later;
  }
}

bool is_accept_failure(int accept_error) noexcept {
  return accept_error != EAGAIN && accept_error != EINTR && accept_error != ECANCELED;
}

void SpareDescriptor::refill() noexcept {
  if (!fd_) fd_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void SpareDescriptor::refuse_waiting(int listener) noexcept {
  refill();
  fd_.reset();
  for (int closed = 0;
       closed < refusals_max && UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));)
    ++closed;
  refill();
}

}  // namespace ringrpc
