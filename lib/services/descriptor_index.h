/// Finds the descriptors that clients of reflection ask for in a descriptor pool.
///
///   DescriptorIndex index({"routes.v1.RouteGuide"}, *DescriptorPool::generated_pool());
///   Result<const FileDescriptor*> file = index.file_with_symbol("routes.v1.Point");
///
/// Failures are NOT_FOUND and name what was looked up. An index does not change, so all methods may be called
/// from several threads at the same time. The pool must outlive it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>
#include <unordered_set>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc {

class DescriptorIndex {
 public:
  /// `services` are the full names of the services that the server serves. Names that the pool
  /// does not know are listed too.
  DescriptorIndex(std::vector<std::string> services, const google::protobuf::DescriptorPool& pool);

  /// In alphabetical order.
  const std::vector<std::string>& services() const noexcept { return services_; }

  Result<const google::protobuf::FileDescriptor*> file_named(const std::string& name) const;

  /// The file that declares the service, method, message, field, enum, enum value or extension with this full
  /// name. The full name of an enum value is that of a sibling of its enum: "package.VALUE".
  Result<const google::protobuf::FileDescriptor*> file_with_symbol(const std::string& symbol) const;

  Result<const google::protobuf::FileDescriptor*> file_with_extension(const std::string& extended_type,
                                                                      int number) const;

  /// Ascending.
  Result<std::vector<int>> extension_numbers(const std::string& extended_type) const;

 private:
  Result<const google::protobuf::Descriptor*> message(const std::string& name) const;

  const google::protobuf::DescriptorPool& pool_;
  std::vector<std::string> services_;
};

/// The files that have been sent on one stream.
class SentFiles {
 public:
  /// Adds `file` and all that it imports, directly or not. Returns `file` and those imports
  /// that were not added before.
  std::vector<const google::protobuf::FileDescriptor*> add(const google::protobuf::FileDescriptor& file);

 private:
  std::unordered_set<const google::protobuf::FileDescriptor*> sent_;
};

}  // namespace ringrpc
