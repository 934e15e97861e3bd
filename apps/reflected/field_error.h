/// What protobuf says of JSON that does not fit a message, in words that lead to the field.
///
///   field_error(*SimpleRequest::descriptor(), "(payload) boody: Cannot find field.")
///   // "payload has no field 'boody'; did you mean body?"
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>
#include <string_view>

namespace ringrpc::reflected {

/// `error` is of libprotobuf's JSON parser, for a message of `type`. What is not known of it stays as it is.
std::string field_error(const google::protobuf::Descriptor& type, std::string_view error);

}  // namespace ringrpc::reflected
