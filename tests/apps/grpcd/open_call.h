/// A call of echo.v1.EchoService/Echo that stays in flight: sends its headers, but not its message.
///
///   OpenCall call(port);     // returns when the server has the headers
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringrpc::apps {

class OpenCall {
 public:
  explicit OpenCall(std::uint16_t port);
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;
  ~OpenCall();

 private:
  void send(std::string_view bytes) const;
  void receive_until(std::string_view part);

  int fd_;
  std::string received_;
};

}  // namespace ringrpc::apps
