/// Fills in the types of fields that protobuf's parser leaves open: the name of a type may be that of a message or of an
/// enum, of the file or of one that it imports.
///
///   NamedTypes types(database);    // of .proto files
///   types.fill_in(file);
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <map>
#include <string>

namespace ringrpc::reflected {

class NamedTypes {
 public:
  /// `files` must outlive it. It reads imports from there.
  explicit NamedTypes(google::protobuf::DescriptorDatabase& files) : files_(files) {}

  /// A name that is not found stays open.
  void fill_in(google::protobuf::FileDescriptorProto& file);

 private:
  class Scopes;
  void add_import(const std::string& name, Scopes& scopes);

  google::protobuf::DescriptorDatabase& files_;
  std::map<std::string, google::protobuf::FileDescriptorProto>
      imports_;  // by name; empty if it cannot be read
};

}  // namespace ringrpc::reflected
