// Serves sessions on blocking sockets, one connection after the other, for the clients of clients_test.py.
// Prints the port.
//
//   /echo    responds with the body of the request
//   /large   eight megabytes of known length
//   /chunked the same in chunks
//   /head    the request's method, query and number of fields
#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "http1/session.h"

using namespace ringrpc;
using namespace ringrpc::http1;

namespace {

constexpr std::size_t large_bytes = 8'000'000;

class Handler final : public SessionEvents {
 public:
  explicit Handler(SlabPool& slabs) : session(limits_, slabs, *this), slabs_(slabs) {}

  Session session;

 private:
  void on_request(const Request& request) override {
    request_ = &request;
    body_.clear();
  }
  void on_body(Bytes bytes) override {
    body_ += as_text(bytes);
    session.consumed(bytes.size());
  }
  void on_request_end() override {
    if (request_->path == "/echo") return session.respond({}, as_bytes(body_));
    if (request_->path == "/large") return send_large();
    if (request_->path == "/chunked") {
      sent_bytes_ = 0;
      session.begin({});
      return on_writable();
    }
    if (request_->path != "/head") return session.respond({.status = 404}, as_bytes("not found\n"));
    const std::string text = std::string(request_->method) + ' ' + std::string(request_->query) + ' ' +
                             std::to_string(request_->fields.size()) + '\n';
    session.respond({}, as_bytes(text));
  }
  void send_large() {
    Chain page(slabs_);
    for (std::size_t i = 0; i < large_bytes / 8; ++i) page.append(as_bytes("0123456\n"));
    session.respond({}, std::move(page));
  }
  void on_writable() override {
    const std::string piece(10'000, 'x');
    for (; sent_bytes_ < large_bytes && session.writable(); sent_bytes_ += piece.size())
      session.send(as_bytes(piece));
    if (sent_bytes_ == large_bytes) session.finish();
  }
  void on_response_end() override {}
  void on_aborted(const Status& why) override {
    std::fprintf(stderr, "aborted: %s\n", why.to_string().c_str());
  }
  std::chrono::sys_seconds time_of_day() override {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }

  const Limits limits_{.body_bytes_max = 100'000'000};
  SlabPool& slabs_;
  const Request* request_ = nullptr;
  std::string body_;
  std::size_t sent_bytes_ = 0;
};

bool send_all(int socket, Chain& out) {
  while (!out.empty()) {
    std::array<iovec, 16> pieces;
    const std::size_t count = out.gather(pieces);
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0) return false;
    out.consume(static_cast<std::size_t>(sent));
  }
  return true;
}

void serve(int socket) {
  SlabPool slabs;
  Handler handler(slabs);
  Session& session = handler.session;
  std::array<std::uint8_t, 16 * 1024> buffer;
  while (!session.finished()) {
    while (session.wants_to_produce()) {
      Chain out(slabs);
      session.produce(out, 256 * 1024);
      if (!send_all(socket, out)) return;
    }
    if (!session.wants_input()) continue;
    const ssize_t received = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (received < 0) return;
    if (received == 0) {
      session.end_input();
    } else if (const Status status = session.receive({buffer.data(), static_cast<std::size_t>(received)});
               !status.ok()) {
      std::fprintf(stderr, "refused: %s\n", status.to_string().c_str());
    }
  }
  ::shutdown(socket, SHUT_WR);
  while (::recv(socket, buffer.data(), buffer.size(), 0) > 0) {
  }
}

}  // namespace

int main() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, any, size) != 0 || ::listen(listener, 16) != 0 ||
      ::getsockname(listener, any, &size) != 0) {
    std::perror("listen");
    return EXIT_FAILURE;
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  for (;;) {
    const int socket = ::accept(listener, nullptr, nullptr);
    if (socket < 0) return EXIT_FAILURE;
    serve(socket);
    ::close(socket);
  }
}
