/// A value in a JSON text with its path, for readers that name what is wrong.
///
///   google::protobuf::Value parsed;
///   JsonFault fault = parse_json(text, parsed);
///   if (fault) return *fault;             // "Unexpected token, before '}'"
///   const JsonField config(parsed, fault);
///   const JsonField attempts = config["retryPolicy"]["maxAttempts"];
///   std::uint64_t most = attempts.whole_number(2);
///   if (fault) return *fault;             // "retryPolicy.maxAttempts: 1 is not a whole number from 2 on"
///
/// A field that is absent or null is not given. Reading it gives a default and no fault; `required` makes it
/// one. Only the first fault is kept. Fields are valid as long as the parsed text and the fault.
#pragma once

#include <cstdint>
#include <google/protobuf/struct.pb.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/clock.h"

namespace ringrpc {

using JsonFault = std::optional<std::string>;

/// Parses `text`, of at most 100 levels, into `root`. The fault of a text that is not JSON is one line and names the place.
[[nodiscard]] JsonFault parse_json(std::string_view text, google::protobuf::Value& root);

class JsonField {
 public:
  JsonField(const google::protobuf::Value& root, JsonFault& fault) : JsonField({}, &root, fault) {}

  bool given() const noexcept { return value_ != nullptr; }
  /// The same field; its absence is a fault.
  const JsonField& required() const;

  /// "methodConfig[0].timeout"; empty for the root.
  const std::string& path() const noexcept { return path_; }
  /// The member of that name; not given if there is none, or if this field is not given.
  JsonField operator[](const std::string& name) const;
  /// The members of an object, by their names; empty if it is not given.
  std::vector<std::pair<std::string, JsonField>> members() const;
  std::vector<JsonField> elements() const;

  std::string text() const;
  bool boolean() const;
  /// A number, or its digits as text, as protobuf's mapping to JSON has 64-bit numbers.
  double number() const;
  std::uint64_t whole_number(std::uint64_t least) const;
  /// "1.5s": not negative, with at most nine digits after the point (protobuf's Duration).
  Nanoseconds duration() const;
  /// The value as JSON.
  std::string json() const;

  /// Adds the path, and says that `what` is wrong.
  void refuse(const std::string& what) const;

 private:
  JsonField(std::string path, const google::protobuf::Value* value, JsonFault& fault);
  std::string path_of(const std::string& member) const;
  void refuse_value(const std::string& what) const { refuse(json() + " is not " + what); }

  std::string path_;
  const google::protobuf::Value* value_;  // null if not given
  JsonFault* fault_;
};

}  // namespace ringrpc
