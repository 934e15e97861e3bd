/// Services whose tables of methods are written by hand.

#include <doctest/doctest.h>
#include <string>

#include "ringrpc/service.h"

#include "rpc/direct_call.h"

namespace ringrpc {
namespace {

Result<RawMessage> ask(Service& service, std::string_view name) {
  return call_unary_method<RawMessage>(service, name, RawMessage{"request"});
}

class Base : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Derived"; }

 protected:
  Task<Result<RawMessage>> of_base(Call&, RawMessage request) { co_return RawMessage{word + request.bytes}; }

  std::string word = "base: ";
};

struct Reflecting {
  Task<Result<RawMessage>> of_mixin(Call&, RawMessage request) { co_return RawMessage{word + request.bytes}; }

  std::string word = "mixin: ";
};

class Derived final : public Base, public Reflecting {
 public:
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {
        method<&Derived::of_base>("OfBase"),
        method<&Derived::of_mixin, Derived>("OfMixin"),
        method<&Derived::not_yet>("NotYet"),
    };
    return methods;
  }

 private:
  Task<Result<RawMessage>> not_yet(Call& call, RawMessage) { co_return unimplemented(call); }
};

TEST_CASE("a handler may be inherited from a service, or from a class that is none") {
  Derived service;
  CHECK(ask(service, "OfBase")->bytes == "base: request");
  CHECK(ask(service, "OfMixin")->bytes == "mixin: request");
}

TEST_CASE("a method that is not implemented says so") {
  Derived service;
  const Result<RawMessage> response = ask(service, "NotYet");
  REQUIRE_FALSE(response);
  CHECK(response.error().to_string() == "UNIMPLEMENTED: /test.v1.Derived/NotYet is not implemented");
  CHECK(response.error().initiator() == Initiator::library);
}

}  // namespace
}  // namespace ringrpc
