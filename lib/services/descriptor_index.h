/// Finds the descriptors that tools ask a server for, in a pool of them.
///
///   DescriptorIndex index({"routes.v1.RouteGuide"}, *DescriptorPool::generated_pool());
///   Result<const FileDescriptor*> file = index.file_with_symbol("routes.v1.Point");
///
/// Failures are NOT_FOUND and say what was looked for. Unchanging, so all methods may be called from several
/// threads at once; the pool must outlive the index.
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>
#include <unordered_set>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc {

class DescriptorIndex {
 public:
  /// `services` are the full names of those that the server serves. A name that the pool does not know is
  /// listed all the same.
  DescriptorIndex(std::vector<std::string> services, const google::protobuf::DescriptorPool& pool);

  /// In alphabetical order.
  const std::vector<std::string>& services() const noexcept { return services_; }

  Result<const google::protobuf::FileDescriptor*> file_named(const std::string& name) const;

  /// The file that declares a service, method, message, field, enum, value of an enum or extension of this
  /// full name. A value is a sibling of its enum: "package.VALUE".
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

/// The files that one stream has been sent.
class SentFiles {
 public:
  /// `file`, then those of its direct and indirect imports that were not added before.
  std::vector<const google::protobuf::FileDescriptor*> add(const google::protobuf::FileDescriptor& file);

 private:
  std::unordered_set<const google::protobuf::FileDescriptor*> sent_;
};

}  // namespace ringrpc
