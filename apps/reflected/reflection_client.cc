#include "reflected/reflection_client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ringrpc/sleep.h"

#include "grpc/reflection/v1/reflection.ringrpc.h"
#include "grpc/reflection/v1alpha/reflection.ringrpc.h"

namespace ringrpc::reflected {
namespace {

using namespace std::chrono_literals;
using grpc::reflection::v1::ServerReflection;
namespace v1alpha = grpc::reflection::v1alpha;

/// The time that a server has to end the call after the client has half-closed it.
constexpr Nanoseconds end_timeout = 1s;

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
  for (const std::string& bytes : response->file_descriptor_response().file_descriptor_proto()) {
    if (!files.emplace_back().ParseFromString(bytes))
      co_return fail_with(exit_protocol, "reflection returned something that is not a FileDescriptorProto");
  }
  co_return files;
}

}  // namespace ringrpc::reflected
