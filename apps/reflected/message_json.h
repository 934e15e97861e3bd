/// Messages of types that are known from reflection alone, from JSON and to it
/// (https://protobuf.dev/programming-guides/json/).
///
///   MessageJson json(catalogue, {.compact = true});
///   Outcome<std::string> bytes = co_await json.parse(*method.input_type(), value, "--data");
///   Outcome<std::string> text = co_await json.print(*method.output_type(), bytes);
///
/// A google.protobuf.Any may hold what the catalogue has not met yet: that is fetched then.
#pragma once

#include <google/protobuf/descriptor.h>
#include <memory>
#include <string>

#include "reflected/catalogue.h"
#include "reflected/json_stream.h"

namespace ringrpc::reflected {

class MessageJson {
 public:
  struct Options {
    bool compact = false;        ///< on one line
    bool emit_defaults = false;  ///< fields that are not set too
  };

  /// `catalogue` must outlive it.
  MessageJson(Catalogue& catalogue, Options options);
  MessageJson(const MessageJson&) = delete;
  MessageJson& operator=(const MessageJson&) = delete;
  ~MessageJson();

  /// The message on the wire. A failure is exit_data and names `source`, the line and the field.
  Task<Outcome<std::string>> parse(const google::protobuf::Descriptor& type, const JsonStream::Value& value,
                                   const std::string& source);

  /// Text that ends with a line break.
  Task<Outcome<std::string>> print(const google::protobuf::Descriptor& type, const std::string& bytes);

 private:
  class Types;
  Task<Outcome<bool>> load_missing();

  Catalogue& catalogue_;
  Options options_;
  std::unique_ptr<Types> types_;
};

}  // namespace ringrpc::reflected
