/// A service for tests of the peer's identity.
///
///   WhoAmI who;
///   world.also_serve(who);      // "/test.v1.WhoAmI/Ask"
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "ringrpc/service.h"

namespace ringrpc {

/// Responds with the caller's identity.
class WhoAmI final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.WhoAmI"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&WhoAmI::ask>("Ask")};
    return methods;
  }

  PeerIdentity last;
  std::string last_address;

 private:
  Task<Result<RawMessage>> ask(Call& call, RawMessage) {
    last = call.peer_identity();
    last_address = call.peer();
    co_return RawMessage{to_string(last)};
  }
};

}  // namespace ringrpc
