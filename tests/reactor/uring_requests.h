/// Single requests of io_uring, each on a ring of its own, for tests of what io_uring may do.
///
///   CHECK(test::uring_open("/etc/shadow") == -EACCES);
#pragma once

#include <liburing.h>
#include <string>
#include <sys/socket.h>

namespace ringrpc::test {

/// The results are those of the requests: 0 or more, or a negative error. An io_uring that is not available
/// gives its own error.
int uring_open(const std::string& path);
int uring_connect(int socket, const sockaddr* address, socklen_t size);

/// The result of one request on `ring`, which `prepare` fills in.
template <class Prepare>
int request_on(io_uring& ring, const Prepare& prepare) {
  prepare(*io_uring_get_sqe(&ring));
  io_uring_submit_and_wait(&ring, 1);
  io_uring_cqe* completion = nullptr;
  if (const int failed = io_uring_wait_cqe(&ring, &completion); failed != 0) return failed;
  const int result = completion->res;
  io_uring_cqe_seen(&ring, completion);
  return result;
}

}  // namespace ringrpc::test
