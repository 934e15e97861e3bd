/// Rewrites protobuf's JSON errors so that they name the field.
///
///   field_error(*SimpleRequest::descriptor(), "(payload) boody: Cannot find field.")
///   // "payload has no field 'boody'; did you mean body?"
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>
#include <string_view>

namespace ringrpc::reflected {

/// `error` is the error of libprotobuf's JSON parser for a message of `type`. An unknown error is returned
/// unchanged.
std::string field_error(const google::protobuf::Descriptor& type, std::string_view error);

}  // namespace ringrpc::reflected
