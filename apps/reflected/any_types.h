/// Lets messages be printed whose google.protobuf.Any fields have types that nothing describes. protobuf's printer refuses
/// a whole message for one of them.
///
///   AnyTypes anys;
///   std::set<std::string> missing;
///   Result<std::string> printable = anys.wrap(type, bytes, missing);    // missing: types that no pool has
///   anys.declare_unknown("a.B", "the server describes no 'a.B'");       // then wrap again
///
/// A value of an unknown type becomes a message with two fields, whose JSON names are those of grpcurl: "@error", the
/// reason, and "@value", the bytes.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/type.pb.h>
#include <map>
#include <set>
#include <string>

#include "ringrpc/status.h"

namespace ringrpc::reflected {

class AnyTypes {
 public:
  /// True for google.protobuf.Any. A server may describe another type by that name.
  static bool is_any(const google::protobuf::Descriptor& type);
  /// A message of this type has fields of the type google.protobuf.Any, or may have.
  static bool concerned(const google::protobuf::Descriptor& type) noexcept;

  /// The message with each value of an unknown type replaced, and the names of the other types that neither the pool
  /// of `type` nor protobuf's own has. Malformed messages stay as they are. OUT_OF_RANGE if more than 32 values of
  /// the type Any are inside one another, which would overflow the stack of protobuf's printer.
  Result<std::string> wrap(const google::protobuf::DescriptorPool& pool,
                           const google::protobuf::Descriptor& type, const std::string& bytes,
                           std::set<std::string>& missing) const;

  /// Declares that nothing describes the type, and why.
  void declare_unknown(const std::string& name, std::string why);
  bool unknown(const std::string& name) const { return unknown_.contains(name); }
  std::size_t unknown_count() const noexcept { return unknown_.size(); }
  void forget_unknown() { unknown_.clear(); }

  /// The type of a replaced value.
  static google::protobuf::Type replacement();

 private:
  class Walk;

  std::map<std::string, std::string> unknown_;  // reasons, by the names of types
};

}  // namespace ringrpc::reflected
