/// Binds and connects sockets for the kernel backends, and reads their addresses.
///
///   Result<ListeningSocket> socket = open_listener(address, backlog);
///   Connecting connecting = start_connect(address);      // then wait until writable, then finish_connect
///
/// All sockets are close-on-exec. Nothing here blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <utility>

#include "ringrpc/status.h"

#include "base/slab.h"
#include "base/unique_fd.h"
#include "reactor/io.h"

namespace ringrpc {

/// The file of a listening unix socket. It is removed with the socket, unless another socket has taken its
/// place.
class SocketFile {
 public:
  SocketFile() noexcept = default;
  explicit SocketFile(std::string path);
  SocketFile(SocketFile&& other) noexcept { *this = std::move(other); }
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

 private:
  void remove() noexcept;

  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct ListeningSocket {
  UniqueFd fd;
  SocketAddress address;  ///< as bound, with the port that the kernel chose
  SocketFile file;
  bool shared = false;  ///< other processes have it too: close it, but do not shut it down
};

/// A non-blocking, bound and listening socket. Over TCP the address may still be in use by connections of an
/// earlier server. Accepted connections inherit TCP_NODELAY and SO_KEEPALIVE; the latter detects a peer that
/// vanished within the system's time (tcp(7), tcp_keepalive_time). A unix socket's file without a listener is
/// replaced; one in use is EADDRINUSE. Accepted vsock connections inherit buffers of 8 MiB, because a
/// receiver whose buffer is filled by small packets resets the connection. The status names the system call
/// and the cause.
Result<ListeningSocket> open_listener(const SocketAddress& address, int backlog);

/// Takes a socket that another process has bound, and gives it the same options. Anything other than a
/// listening stream socket is refused and left open, because it may be in use. The socket and its file belong
/// to the other process.
Result<ListeningSocket> take_listener(UniqueFd socket);

/// A connection attempt. `error` 0 means connected, EINPROGRESS means wait until writable, and anything else
/// means failed.
struct Connecting {
  UniqueFd fd;
  int error = 0;
};
Connecting start_connect(const SocketAddress& address);

/// True if this error of `start_connect` means that the listener's backlog is full, in which case a blocking
/// connect would wait. Only unix sockets report that; over IP the error means that no local port is left.
bool is_full_backlog(const SocketAddress& address, int connect_error) noexcept;

/// The outcome once a connecting socket has become writable: 0 or an errno value.
int finish_connect(int fd) noexcept;

/// True if that outcome is not final: poll(2) can report a vsock socket as writable with these events while
/// it is still connecting. Wait for the next event.
bool is_undecided(int connect_error, std::uint32_t events) noexcept;

/// The number of slabs in one send on a socket. A vsock connection's sends stay under 32 KiB, because several
/// hypervisors corrupt or drop larger ones (Firecracker's issue 5475, Cloud Hypervisor's 7672).
inline constexpr std::size_t pieces_of_a_send_max = 16;
inline constexpr std::size_t pieces_of_a_vsock_send = 2;
static_assert(pieces_of_a_vsock_send * Slab::capacity < 32 * 1024);
std::size_t pieces_of_a_send(int fd) noexcept;

/// The local address and the peer's; no address if there is none. A client of a unix socket usually has no
/// name; then only the family is set.
SocketAddress local_address(int fd) noexcept;
SocketAddress peer_address(int fd) noexcept;

/// True if `fd` is a socket.
bool is_socket(int fd) noexcept;

/// The time for another attempt after an error of accept(2).
enum class AcceptRetry {
  at_once,  ///< the error concerned one connection
  later,    ///< resources are short, or the cause is unknown: an immediate retry would spin
};
AcceptRetry retry_after(int accept_error) noexcept;
/// True if the error should be reported. It should not if no client waits or accepting was ended.
bool is_accept_failure(int accept_error) noexcept;

/// A descriptor kept in reserve for when there is none left. Closing it makes room to accept and close
/// waiting connections, so that those clients fail at once and no level-triggered wait spins.
class SpareDescriptor {
 public:
  SpareDescriptor() { refill(); }
  /// Closes the connections that wait on `listener`, which must be non-blocking: at most a thousand, so that
  /// clients that keep connecting do not hold the caller here.
  void refuse_waiting(int listener) noexcept;

 private:
  static constexpr int refusals_max = 1000;

  void refill() noexcept;

  UniqueFd fd_;
};

}  // namespace ringrpc
