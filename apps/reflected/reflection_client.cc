#include "reflected/reflection_client.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "ringrpc/bytes.h"
#include "ringrpc/sleep.h"

#include "grpc/reflection/v1/reflection.ringrpc.h"
#include "grpc/reflection/v1alpha/reflection.ringrpc.h"
#include "rpc/message/message_shape.h"

namespace ringrpc::reflected {
namespace {

using namespace std::chrono_literals;
using grpc::reflection::v1::ServerReflection;
namespace v1alpha = grpc::reflection::v1alpha;

/// The time that a server has to end the call after the client has half-closed it.
constexpr Nanoseconds end_timeout = 1s;

/// Parsed descriptors take up to a hundred times the bytes on the wire. Services of hundreds of files take a few MiB.
constexpr std::size_t memory_bytes_max = std::size_t{128} << 20;

/// An estimate for a file that is not parsed yet.
std::size_t memory_of(const std::string& bytes) {
  const Bytes piece = as_bytes(bytes);
  return MessageShape::of(*google::protobuf::FileDescriptorProto::descriptor())
      .weigh({&piece, 1}, std::numeric_limits<std::size_t>::max())
      .memory_bytes;
}

std::string reflection_path(std::string_view service) {
  return "/" + std::string(service) + "/ServerReflectionInfo";
}

}  // namespace

void ReflectionClient::begin_call() {
  // The two versions differ in their names alone, so the messages of one serve both.
  const std::string path = reflection_path(v1_ ? ServerReflection::name : v1alpha::ServerReflection::name);
  stream_.emplace(channel_.call(path, MethodKind::bidirectional, make_options_()));
}

Task<Outcome<ReflectionClient::Response>> ReflectionClient::ask(Request request) {
  for (;;) {
    if (!stream_) begin_call();
    const bool written = co_await stream_->write(request);
    std::optional<Response> response;
    if (written) response = co_await stream_->next();
    if (response) {
      responded_ = true;
      co_return std::move(*response);
    }
    const Status status = co_await stream_->finish();
    stream_.reset();
    const bool older = status.code() == Code::UNIMPLEMENTED && v1_ && !responded_;
    if (!older) co_return std::unexpected(failure(status));
    v1_ = false;
  }
}

Task<> ReflectionClient::end() {
  if (!stream_) co_return;
  stream_->writes_done();
  Task<> canceller = cancel_in_time();
  canceller.start();
  while (const std::optional<Response> late = co_await stream_->next()) continue;
  (void)co_await stream_->finish();
  stream_.reset();
}

Task<> ReflectionClient::cancel_in_time() {
  co_await sleep_for(end_timeout);
  stream_->cancel();
}

Failure ReflectionClient::failure(const Status& status) const {
  if (status.ok()) return {exit_protocol, channel_.target() + ": reflection ended without a response"};
  if (status.code() != Code::UNIMPLEMENTED || responded_) return call_failure("reflection", status);
  return {static_cast<int>(Code::UNIMPLEMENTED),
          channel_.target() + " has no reflection; register " + std::string(ServerReflection::name) +
              " in that server, or describe its services by --proto or --protoset"};
}

Task<Outcome<std::vector<std::string>>> ReflectionClient::services() {
  Request request;
  request.set_list_services("");
  Outcome<Response> response = co_await ask(std::move(request));
  if (!response) co_return std::unexpected(std::move(response).error());
  std::vector<std::string> names;
  for (const auto& service : response->list_services_response().service()) names.push_back(service.name());
  std::ranges::sort(names);
  co_return names;
}

Task<Outcome<ReflectionClient::Files>> ReflectionClient::files_with_symbol(std::string symbol) {
  Request request;
  request.set_file_containing_symbol(std::move(symbol));
  return ask_for_files(std::move(request));
}

Task<Outcome<ReflectionClient::Files>> ReflectionClient::file_named(std::string name) {
  Request request;
  request.set_file_by_filename(std::move(name));
  return ask_for_files(std::move(request));
}

Task<Outcome<ReflectionClient::Files>> ReflectionClient::ask_for_files(Request request) {
  Outcome<Response> response = co_await ask(std::move(request));
  if (!response) co_return std::unexpected(std::move(response).error());
  if (response->has_error_response()) {
    const auto& error = response->error_response();
    const Code code =
        code_from_number(static_cast<std::uint32_t>(error.error_code())).value_or(Code::UNKNOWN);
    if (code == Code::NOT_FOUND) co_return fail_with(exit_not_found, error.error_message());
    co_return std::unexpected(
        call_failure("reflection", Status(code, error.error_message(), Initiator::peer)));
  }
  Files files;
  std::size_t held = held_bytes_;
  for (const std::string& bytes : response->file_descriptor_response().file_descriptor_proto()) {
    const std::size_t weight = memory_of(bytes);
    held += weight;
    if (held > memory_bytes_max)
      co_return fail_with(exit_protocol,
                          "reflection returned descriptors that take more than " +
                              std::to_string(memory_bytes_max >> 20) +
                              " MiB of memory; describe the services by --proto or --protoset");
    if (!files.emplace_back().ParseFromString(bytes))
      co_return fail_with(exit_protocol, "reflection returned something that is not a FileDescriptorProto");
    // Servers send a file again with each file that imports it; the catalogue keeps it once.
    if (names_.insert(files.back().name()).second) held_bytes_ += weight;
  }
  co_return files;
}

}  // namespace ringrpc::reflected
