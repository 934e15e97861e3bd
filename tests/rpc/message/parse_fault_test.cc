#include <array>
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/codec.h"

#include "rpc/world.h"

namespace ringrpc {
namespace {

using google::protobuf::FileDescriptorProto;
using google::protobuf::ListValue;
using google::protobuf::StringValue;
using google::protobuf::Struct;

const std::string latin1 = "caf\xe9";

/// A field of less than 128 bytes.
std::string field(int number, std::string_view content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())}.append(content);
}

/// The fault of a message that protobuf's parser refuses, whichever way it is cut.
template <class T>
std::string fault(std::string_view wire) {
  T message;
  CHECK_FALSE(Codec<T>::parse(message, as_bytes(wire)));
  const Bytes whole = as_bytes(wire);
  const std::string found = detail::parse_fault<T>(Pieces(&whole, 1));
  for (std::size_t at = 0; at <= wire.size(); ++at) {
    const std::array cut{whole.first(at), whole.subspan(at)};
    CHECK(detail::parse_fault<T>(cut) == found);
  }
  return found;
}

TEST_CASE("text that is not UTF-8 is found where the parser finds it") {
  CHECK(fault<StringValue>(field(1, latin1)) == "google.protobuf.StringValue.value is not valid UTF-8");
  CHECK(fault<StringValue>(field(1, "\xf0\x9f\x98")) ==
        "google.protobuf.StringValue.value is not valid UTF-8");
  CHECK(fault<StringValue>(field(7, latin1) + field(1, "good") + field(1, latin1)) ==
        "google.protobuf.StringValue.value is not valid UTF-8");
  const std::string value = field(3, latin1);
  CHECK(fault<ListValue>(field(1, field(3, "good")) + field(1, value)) ==
        "google.protobuf.Value.string_value is not valid UTF-8");
  CHECK(fault<Struct>(field(1, field(1, "key") + field(2, value))) ==
        "google.protobuf.Value.string_value is not valid UTF-8");
  CHECK(fault<Struct>(field(1, field(1, latin1) + field(2, ""))) ==
        "google.protobuf.Struct.FieldsEntry.key is not valid UTF-8");
}

TEST_CASE("other faults are not taken for text") {
  CHECK(fault<StringValue>("\x0a\x7f").empty());
  CHECK(fault<StringValue>("\x0a\x7f" + latin1).empty());  // cut off
  CHECK(fault<ListValue>(field(1, field(3, "good") + "\x1a\x05x")).empty());
  CHECK(fault<StringValue>("\x07").empty());
  // In proto2, text may be any bytes.
  CHECK(fault<FileDescriptorProto>(field(1, latin1) + "\x0a\x7f").empty());
}

TEST_CASE("messages as deep as the parser goes are searched") {
  const auto around = [](int number, const std::string& inner) {  // with a length of two bytes
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>((inner.size() & 0x7f) | 0x80),
                       static_cast<char>(inner.size() >> 7)} +
           inner;
  };
  std::string wire = field(3, latin1);
  for (int lists = 0; lists < 49; ++lists) wire = around(6, around(1, wire));
  CHECK(fault<google::protobuf::Value>(wire) == "google.protobuf.Value.string_value is not valid UTF-8");
}

/// Methods that take text.
class Texts final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "test.v1.Texts"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&Texts::one>("One"), method<&Texts::many>("Many")};
    return methods;
  }

 private:
  Task<Result<RawMessage>> one(Call&, StringValue) { co_return RawMessage{}; }
  Task<Result<RawMessage>> many(Call&, Reader<StringValue>& in) {
    while (co_await in.next()) continue;
    co_return RawMessage{};
  }
};

TEST_CASE("a caller is told which text of its request is not UTF-8") {
  for_some_worlds([](World& world) {
    Texts service;
    world.also_serve(service);
    world.serve({});
    // The large one is parsed on another thread.
    const std::string large = "\x0a\x80\x80\x40" + std::string(1024 * 1024 - 1, 'x') + "\xff";
    const std::string why = ": google.protobuf.StringValue.value is not valid UTF-8";
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      for (const std::string& bad : {field(1, latin1), large}) {
        const auto one =
            co_await channel.unary<RawMessage, RawMessage>("/test.v1.Texts/One", RawMessage{bad});
        REQUIRE_FALSE(one);
        CHECK(one.error().to_string().ends_with(why));
        auto many = channel.client_streaming<RawMessage, RawMessage>("/test.v1.Texts/Many");
        const RawMessage message{bad};
        co_await many.write(message);
        const auto end = co_await many.finish();
        REQUIRE_FALSE(end);
        CHECK(end.error().to_string().starts_with("INTERNAL: a request "));
        CHECK(end.error().to_string().ends_with(why));
      }
    }));
  });
}

}  // namespace
}  // namespace ringrpc
