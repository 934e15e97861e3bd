#include "grpcclient/status_details.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include "rpc/wire/base64.h"

namespace ringrpc::grpcclient {

namespace pb = google::protobuf;

namespace {

/// Of google.rpc.Status: `repeated google.protobuf.Any details = 3`, all that is wanted of it here.
constexpr int details_field = 3;

}  // namespace

std::vector<std::string> split_details(std::string_view details) {
  std::vector<std::string> found;
  pb::Empty status;  // which knows no field, and so keeps all of them
  if (!status.ParseFromArray(details.data(), static_cast<int>(details.size()))) return found;
  const pb::UnknownFieldSet& fields = status.GetReflection()->GetUnknownFields(status);
  for (int i = 0; i < fields.field_count(); ++i) {
    const pb::UnknownField& field = fields.field(i);
    if (field.number() == details_field && field.type() == pb::UnknownField::TYPE_LENGTH_DELIMITED)
      found.push_back(field.length_delimited());
  }
  return found;
}

std::string opaque_detail(const std::string& any) {
  pb::Any detail;
  if (!detail.ParseFromString(any)) return base64_encode(any);
  return detail.type_url() + " " + base64_encode(detail.value());
}

}  // namespace ringrpc::grpcclient
