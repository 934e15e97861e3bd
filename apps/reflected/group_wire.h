/// Converts delimited fields (groups) of serialized messages to length-prefixed ones and back, because protobuf's JSON
/// converter writes no end of a group and reads none.
///
///   GroupWire groups(pool);
///   std::optional<std::string> for_printer = groups.length_prefixed(type, response);
///   std::string request = groups.delimited(type, from_parser);
#pragma once

#include <google/protobuf/descriptor.h>
#include <map>
#include <optional>
#include <string>

namespace ringrpc::reflected {

class GroupWire {
 public:
  /// `pool` must outlive it. It has the types inside values of google.protobuf.Any, which are converted, too.
  explicit GroupWire(const google::protobuf::DescriptorPool& pool) : pool_(pool) {}

  // Messages without groups stay as they are, and so does what is deeper than 100 messages inside one another.

  /// Nothing if the bytes are malformed.
  std::optional<std::string> length_prefixed(const google::protobuf::Descriptor& type, std::string bytes);
  /// The bytes are those of protobuf's JSON converter.
  std::string delimited(const google::protobuf::Descriptor& type, std::string bytes);

 private:
  class Conversion;
  std::optional<std::string> converted(const google::protobuf::Descriptor& type, std::string bytes,
                                       bool delimits);
  bool concerned(const google::protobuf::Descriptor& type);

  const google::protobuf::DescriptorPool& pool_;
  std::map<const google::protobuf::Descriptor*, bool> concerned_;  // types that were asked for
};

}  // namespace ringrpc::reflected
