/// The names of the generated C++.
///
/// Messages have the names of protoc's own generator. Services and methods keep their names, unless C++ or
/// the generated class uses the name already: then underscores are appended until it is free.
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>

namespace ringrpc::plugin {

/// "routes.proto" → "routes".
std::string file_stem(const google::protobuf::FileDescriptor& file);

/// "routes::v1"; empty for a file without a package.
std::string namespace_of(const google::protobuf::FileDescriptor& file);

/// "RouteGuide": the struct in the file's namespace.
std::string class_name(const google::protobuf::ServiceDescriptor& service);

/// "GetFeature": the function of that method in both Service and Stub.
std::string function_name(const google::protobuf::MethodDescriptor& method);

/// "::routes::v1::Point".
std::string type_name(const google::protobuf::Descriptor& message);

/// "/routes.v1.RouteGuide/GetFeature".
std::string path(const google::protobuf::MethodDescriptor& method);

}  // namespace ringrpc::plugin
