/// A method to call, with its messages: serialized once, or filled for each call.
///
///   Operation echo = echo_operation(16);
///   Operation sign = sign_operation("ED25519", 32);
#pragma once

#include <cstddef>
#include <cstdint>
#include <google/protobuf/descriptor.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/codec.h"
#include "ringrpc/service.h"

#include "grpcbench/template.h"

namespace ringrpc::grpcbench {

/// The messages that are filled anew for each call.
struct MessageTemplates {
  std::shared_ptr<const google::protobuf::DescriptorPool> types;
  std::string type;                               ///< of the messages
  std::vector<std::optional<Template>> messages;  ///< JSON, in the places of the messages without one
};

struct Operation {
  std::string name;  ///< "echo.v1.EchoService/Echo"
  std::string path;  ///< "/echo.v1.EchoService/Echo"
  MethodKind kind = MethodKind::unary;
  /// If the method takes a stream, each call sends all of them, else one in turn.
  std::vector<RawMessage> messages;
  std::optional<MessageTemplates> templates{};  ///< as many, if one of the messages is filled

  /// The messages of a call.
  std::span<const RawMessage> of_turn(std::uint64_t turn) const noexcept {
    if (sends_all()) return messages;
    return {&messages[turn % messages.size()], 1};
  }
  bool sends_all() const noexcept { return !one_request(kind); }
  bool one_response() const noexcept { return ringrpc::one_response(kind); }
  bool streams() const noexcept { return sends_all() || !one_response(); }
};

/// `name` is "package.Service/Method".
Operation make_operation(std::string name, MethodKind kind, std::vector<RawMessage> messages);

/// echo.v1.EchoService/Echo with a payload of this size.
Operation echo_operation(std::size_t payload_bytes);

/// crypto.v1.CryptoService/Sign with data of this size.
Operation sign_operation(std::string_view algorithm, std::size_t data_bytes);

}  // namespace ringrpc::grpcbench
