#include "ringrpc/reflection.h"

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <utility>
#include <vector>

#include "grpc/reflection/v1/reflection.ringrpc.h"
#include "grpc/reflection/v1alpha/reflection.ringrpc.h"
#include "services/descriptor_index.h"

namespace ringrpc {

namespace pb = google::protobuf;

namespace {

struct V1 {
  using Protocol = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};

struct V1Alpha {
  using Protocol = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

/// The two versions differ in their names alone.
template <class Version>
class ReflectionService final : public Version::Protocol::Service {
 public:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  explicit ReflectionService(const DescriptorIndex& index) : index_(index) {}

  Task<Status> ServerReflectionInfo(Call&, Reader<Request>& in, Writer<Response>& out) override {
    SentFiles sent;
    while (std::optional<Request> request = co_await in.next()) {
      const Response response = answer(std::move(*request), sent);
      if (!co_await out.write(response)) break;
    }
    co_return Status();
  }

 private:
  Response answer(Request request, SentFiles& sent) const {
    Response response;
    response.set_valid_host(request.host());
    if (Status status = answer(request, sent, response); !status.ok()) {
      response.mutable_error_response()->set_error_code(static_cast<int>(status.code()));
      response.mutable_error_response()->set_error_message(std::string(status.message()));
    }
    *response.mutable_original_request() = std::move(request);
    return response;
  }

  Status answer(const Request& request, SentFiles& sent, Response& response) const {
    const auto& extension = request.file_containing_extension();
    switch (request.message_request_case()) {
      case Request::kFileByFilename:
        return add_files(index_.file_named(request.file_by_filename()), sent, response);
      case Request::kFileContainingSymbol:
        return add_files(index_.file_with_symbol(request.file_containing_symbol()), sent, response);
      case Request::kFileContainingExtension:
        return add_files(
            index_.file_with_extension(extension.containing_type(), extension.extension_number()), sent,
            response);
      case Request::kAllExtensionNumbersOfType:
        return add_extension_numbers(request.all_extension_numbers_of_type(), response);
      case Request::kListServices:
        for (const std::string& name : index_.services())
          response.mutable_list_services_response()->add_service()->set_name(name);
        return Status();
      case Request::MESSAGE_REQUEST_NOT_SET:
        break;
    }
    return fail(Code::UNIMPLEMENTED, "the request asks for nothing that this server knows");
  }

  static Status add_files(const Result<const pb::FileDescriptor*>& file, SentFiles& sent,
                          Response& response) {
    if (!file) return file.error();
    for (const pb::FileDescriptor* const needed : sent.add(**file)) {
      pb::FileDescriptorProto description;
      needed->CopyTo(&description);
      needed->CopyJsonNameTo(&description);  // which protoc writes and CopyTo leaves out
      description.SerializeToString(response.mutable_file_descriptor_response()->add_file_descriptor_proto());
    }
    return Status();
  }

  Status add_extension_numbers(const std::string& type, Response& response) const {
    const Result<std::vector<int>> numbers = index_.extension_numbers(type);
    if (!numbers) return numbers.error();
    auto& list = *response.mutable_all_extension_numbers_response();
    list.set_base_type_name(type);
    list.mutable_extension_number()->Add(numbers->begin(), numbers->end());
    return Status();
  }

  const DescriptorIndex& index_;
};

std::vector<std::string> names_of(std::span<const Service* const> services) {
  std::vector<std::string> names = {std::string(V1::Protocol::name), std::string(V1Alpha::Protocol::name)};
  for (const Service* const service : services) names.emplace_back(service->service_name());
  return names;
}

}  // namespace

Reflection::Reflection(std::span<const Service* const> services, const pb::DescriptorPool& pool)
    : index_(std::make_unique<DescriptorIndex>(names_of(services), pool)),
      v1_(std::make_unique<ReflectionService<V1>>(*index_)),
      v1alpha_(std::make_unique<ReflectionService<V1Alpha>>(*index_)) {}

Reflection::~Reflection() = default;

}  // namespace ringrpc
