#include "grpcbench/operation.h"

#include <utility>

#include "crypto/v1/crypto.pb.h"
#include "echo/v1/echo.pb.h"

namespace ringrpc::grpcbench {
namespace {

/// Pseudo-random bytes, which hardly compress; the same in every run.
std::string filling(std::size_t bytes) {
  std::string filled(bytes, '\0');
  std::uint32_t state = 1;
  for (char& byte : filled) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(state >> 24);
  }
  return filled;
}

}  // namespace

Operation make_operation(std::string name, MethodKind kind, std::vector<RawMessage> messages) {
  Operation operation;
  operation.path = "/" + name;
  operation.name = std::move(name);
  operation.kind = kind;
  operation.messages = std::move(messages);
  return operation;
}

Operation echo_operation(std::size_t payload_bytes) {
  echo::v1::EchoRequest request;
  request.set_payload(filling(payload_bytes));
  return make_operation("echo.v1.EchoService/Echo", MethodKind::unary,
                        {RawMessage(request.SerializeAsString())});
}

Operation sign_operation(std::string_view algorithm, std::size_t data_bytes) {
  crypto::v1::SignRequest request;
  request.set_data(filling(data_bytes));
  request.set_algorithm(std::string(algorithm));
  return make_operation("crypto.v1.CryptoService/Sign", MethodKind::unary,
                        {RawMessage(request.SerializeAsString())});
}

}  // namespace ringrpc::grpcbench
