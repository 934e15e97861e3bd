/// What the things of a .proto file are called in the generated C++.
///
/// Messages are called what protoc's own generator calls them. Services and methods keep their names, unless
/// C++ or the generated class has another use for one: then underscores are appended until it is free.
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

/// "GetFeature": the function of that method in Service and in Stub alike.
std::string function_name(const google::protobuf::MethodDescriptor& method);

/// "::routes::v1::Point".
std::string type_name(const google::protobuf::Descriptor& message);

/// "/routes.v1.RouteGuide/GetFeature".
std::string path(const google::protobuf::MethodDescriptor& method);

}  // namespace ringrpc::plugin
