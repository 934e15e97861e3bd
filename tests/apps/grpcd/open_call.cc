#include "open_call.h"

#include <array>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ringrpc::apps {
namespace {

enum FrameType : char { headers = 1, settings = 4, ping = 6 };

/// A frame (RFC 9113, section 4.1). Payloads here are shorter than 256 bytes.
std::string frame(FrameType type, char flags, char stream, std::string_view payload) {
  std::string bytes{0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
  return bytes.append(payload);
}

/// A literal field without indexing (RFC 7541, section 6.2.2). `name` is the encoded name.
std::string literal(std::string name, std::string_view value) {
  name.push_back(static_cast<char>(value.size()));
  return name.append(value);
}

std::string request_fields() {
  return "\x83"                                          // :method POST
         "\x86" +                                        // :scheme http
         literal("\x04", "/echo.v1.EchoService/Echo") +  // :path
         literal("\x01", "localhost") +                  // :authority
         literal("\x0f\x10", "application/grpc") +       // content-type
         literal(std::string("\0\x02te", 4), "trailers");
}

constexpr std::string_view mark = "in-fligh";  // eight bytes, the payload of a PING
constexpr char end_headers = 0x4;

}  // namespace

OpenCall::OpenCall(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0, "") +
       frame(headers, end_headers, 1, request_fields()) + frame(ping, 0, 0, mark));
  receive_until(mark);
}

OpenCall::~OpenCall() { ::close(fd_); }

void OpenCall::send(std::string_view bytes) const {
  REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

void OpenCall::receive_until(std::string_view part) {
  while (received_.find(part) == std::string::npos) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    REQUIRE(got > 0);
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace ringrpc::apps
