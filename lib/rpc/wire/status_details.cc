#include "ringrpc/status_details.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <utility>

// google.rpc.Status is read and written by its field numbers. If its type were compiled into the library, it
// would collide with that of a program that compiles googleapis too.

namespace ringrpc {

namespace pb = google::protobuf;

namespace {

constexpr int code_field = 1;     // int32
constexpr int message_field = 2;  // string
constexpr int details_field = 3;  // repeated google.protobuf.Any

/// An empty message knows no field, so it keeps all fields as unknown.
pb::UnknownFieldSet& fields_of(pb::Empty& message) {
  return *message.GetReflection()->MutableUnknownFields(&message);
}

}  // namespace

Status with_detail(Status status, const pb::Message& detail) {
  if (status.ok()) return status;
  pb::Empty added;
  pb::UnknownFieldSet& fields = fields_of(added);
  if (status.details().empty()) {
    fields.AddVarint(code_field, static_cast<std::uint64_t>(status.code()));
    fields.AddLengthDelimited(message_field, std::string(status.message()));
  }
  pb::Any any;
  any.PackFrom(detail);
  fields.AddLengthDelimited(details_field, any.SerializeAsString());
  // Fields may be appended to a serialized message; this appends an element to the repeated field.
  std::string details = std::string(status.details()) + added.SerializeAsString();
  return std::move(status).with_details(std::move(details));
}

std::vector<pb::Any> details_of(const Status& status) {
  pb::Empty message;
  if (!message.ParseFromString(std::string(status.details()))) return {};
  const pb::UnknownFieldSet& fields = fields_of(message);
  std::vector<pb::Any> details;
  for (int i = 0; i < fields.field_count(); ++i) {
    const pb::UnknownField& field = fields.field(i);
    if (field.number() != details_field || field.type() != pb::UnknownField::TYPE_LENGTH_DELIMITED) continue;
    if (pb::Any any; any.ParseFromString(field.length_delimited())) details.push_back(std::move(any));
  }
  return details;
}

}  // namespace ringrpc
