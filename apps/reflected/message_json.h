/// Converts messages whose types are known only from descriptors, from JSON and to JSON
/// (https://protobuf.dev/programming-guides/json/).
///
///   MessageJson json(catalogue, {.compact = true});
///   Outcome<std::string> bytes = co_await json.parse(*method.input_type(), value, "--data");
///   Outcome<std::string> text = co_await json.print(*method.output_type(), bytes);
///
/// Fetches types inside a google.protobuf.Any that the catalogue does not have yet.
#pragma once

#include <google/protobuf/descriptor.h>
#include <memory>
#include <string>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "reflected/any_types.h"
#include "reflected/catalogue.h"
#include "reflected/group_wire.h"
#include "reflected/json_stream.h"

namespace ringrpc::reflected {

/// Serializes messages of one type from JSON, many times. Belongs to one thread.
///
///   JsonSerializer serializer(catalogue.share_pool(), "pkg.Query");
///   Result<std::string> bytes = serializer.serialize("{\"id\": 7}");
class JsonSerializer {
 public:
  /// `pool` has the type and, except for protobuf's own, all types that its messages use.
  JsonSerializer(std::shared_ptr<const google::protobuf::DescriptorPool> pool, const std::string& type);
  JsonSerializer(const JsonSerializer&) = delete;
  JsonSerializer& operator=(const JsonSerializer&) = delete;
  ~JsonSerializer();

  /// INVALID_ARGUMENT names the field.
  Result<std::string> serialize(const std::string& json);

 private:
  class Types;

  std::shared_ptr<const google::protobuf::DescriptorPool> pool_;
  const google::protobuf::Descriptor& type_;
  std::string url_;
  std::unique_ptr<Types> types_;
  GroupWire groups_;
};

class MessageJson {
 public:
  struct Options {
    bool compact = false;        ///< print on one line
    bool emit_defaults = false;  ///< print fields that are not set, too
  };

  /// `catalogue` must outlive it.
  MessageJson(Catalogue& catalogue, Options options);
  MessageJson(const MessageJson&) = delete;
  MessageJson& operator=(const MessageJson&) = delete;
  ~MessageJson();

  /// The serialized message. An error is exit_data and names `source`, the line and the field.
  Task<Outcome<std::string>> parse(const google::protobuf::Descriptor& type, const JsonStream::Value& value,
                                   const std::string& source);

  /// JSON text that ends with a line break. An Any whose type cannot be found has the members "@type", "@error" with
  /// the reason, and "@value" with its bytes in base64.
  Task<Outcome<std::string>> print(const google::protobuf::Descriptor& type, const std::string& bytes);

 private:
  friend class JsonSerializer;
  class Types;
  Task<Outcome<bool>> load_missing();
  Task<> look_up(std::string name);
  Task<Outcome<std::string>> printable(const google::protobuf::Descriptor& type, const std::string& bytes);

  Catalogue& catalogue_;
  Options options_;
  AnyTypes anys_;
  std::size_t looked_up_in_vain_ = 0;
  std::unique_ptr<Types> types_;
  GroupWire groups_;
};

}  // namespace ringrpc::reflected
