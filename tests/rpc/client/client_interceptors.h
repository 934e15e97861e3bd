/// Client interceptors for tests, and calls to run them around.
///
///   Custom refusing([](ClientRequest&, ClientNext) -> Task<Status> {
///     co_return Status(Code::ABORTED, "no");
///   });
///   world.run(script, with({&refusing}));
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/client_interceptor.h"
#include "ringrpc/sleep.h"

#include "rpc/world.h"

namespace ringrpc {

inline ClientStream<RawMessage, RawMessage> chat(const Channel& channel, const CallOptions& options = {}) {
  return ClientStream<RawMessage, RawMessage>(
      channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, options));
}

/// Runs a function of the test around each call, and counts the frames that exist.
class Custom final : public ClientInterceptor {
 public:
  using Around = std::function<Task<Status>(ClientRequest&, ClientNext)>;
  explicit Custom(Around around) : around_(std::move(around)) {}

  Task<Status> intercept(ClientRequest& request, ClientNext next) override {
    const Presence presence(frames);
    Status status = co_await around_(request, next);
    co_return status;
  }

  int frames = 0;

 private:
  struct Presence {
    explicit Presence(int& of) noexcept : count(of) { ++count; }
    Presence(const Presence&) = delete;
    ~Presence() { --count; }
    int& count;
  };

  Around around_;
};

/// Records the calls and their codes.
inline Custom witness(const std::string& name, std::vector<std::string>& seen) {
  return Custom([name, &seen](ClientRequest& request, ClientNext next) -> Task<Status> {
    seen.push_back(name + " before " + std::string(request.method));
    Status status = co_await next();
    seen.push_back(name + " after " + std::string(ringrpc::name(status.code())));
    co_return status;
  });
}

/// Lets each call wait before it begins.
inline Custom slow(Nanoseconds wait) {
  return Custom([wait](ClientRequest&, ClientNext next) -> Task<Status> {
    co_await sleep_for(wait);
    co_return co_await next();
  });
}

inline ChannelOptions with(std::vector<ClientInterceptor*> interceptors) {
  ChannelOptions options;
  options.interceptors = std::move(interceptors);
  return options;
}

}  // namespace ringrpc
