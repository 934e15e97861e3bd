#include "grpcd/services/echo.h"

#include <chrono>
#include <utility>

namespace ringrpc {

Task<Result<echo::v1::EchoResponse>> EchoService::Echo(Call& call, echo::v1::EchoRequest request) {
  using std::chrono::duration_cast;
  using std::chrono::system_clock;

  call.set_compression(call.message_compression());
  echo::v1::EchoResponse response;
  // Transfers the string objects themselves: a move would allocate a new string object for each field.
  response.set_allocated_payload(request.release_payload());
  response.set_allocated_request_id(request.release_request_id());
  response.set_timestamp(duration_cast<Nanoseconds>(system_clock::now().time_since_epoch()).count());
  response.set_server_latency_ns((call.now() - call.received_at()).count());
  co_return response;
}

}  // namespace ringrpc
