#include "interop/stalled_cases.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/sleep.h"

#include "grpc/testing/test.ringrpc.h"
#include "interop/payload.h"

namespace ringrpc::interop {
namespace {

using namespace std::chrono_literals;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;
using grpc::testing::TestService;

using DuplexCall = ClientStream<StreamingOutputCallRequest, StreamingOutputCallResponse>;

constexpr std::int64_t total_bytes = std::int64_t{1} << 30;
constexpr std::int64_t bytes_before_pause = std::int64_t{8} << 20;
constexpr std::int32_t message_bytes = 64 * 1024;
constexpr auto pause = 1s;

/// The peak memory of this process, in the kernel's format.
std::string peak_resident() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) return line.substr(line.find_first_of("0123456789"));
  }
  return "unknown";
}

/// The bytes that the sender has passed to its call.
struct Progress {
  std::int64_t sent_bytes = 0;
  std::int64_t sent_before_pause = 0;
};

Task<void> send_all(DuplexCall& call, Progress& progress) {
  StreamingOutputCallRequest request;
  *request.mutable_payload() = make_payload(message_bytes);
  StreamingOutputCallRequest pausing =
      request;  // its response follows the pause; then the server continues to read
  pausing.add_response_parameters()->set_size(1);
  pausing.mutable_response_parameters(0)->set_interval_us(std::chrono::microseconds(pause).count());
  while (progress.sent_bytes < total_bytes) {
    const bool pauses = progress.sent_bytes == bytes_before_pause;
    if (!co_await call.write(pauses ? pausing : request)) co_return;
    progress.sent_bytes += message_bytes;
    if (pauses) progress.sent_before_pause = progress.sent_bytes;
  }
  call.writes_done();
}

}  // namespace

Task<Status> upload_to_stalled_reader(Channel& channel) {
  DuplexCall call = TestService::Stub(channel).FullDuplexCall();
  Progress progress;
  const Task<void> sending = send_all(call, progress);
  sending.start();
  co_await call.next();
  const std::int64_t under_way = progress.sent_bytes - progress.sent_before_pause;
  while (co_await call.next()) {
  }
  Status status = co_await call.finish();
  if (!status.ok()) co_return status;
  if (progress.sent_bytes < total_bytes)
    co_return Status(Code::FAILED_PRECONDITION, "the server ended the call before it had read everything");
  std::fprintf(stderr, "under way during the pause: %lld KiB; peak resident: %s\n",
               static_cast<long long>(under_way / 1024), peak_resident().c_str());
  co_return Status();
}

Task<Status> download_by_stalled_reader(Channel& channel) {
  StreamingOutputCallRequest request;
  for (std::int64_t bytes = 0; bytes < total_bytes; bytes += message_bytes)
    request.add_response_parameters()->set_size(message_bytes);
  auto call = TestService::Stub(channel).StreamingOutputCall(request);
  std::int64_t received_bytes = 0;
  while (const std::optional<StreamingOutputCallResponse> response = co_await call.next()) {
    received_bytes += static_cast<std::int64_t>(response->payload().body().size());
    if (received_bytes == bytes_before_pause) co_await sleep_for(pause);
  }
  Status status = co_await call.finish();
  if (!status.ok()) co_return status;
  if (received_bytes != total_bytes)
    co_return Status(Code::FAILED_PRECONDITION, std::to_string(received_bytes) + " bytes came");
  std::fprintf(stderr, "peak resident: %s\n", peak_resident().c_str());
  co_return Status();
}

}  // namespace ringrpc::interop
