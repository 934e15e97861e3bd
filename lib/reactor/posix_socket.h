/// Sockets as every backend of the kernel's makes them: how they are bound, connected and asked for their
/// addresses.
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

/// The file of a listening unix socket, which is removed with it unless somebody else's has taken its place.
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
  bool shared = false;  ///< others have it too, so that it must be closed and not shut down
};

/// A non-blocking socket that is bound and listens. Over TCP the address may still be in use by connections
/// of an earlier server, and accepted connections inherit TCP_NODELAY and SO_KEEPALIVE: a peer that vanished
/// without a word is found out in the system's time (tcp(7), tcp_keepalive_time). A unix socket's file that
/// nobody listens on is replaced; one in use is EADDRINUSE. Accepted vsock connections inherit buffers of 8
/// MiB: a receiver whose buffer small packets have filled resets the connection. The status names the system
/// call and the cause.
Result<ListeningSocket> open_listener(const SocketAddress& address, int backlog);

/// One that somebody else has bound: given the same options, and told apart from what is no listening stream
/// socket, which is left open, as it may be anything's. Its file is theirs, and so is the socket itself.
Result<ListeningSocket> take_listener(UniqueFd socket);

/// A connection that was begun: `error` 0 means connected, EINPROGRESS wait until writable, anything else
/// failed.
struct Connecting {
  UniqueFd fd;
  int error = 0;
};
Connecting start_connect(const SocketAddress& address);

/// Whether that error of `start_connect` says that the listener's backlog is full, which a blocking connect
/// would wait for. Only unix sockets do; over IP it means that no port is left at this end.
bool is_full_backlog(const SocketAddress& address, int connect_error) noexcept;

/// The outcome once a connecting socket has become writable: 0 or an errno value.
int finish_connect(int fd) noexcept;

/// Whether that outcome is none: a vsock socket can be reported writable with these events of poll(2) while
/// it is still connecting. Wait for the next.
bool is_undecided(int connect_error, std::uint32_t events) noexcept;

/// How many slabs one send of that socket may take. A vsock connection's stay under 32 KiB: larger ones are
/// corrupted or dropped by several hypervisors (Firecracker's issue 5475, Cloud Hypervisor's 7672).
inline constexpr std::size_t pieces_of_a_send_max = 16;
inline constexpr std::size_t pieces_of_a_vsock_send = 2;
static_assert(pieces_of_a_vsock_send * Slab::capacity < 32 * 1024);
std::size_t pieces_of_a_send(int fd) noexcept;

/// The address at this end and at the other; no address where there is none. Who connects over a unix socket
/// has no name as a rule: then it is the family alone.
SocketAddress local_address(int fd) noexcept;
SocketAddress peer_address(int fd) noexcept;

/// Whether `fd` is a socket.
bool is_socket(int fd) noexcept;

/// How to answer an error of accept(2).
enum class AcceptRetry {
  at_once,  ///< it was about one connection
  later,    ///< resources are short, or the cause is unknown: trying at once would spin
};
AcceptRetry retry_after(int accept_error) noexcept;
/// Whether that is something to tell of: neither that nobody waits, nor that accepting was ended.
bool is_accept_failure(int accept_error) noexcept;

/// A descriptor kept for the day when there is none left: giving it up makes room to take waiting connections
/// off a listener's queue and close them, so that those clients fail at once and no level-triggered wait
/// spins.
class SpareDescriptor {
 public:
  SpareDescriptor() { refill(); }
  /// Closes the connections that wait on `listener`, which must be non-blocking; a thousand at most, so that
  /// clients who come as fast as they go do not keep the caller here.
  void refuse_waiting(int listener) noexcept;

 private:
  static constexpr int refusals_max = 1000;

  void refill() noexcept;

  UniqueFd fd_;
};

}  // namespace ringrpc
