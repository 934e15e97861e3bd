// Addresses and targets: each text is refused with a reason, or its words say the same
// when they are parsed again.
#include <string>

#include "fuzz/target.h"
#include "rpc/naming/target.h"
#include "transport/address.h"

namespace ringrpc::fuzz {
namespace {

/// A reason names the text or a part of it, and is not longer than the text by much.
void check_refusal(const Status& why, std::string_view text) {
  CHECK(why.code() == Code::INVALID_ARGUMENT);
  CHECK_FALSE(why.message().empty());
  CHECK(why.message().size() <= 4 * text.size() + 1000);
}

}  // namespace

void run(Input input) {
  const bool listens = input.flag();
  const std::string text(input.rest());
  if (listens) {
    const Result<Address> address = Address::parse(text);
    if (!address) return check_refusal(address.error(), text);
    const Result<Address> again = Address::parse(address->to_string());
    REQUIRE(again.has_value());
    CHECK(again->to_string() == address->to_string());
    return plant(address->kind() == Address::Kind::vsock && address->port() == 77);
  }
  const Result<Target> target =
      Target::parse(text, [](std::string_view scheme) { return scheme == "custom"; });
  if (!target) return check_refusal(target.error(), text);
  (void)target->authority();
  (void)target->server_name();
  CHECK((target->name().has_value() || !target->places().empty()));
  plant(target->places().size() == 3);
}

}  // namespace ringrpc::fuzz
