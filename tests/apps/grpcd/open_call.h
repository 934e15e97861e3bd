/// A call of echo.v1.EchoService/Echo that stays in flight: its headers are sent, its message is not.
///
///   OpenCall call(port);     // the server has it when this returns
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
