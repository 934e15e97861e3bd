/// Single requests of io_uring, each on a ring of its own, for tests of what io_uring may do.
///
///   CHECK(test::uring_open("/etc/shadow") == -EACCES);
#pragma once

#include <string>
#include <sys/socket.h>

namespace ringrpc::test {

/// The results are those of the requests: 0 or more, or a negative error. An io_uring that is not available
/// gives its own error.
int uring_open(const std::string& path);
int uring_connect(int socket, const sockaddr* address, socklen_t size);

}  // namespace ringrpc::test
