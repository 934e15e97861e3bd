/// Converts messages whose types are known only from reflection, from JSON and to JSON
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

#include "reflected/catalogue.h"
#include "reflected/json_stream.h"

namespace ringrpc::reflected {

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

  /// JSON text that ends with a line break.
  Task<Outcome<std::string>> print(const google::protobuf::Descriptor& type, const std::string& bytes);

 private:
  class Types;
  Task<Outcome<bool>> load_missing();

  Catalogue& catalogue_;
  Options options_;
  std::unique_ptr<Types> types_;
};

}  // namespace ringrpc::reflected
