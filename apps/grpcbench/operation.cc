#include "grpcbench/operation.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <utility>

#include "echo/v1/echo.pb.h"

namespace ringrpc::grpcbench {
namespace {

// Of crypto.v1.SignRequest.
constexpr int data_field = 1;
constexpr int algorithm_field = 2;

/// Octets that do not compress into nothing, the same in every run.
std::string filling(std::size_t bytes) {
  std::string filled(bytes, '\0');
  std::uint32_t state = 1;
  for (char& octet : filled) {
    state = state * 1'664'525 + 1'013'904'223;
    octet = static_cast<char>(state >> 24);
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
  using google::protobuf::internal::WireFormatLite;
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    WireFormatLite::WriteBytes(data_field, filling(data_bytes), &out);
    WireFormatLite::WriteString(algorithm_field, std::string(algorithm), &out);
  }
  return make_operation("crypto.v1.CryptoService/Sign", MethodKind::unary, {RawMessage(std::move(bytes))});
}

}  // namespace ringrpc::grpcbench
