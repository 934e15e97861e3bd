/// What is called: a method and its messages, encoded once.
///
///   Operation echo = echo_operation(16);
///   Operation sign = sign_operation("ED25519", 32);
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/codec.h"
#include "ringrpc/service.h"

namespace ringrpc::grpcbench {

struct Operation {
  std::string name;  ///< "echo.v1.EchoService/Echo"
  std::string path;  ///< the same behind a slash
  MethodKind kind = MethodKind::unary;
  /// Of a method that takes a stream each call sends all of them; else each call sends one, in turn.
  std::vector<RawMessage> messages;

  bool sends_all() const noexcept { return !one_request(kind); }
  bool one_answer() const noexcept { return one_response(kind); }
};

/// "package.Service/Method".
Operation make_operation(std::string name, MethodKind kind, std::vector<RawMessage> messages);

/// echo.v1.EchoService/Echo of a payload.
Operation echo_operation(std::size_t payload_bytes);

/// crypto.v1.CryptoService/Sign of so much data.
Operation sign_operation(std::string_view algorithm, std::size_t data_bytes);

}  // namespace ringrpc::grpcbench
