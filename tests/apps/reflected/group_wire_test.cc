// Groups in serialized messages: messages inside one another, and malformed ones.
#include "reflected/group_wire.h"

#include <doctest/doctest.h>
#include <fstream>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <optional>
#include <string>
#include <sys/resource.h>

#include "reflected/editions.h"

namespace ringrpc::reflected {
namespace {

namespace pb = google::protobuf;

/// The most memory that was resident since `forget_peak`.
long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

std::string prefixed(char tag, const std::string& inside) {
  std::string bytes(1, tag);
  for (std::size_t rest = inside.size();; rest >>= 7) {
    bytes.push_back(static_cast<char>(rest < 128 ? rest : rest | 128));
    if (rest < 128) break;
  }
  return bytes + inside;
}

std::string grouped(const std::string& inside) { return '\x1b' + inside + '\x1c'; }

/// message N { optional N plain = 1; optional bytes text = 2; optional group g = 3 with the fields of N;
/// optional google.protobuf.Any any = 4; }
class Types {
 public:
  Types() {
    pb::FileDescriptorProto any;
    pb::Any::descriptor()->file()->CopyTo(&any);
    pool_.BuildFile(any);
    pb::FileDescriptorProto file;
    file.set_name("n.proto");
    file.add_dependency(any.name());
    pb::DescriptorProto& message = *file.add_message_type();
    message.set_name("N");
    add(message, "plain", pb::FieldDescriptorProto::TYPE_MESSAGE, ".N");
    add(message, "text", pb::FieldDescriptorProto::TYPE_BYTES, "");
    add(message, "g", pb::FieldDescriptorProto::TYPE_GROUP, ".N");
    add(message, "any", pb::FieldDescriptorProto::TYPE_MESSAGE, ".google.protobuf.Any");
    CHECK(lower_edition(file, Lowering::closest).ok());
    type_ = pool_.BuildFile(file)->message_type(0);
  }

  std::optional<std::string> length_prefixed(const std::string& bytes) {
    return GroupWire(pool_).length_prefixed(*type_, bytes);
  }
  std::string delimited(const std::string& bytes) { return GroupWire(pool_).delimited(*type_, bytes); }

 private:
  static void add(pb::DescriptorProto& message, const char* name, pb::FieldDescriptorProto::Type type,
                  const char* of) {
    pb::FieldDescriptorProto& field = *message.add_field();
    field.set_name(name);
    field.set_number(message.field_size());
    field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
    field.set_type(type);
    if (*of) field.set_type_name(of);
  }

  pb::DescriptorPool pool_;
  const pb::Descriptor* type_ = nullptr;
};

TEST_CASE("messages of many levels take little more memory than their bytes") {
  constexpr int levels = 90;
  const std::string payload = prefixed('\x12', std::string(4'000'000, 'x'));
  std::string bytes = grouped(payload);
  std::string expected = prefixed('\x1a', payload);
  for (int level = 0; level < levels; ++level) {
    bytes = prefixed('\x0a', bytes);
    expected = prefixed('\x0a', expected);
  }
  Types types;
  forget_peak();
  const long before = peak_kib();
  const std::string converted = types.length_prefixed(bytes).value();
  CHECK(peak_kib() - before < 64 * 1024);
  CHECK((converted == expected));
  CHECK((types.delimited(converted) == bytes));
}

TEST_CASE("deeper messages than the JSON converter takes stay as they are") {
  std::string bytes = grouped("");
  for (int level = 0; level < 990; ++level) bytes = prefixed('\x0a', bytes);
  CHECK((Types().length_prefixed(bytes) == bytes));
}

TEST_CASE("the value of an Any is converted in both directions, whatever the order of its fields") {
  const std::string group = grouped(prefixed('\x12', "x"));
  const std::string plain = prefixed('\x1a', prefixed('\x12', "x"));
  const std::string url = prefixed('\x0a', "t/N");
  Types types;
  for (const bool url_first : {true, false}) {
    const auto any = [&](const std::string& value) {
      const std::string bytes = prefixed('\x12', value);
      return prefixed('\x22', url_first ? url + bytes : bytes + url);
    };
    CHECK(types.length_prefixed(any(group)) == any(plain));
    CHECK(types.delimited(any(plain)) == any(group));
  }
}

TEST_CASE("bytes that are not of the type are found out, at each level") {
  Types types;
  for (const std::string& bytes :
       {std::string("\x1b"), std::string("\x1b\x0c"), std::string("\x1c"), std::string("\x1b\x12\x05x\x1c"),
        std::string("\x0a\x02\x1b"), std::string(1, '\0'), std::string("\x12\xff\xff\xff\xff\xff\x01")}) {
    CHECK_FALSE(types.length_prefixed(bytes));
    CHECK_FALSE(types.length_prefixed(prefixed('\x0a', bytes)));
    CHECK_FALSE(types.length_prefixed(grouped(bytes)));
    CHECK_FALSE(types.length_prefixed(prefixed('\x22', prefixed('\x0a', "t/N") + prefixed('\x12', bytes))));
  }
}

}  // namespace
}  // namespace ringrpc::reflected
