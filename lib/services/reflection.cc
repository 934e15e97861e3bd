#include "ringrpc/reflection.h"

#include <google/protobuf/descriptor.pb.h>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grpc/reflection/v1/reflection.ringrpc.h"
#include "grpc/reflection/v1alpha/reflection.ringrpc.h"
#include "services/descriptor_index.h"

namespace ringrpc {

namespace pb = google::protobuf;

/// The descriptors of the server that started last. From any thread.
class ReflectedServices {
 public:
  explicit ReflectedServices(const pb::DescriptorPool& pool) : pool_(pool) { set({}); }

  void set(std::span<const Service* const> services) {
    std::vector<std::string> names;
    for (const Service* const service : services) names.emplace_back(service->service_name());
    auto index = std::make_shared<const DescriptorIndex>(std::move(names), pool_);
    const std::lock_guard lock(mutex_);
    index_ = std::move(index);
  }

  std::shared_ptr<const DescriptorIndex> index() const {
    const std::lock_guard lock(mutex_);
    return index_;
  }

 private:
  const pb::DescriptorPool& pool_;
  mutable std::mutex mutex_;
  std::shared_ptr<const DescriptorIndex> index_;
};

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

/// The responses of one stream. The two versions of the protocol differ only in their names.
template <class Version>
class Responses {
 public:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  explicit Responses(std::shared_ptr<const DescriptorIndex> index) : index_(std::move(index)) {}

  Response to(Request request) {
    Response response;
    response.set_valid_host(request.host());
    if (Status status = fill(response, request); !status.ok()) {
      response.mutable_error_response()->set_error_code(static_cast<int>(status.code()));
      response.mutable_error_response()->set_error_message(std::string(status.message()));
    }
    *response.mutable_original_request() = std::move(request);
    return response;
  }

 private:
  Status fill(Response& response, const Request& request) {
    const auto& extension = request.file_containing_extension();
    switch (request.message_request_case()) {
      case Request::kFileByFilename:
        return add_files(index_->file_named(request.file_by_filename()), response);
      case Request::kFileContainingSymbol:
        return add_files(index_->file_with_symbol(request.file_containing_symbol()), response);
      case Request::kFileContainingExtension:
        return add_files(
            index_->file_with_extension(extension.containing_type(), extension.extension_number()), response);
      case Request::kAllExtensionNumbersOfType:
        return add_extension_numbers(request.all_extension_numbers_of_type(), response);
      case Request::kListServices:
        for (const std::string& name : index_->services())
          response.mutable_list_services_response()->add_service()->set_name(name);
        return Status();
      case Request::MESSAGE_REQUEST_NOT_SET:
        break;
    }
    return fail(Code::UNIMPLEMENTED, "the request has no message_request that this server supports");
  }

  Status add_files(const Result<const pb::FileDescriptor*>& file, Response& response) {
    if (!file) return file.error();
    for (const pb::FileDescriptor* const needed : sent_.add(**file)) {
      pb::FileDescriptorProto description;
      needed->CopyTo(&description);
      needed->CopyJsonNameTo(&description);  // which protoc writes and CopyTo leaves out
      description.SerializeToString(response.mutable_file_descriptor_response()->add_file_descriptor_proto());
    }
    return Status();
  }

  Status add_extension_numbers(const std::string& type, Response& response) const {
    const Result<std::vector<int>> numbers = index_->extension_numbers(type);
    if (!numbers) return numbers.error();
    auto& list = *response.mutable_all_extension_numbers_response();
    list.set_base_type_name(type);
    list.mutable_extension_number()->Add(numbers->begin(), numbers->end());
    return Status();
  }

  std::shared_ptr<const DescriptorIndex> index_;
  SentFiles sent_;
};

template <class Version>
class ReflectionService final : public Version::Protocol::Service {
 public:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  explicit ReflectionService(ReflectedServices& services) : services_(services) {}

  Status on_start(std::span<const Service* const> services) override {
    services_.set(services);
    return {};
  }

  Task<Status> ServerReflectionInfo(Call&, Reader<Request>& in, Writer<Response>& out) override {
    Responses<Version> responses(services_.index());
    while (std::optional<Request> request = co_await in.next()) {
      const Response response = responses.to(std::move(*request));
      if (!co_await out.write(response)) break;
    }
    co_return Status();
  }

 private:
  ReflectedServices& services_;
};

}  // namespace

Reflection::Reflection(const pb::DescriptorPool& pool)
    : services_(std::make_unique<ReflectedServices>(pool)),
      v1_(std::make_unique<ReflectionService<V1>>(*services_)),
      v1alpha_(std::make_unique<ReflectionService<V1Alpha>>(*services_)) {}

Reflection::~Reflection() = default;

}  // namespace ringrpc
