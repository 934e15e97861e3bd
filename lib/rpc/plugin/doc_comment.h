/// Copies comments of the .proto file into the generated C++.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>

namespace ringrpc::plugin {

/// Prints the comment before a service or a method, with /// at the beginning of each line; nothing if there
/// is none.
void print_doc_comment(google::protobuf::io::Printer& printer,
                       const google::protobuf::ServiceDescriptor& service);
void print_doc_comment(google::protobuf::io::Printer& printer,
                       const google::protobuf::MethodDescriptor& method);

}  // namespace ringrpc::plugin
