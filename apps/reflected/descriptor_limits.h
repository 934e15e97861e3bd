/// Limits of descriptors, checked before protobuf links them: it has few of its own, and some of its steps recurse over types,
/// or compare each element with each other one.
///
///   DescriptorLimits limits;
///   const std::string excess = limits.exceeded_by(file);      // files that it imports go first
///   if (!excess.empty()) return fail_with(exit_protocol, "'" + file.name() + "': " + excess);
///
/// The numbers are limits of all files together, except where they say otherwise. No real interface comes near them.
#pragma once

#include <cstddef>
#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <unordered_map>

namespace ringrpc::reflected {

/// Brackets in the text of a .proto file, inside one another. protobuf parses what is between them by recursion.
inline constexpr int bracket_depth_max = 100;

class DescriptorLimits {
 public:
  static constexpr std::size_t name_bytes_max = 1024;  ///< one full name
  static constexpr std::size_t all_name_bytes_max = std::size_t{128} << 20;
  /// Pairs of numbers of fields, values and ranges that are compared, and of references to types and imported files.
  static constexpr std::size_t comparisons_max = 20'000'000;
  /// The types in a chain, each with a field of the next. Types that contain one another all count.
  static constexpr std::size_t chain_max = 5000;

  /// Counts the file. Says what exceeds a limit: "a name in it has more than 1024 bytes"; empty if nothing does.
  std::string exceeded_by(const google::protobuf::FileDescriptorProto& file);

  /// The same for a file that does not come from the parser of .proto files. Only that parser makes options which nobody has
  /// resolved. protobuf parses their values, to any depth, so they are a fault, too.
  std::string fault_of_compiled(const google::protobuf::FileDescriptorProto& file);

 private:
  class Names;
  class Chains;

  std::size_t name_bytes_ = 0;
  std::size_t comparisons_ = 0;
  std::unordered_map<std::string, std::size_t> visible_;  // files that come with the import of a file
  std::unordered_map<std::string, std::size_t> chains_;   // the longest chain from each type: ".a.M"
};

}  // namespace ringrpc::reflected
