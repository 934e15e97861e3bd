// The minimal cost of a round trip between two processes over TCP: bare epoll, 64 bytes each way, one at a
// time.
//
//   ping-pong serve HOST:PORT         returns each message, until SIGTERM
//   ping-pong call HOST:PORT ROUNDS   prints the mean round trip in microseconds
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// About the size of a unary echo of 16 bytes on the wire.
constexpr ssize_t message_bytes = 64;
using Message = std::array<char, message_bytes>;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

addrinfo* resolve(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos)
    return std::fputs("the address is HOST:PORT\n", stderr), std::exit(2), nullptr;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), &wanted, &found);
  if (error != 0)
    return std::fprintf(stderr, "%s: %s\n", address.c_str(), gai_strerror(error)), std::exit(1), nullptr;
  return found;
}

int open_socket(const addrinfo& address) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) give_up("socket");
  return socket;
}

void set(int socket, int level, int option) {
  const int on = 1;
  if (setsockopt(socket, level, option, &on, sizeof(on)) != 0) give_up("setsockopt");
}

void watch(int epoll, int socket) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0) give_up("epoll_ctl");
}

int make_epoll() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) give_up("epoll_create1");
  return epoll;
}

int wait_for_one(int epoll) {
  epoll_event event{};
  if (epoll_wait(epoll, &event, 1, -1) != 1) give_up("epoll_wait");
  return event.data.fd;
}

void send_message(int socket, const Message& message) {
  if (send(socket, message.data(), message.size(), MSG_NOSIGNAL) != message_bytes) give_up("send");
}

/// Reads one message; false at the end of the stream. Loopback does not split such a short message.
bool receive_message(int socket, Message& message) {
  const ssize_t length = recv(socket, message.data(), message.size(), 0);
  if (length != 0 && length != message_bytes) give_up("recv");
  return length != 0;
}

[[noreturn]] void serve(const addrinfo& address) {
  const int listener = open_socket(address);
  set(listener, SOL_SOCKET, SO_REUSEADDR);
  if (bind(listener, address.ai_addr, address.ai_addrlen) != 0 || listen(listener, 16) != 0)
    give_up("listen");
  const int epoll = make_epoll();
  watch(epoll, listener);
  for (Message message;;) {
    const int ready = wait_for_one(epoll);
    if (ready == listener) {
      const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) give_up("accept");
      set(connection, IPPROTO_TCP, TCP_NODELAY);
      watch(epoll, connection);
    } else if (receive_message(ready, message)) {
      send_message(ready, message);
    } else {
      close(ready);
    }
  }
}

void call(const addrinfo& address, std::uint64_t rounds) {
  const int connection = open_socket(address);
  if (connect(connection, address.ai_addr, address.ai_addrlen) != 0) give_up("connect");
  set(connection, IPPROTO_TCP, TCP_NODELAY);
  const int epoll = make_epoll();
  watch(epoll, connection);
  Message message{};
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    send_message(connection, message);
    if (!receive_message(wait_for_one(epoll), message)) give_up("the server closed the connection");
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
  std::printf("%.3f\n", took.count() / static_cast<double>(rounds));
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view mode = count > 2 ? arguments[1] : "";
  if (mode == "serve" && count == 3) serve(*resolve(arguments[2]));
  std::uint64_t rounds = 0;
  if (mode == "call" && count == 4)
    std::from_chars(arguments[3], arguments[3] + std::strlen(arguments[3]), rounds);
  if (rounds == 0) return std::fputs("usage: ping-pong serve HOST:PORT | call HOST:PORT ROUNDS\n", stderr), 2;
  call(*resolve(arguments[2]), rounds);
}
