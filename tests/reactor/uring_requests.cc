#include "reactor/uring_requests.h"

#include <fcntl.h>

namespace ringrpc::test {
namespace {

template <class Prepare>
int one_request(const Prepare& prepare) {
  io_uring ring{};
  if (const int failed = io_uring_queue_init(2, &ring, 0); failed < 0) return failed;
  const int result = request_on(ring, prepare);
  io_uring_queue_exit(&ring);
  return result;
}

}  // namespace

int uring_open(const std::string& path) {
  return one_request(
      [&](io_uring_sqe& request) { io_uring_prep_openat(&request, AT_FDCWD, path.c_str(), O_RDONLY, 0); });
}

int uring_connect(int socket, const sockaddr* address, socklen_t size) {
  return one_request([&](io_uring_sqe& request) { io_uring_prep_connect(&request, socket, address, size); });
}

}  // namespace ringrpc::test
