// The examples at the heads of the public headers, so that they compile. Each region has the name of its
// header. Code that the examples omit ("...") or assume is here too. Nothing here runs.
#include <functional>
#include <iostream>
#include <mutex>

#include "ringrpc/allow_list.h"
#include "ringrpc/bearer_auth.h"
#include "ringrpc/bearer_token.h"
#include "ringrpc/block_on.h"
#include "ringrpc/event_count.h"
#include "ringrpc/health.h"
#include "ringrpc/jwt_auth.h"
#include "ringrpc/jwt_keys.h"
#include "ringrpc/log.h"
#include "ringrpc/metrics.h"
#include "ringrpc/rate_limiter.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"
#include "ringrpc/shield.h"
#include "ringrpc/sleep.h"
#include "ringrpc/status_details.h"
#include "ringrpc/stop.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/testing/fake_call.h"
#include "ringrpc/testing/fake_client_call.h"
#include "ringrpc/testing/in_process.h"
#include "ringrpc/tls.h"
#include "ringrpc/turn_share.h"
#include "ringrpc/when.h"
#include "ringrpc/worker_pool.h"

#include "echo/v1/echo.ringrpc.h"
#include "google/rpc/error_details.pb.h"

using namespace ringrpc;
using namespace std::chrono_literals;
using echo::v1::EchoRequest;
using echo::v1::EchoResponse;
using echo::v1::EchoService;

using Feature = RawMessage;
using Note = RawMessage;
using Order = RawMessage;
using Point = RawMessage;
using Receipt = RawMessage;
using Rectangle = RawMessage;
using Reply = RawMessage;
using Request = RawMessage;
using Signature = RawMessage;
using State = RawMessage;
using Summary = RawMessage;

struct Line {
  std::string text;
};

// [codec.h]
template <>
struct ringrpc::Codec<Line> {
  static bool parse(Line& line, Bytes bytes);
  static std::size_t size(const Line& line);
  static void serialize(const Line& line, std::uint8_t* to);
};
// [/codec.h]

namespace routes::v1 {

struct RouteGuide {
  class Service : public ringrpc::Service {
   public:
    std::string_view service_name() const noexcept override;
    std::span<const Method> service_methods() const noexcept override;
    virtual Task<Result<Feature>> GetFeature(Call& call, Point where);
    virtual Task<Status> ListFeatures(Call& call, Rectangle area, Writer<Feature>& out);
    virtual Task<Result<Summary>> RecordRoute(Call& call, Reader<Point>& in);
    virtual Task<Status> RouteChat(Call& call, Reader<Note>& in, Writer<Note>& out);
  };
  class StubInterface {
   public:
    virtual ~StubInterface() = default;
    virtual ClientReader<Feature> ListFeatures(const Rectangle& area, const CallOptions& options = {}) const;
    virtual ClientStream<Note, Note> RouteChat(const CallOptions& options = {}) const;
  };
  class Stub final : public StubInterface {};
};

}  // namespace routes::v1

namespace examples {

std::string fresh_id();
std::string host_name();
bool inside(const Point& where);
void print(const Feature& feature);
int report(const Status& status);

struct Ledger {
  Task<Receipt> book(Order order);
};

struct Key {
  Signature sign(int digest) const;
};

struct Handlers {
  virtual ~Handlers() = default;
  virtual Task<Result<Reply>> Get(Call& call, Request request) = 0;
  virtual Task<Result<Reply>> Echo(Call& call, Request request) = 0;
  virtual Task<Result<Receipt>> Pay(Call& call, Order order) = 0;
};

void show_bearer_auth(ServerOptions& options) {
  // [bearer_auth.h]
  BearerAuth authentication(BearerAuth::known_tokens({{"2YotnFZFEjr1zCsicMWp", "alice"}}));
  authentication.leave_open("grpc.health.v1.Health");
  options.interceptors = {&authentication};
  // [/bearer_auth.h]
}

int show_jwt_keys() {
  // [jwt_keys.h]
  auto keys = JwtKeys::load(Pem::file("/etc/routes/jwks.json"));
  if (!keys) return report(keys.error());
  Status status = (*keys)->reload();  // the issuer has new keys; a failure changes nothing
  // [/jwt_keys.h]
  return report(status);
}

int show_jwt_auth(ServerOptions& options, Call& call) {
  std::string caller, email;
  // [jwt_auth.h]
  auto keys = JwtKeys::load(Pem::file("/etc/routes/jwks.json"));
  if (!keys) return report(keys.error());
  auto jwt = JwtAuth::start({.keys = *keys, .issuer = "https://login.example.org", .audience = "routes"});
  if (!jwt) return report(jwt.error());
  options.interceptors = {jwt->get()};

  caller = call.attributes().find(BearerAuth::principal).value_or("nobody");  // in a handler: `sub`
  email = JwtAuth::claim(call, "email").value_or("unknown");
  // [/jwt_auth.h]
  return static_cast<int>(caller.size() + email.size());
}

void show_bearer_token() {
  // [bearer_token.h]
  BearerToken token("2YotnFZFEjr1zCsicMWp");
  ChannelOptions options;
  options.interceptors = {&token};
  // [/bearer_token.h]
}

void show_block_on(const EchoRequest& request, routes::v1::RouteGuide::Stub& routes, const Rectangle& area) {
  // [block_on.h]
  Channel channel("127.0.0.1:50051");
  EchoService::Stub echo(channel);
  Result<EchoResponse> response = block_on(echo.Echo(request));

  Status status = block_on([&]() -> Task<Status> {
    auto features = routes.ListFeatures(area);
    while (auto feature = co_await features.next()) print(*feature);
    co_return co_await features.finish();
  });
  // [/block_on.h]
}

struct ShownCalls : Handlers {
  // [call.h]
  Task<Result<Reply>> Get(Call& call, Request request) override {
    log::info("{} asked", call.peer());
    Status added = call.trailing_metadata().add("served-by", host_name());
    if (!added.ok()) co_return std::unexpected(added);
    co_return Reply{};
  }
  // [/call.h]

  // [task.h]
  Task<Result<Reply>> Echo(Call& call, Request request) override {
    co_await sleep_for(10ms);
    co_return Reply{request.bytes};
  }
  // [/task.h]

  // [shield.h]
  Task<Result<Receipt>> Pay(Call& call, Order order) override {
    co_return co_await shield(ledger_.book(std::move(order)));  // both entries or none
  }
  // [/shield.h]

 private:
  Ledger ledger_;
};

Task<void> show_channel(EchoRequest request) {
  // [channel.h]
  Channel channel("127.0.0.1:50051");
  EchoService::Stub echo(channel);
  CallResult<EchoResponse> response = co_await echo.Echo(request, {.timeout = 200ms});
  // [/channel.h]
}

Task<Status> show_call_result(EchoService::Stub& echo, EchoRequest request) {
  // [call_result.h]
  CallResult<EchoResponse> response = co_await echo.Echo(request);
  if (!response) co_return response.error();
  const auto cost = response.metadata.trailing.find("request-cost");
  log::info("{} from {}, at {}", response->payload(), response.peer(), cost.value_or("no cost"));
  // [/call_result.h]
  co_return Status();
}

Task<Status> show_call_options(EchoService::Stub& echo, EchoRequest request, std::string id) {
  // [call_options.h]
  CallOptions options{.timeout = 200ms, .wait_for_ready = true};
  if (Status status = options.metadata.add("request-id", id); !status.ok()) co_return status;
  auto response = co_await echo.Echo(request, options);
  // [/call_options.h]
  co_return Status();
}

void show_client_call(Channel& channel, std::string bytes, MessageStream::Waiter& waiter) {
  // [client_call.h]
  std::unique_ptr<ClientCall> call = channel.call("/echo.v1.EchoService/Echo", MethodKind::unary, {});
  write_message(*call, RawMessage{bytes});
  call->writes_done();
  call->wait_finished(&waiter);  // calls waiter.on_ready() once the status is known
  // [/client_call.h]
}

Task<Status> show_client_stream(routes::v1::RouteGuide::Stub& routes, Note note) {
  // [client_stream.h]
  ClientStream<Note, Note> chat = routes.RouteChat();
  co_await chat.write(note);                                // false: the call is over
  chat.writes_done();                                       // half-closes it, as `finish` does
  while (auto heard = co_await chat.next()) print(*heard);  // until the server has finished
  Status status = co_await chat.finish();                   // how the call ended
  // [/client_stream.h]
  co_return status;
}

namespace client {

// [client_interceptor.h]
class Audit final : public ClientInterceptor {
  Task<Status> intercept(ClientRequest& request, ClientNext next) override {
    (void)request.metadata.add("x-request-id", fresh_id());
    Status status = co_await next();
    log::info("{} of {}: {}", request.method, request.target, status.to_string());
    co_return status;
  }
};
// [/client_interceptor.h]

void show_options(ChannelOptions& options, Audit& audit, BearerToken& token) {
  // [client_interceptor.h]
  options.interceptors = {&audit, &token};  // of ChannelOptions; the first is the outermost
  // [/client_interceptor.h]
}

}  // namespace client

int show_allow_list(ServerOptions& options) {
  // [allow_list.h]
  AllowList allowed;
  Status status = allowed.add("/echo.v1.EchoService/*", "spiffe://example.org/billing");
  if (status.ok()) status = allowed.add("/grpc.health.v1.Health/*", "*");
  if (!status.ok()) return report(status);
  options.interceptors = {&allowed};
  // [/allow_list.h]
  return 0;
}

void show_compression(Call& call, CallOptions& options) {
  // [compression.h]
  call.set_compression(Compression::gzip);  // of a server's response, if the client accepts it
  options.compression = Compression::zstd;  // of a client's requests
  // [/compression.h]
}

class Board {
  void set(State state);
  State state();
  Task<Status> Watch(Call&, Request request, Writer<State>& out);

  std::mutex mutex_;
  State state_;
  EventCount changes_;
};

// [event_count.h]
void Board::set(State state) {  // from any thread
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
  }
  changes_.notify();  // after the change
}
Task<Status> Board::Watch(Call& call, Request request, Writer<State>& out) {
  while (!call.stopping()) {
    const std::uint64_t seen = changes_.count();  // before the state is read, so that no change is missed
    co_await out.write(state());
    co_await when_any(changes_.past(seen), call.until_stopping());
  }
  co_return fail(Code::UNAVAILABLE, "the server is shutting down");
}
// [/event_count.h]

void show_health(Service& routes, const ServerOptions& options) {
  // [health.h]
  HealthService health;  // the whole server, "", is serving from the start
  health.set("routes.v1.RouteGuide", ServingStatus::serving);
  auto server = Server::start({&routes, &health}, options);
  std::cin.get();
  health.shut_down();  // no new calls are sent here
  (*server)->drain(30s);
  // [/health.h]
}

void show_io_backend() {
  // [io_backend.h]
  ServerOptions options;
  options.io = IoBackend::epoll;
  // [/io_backend.h]
}

Status allowed(Call& call);

// [interceptor.h]
class Audit final : public Interceptor {
  Task<Status> intercept(Call& call, Next next) override {
    if (Status status = allowed(call); !status.ok()) co_return status;
    co_return co_await next();
  }
  void on_end(Call& call, const Status& status) override {
    log::info("{} called {}: {}", call.peer(), call.method(), status.to_string());
  }
};
// [/interceptor.h]

void show_interceptors(ServerOptions& options, BearerAuth& authentication, Audit& audit) {
  // [interceptor.h]
  options.interceptors = {&authentication, &audit};  // the first is the outermost
  // [/interceptor.h]
}

// [message_observer.h]
class NonEmpty final : public MessageObserver {
  Status on_request(const MessageView& request) override {
    if (request.size() > 0) return {};
    return Status(Code::INVALID_ARGUMENT, "the request is empty");
  }
};
// [/message_observer.h]

class NonEmptyRequests final : public Interceptor {
  Task<Status> intercept(Call&, Next next) override {
    // [message_observer.h]
    NonEmpty observer;
    co_return co_await next(observer);
    // [/message_observer.h]
  }
};

Task<Status> show_metadata(Call& call, std::string cost) {
  // [metadata.h]
  if (Status status = call.trailing_metadata().add("request-cost", cost); !status.ok()) co_return status;
  if (auto token = call.metadata().find("authorization")) co_return Status();
  // [/metadata.h]
  co_return Status();
}

Task<Result<Reply>> show_peer_identity(Call& call) {
  // [peer_identity.h]
  const PeerIdentity peer = call.peer_identity();
  if (!peer.unix_credentials || peer.unix_credentials->uid != 0)
    co_return fail(Code::PERMISSION_DENIED, "only root may ask that");
  // [/peer_identity.h]
  co_return Reply{};
}

void show_rate_limiter(ServerOptions& options) {
  // [rate_limiter.h]
  RateLimiter limiter(1000, 200);  // 1,000 calls a second, 200 at once after a pause
  options.interceptors = {&limiter};
  // [/rate_limiter.h]
}

void show_reflection(Service& routes, HealthService& health, const ServerOptions& options) {
  // [reflection.h]
  Reflection reflection;
  auto server = Server::start({&routes, &health, &reflection.v1(), &reflection.v1alpha()}, options);
  // [/reflection.h]
}

// [service.h]
class Routes final : public routes::v1::RouteGuide::Service {  // one not overridden: UNIMPLEMENTED
  Task<Result<Feature>> GetFeature(Call& call, Point where) override;
  Task<Status> ListFeatures(Call& call, Rectangle area, Writer<Feature>& out) override;
  Task<Result<Summary>> RecordRoute(Call& call, Reader<Point>& in) override;
  Task<Status> RouteChat(Call& call, Reader<Note>& in, Writer<Note>& out) override;
};
// [/service.h]

// [service.h]
class Mirror final : public Service {
 public:
  std::string_view service_name() const noexcept override { return "mirror.v1.Mirror"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr Method methods[] = {method<&Mirror::reflect>("Reflect")};
    return methods;
  }

 private:
  Task<Result<RawMessage>> reflect(Call&, RawMessage request) { co_return request; }
};
// [/service.h]

int show_server() {
  // [server.h]
  Routes routes;
  ServerOptions options;
  options.listen = {"127.0.0.1:50051", "unix:/run/routes.sock"};
  Result<std::unique_ptr<Server>> server = Server::start({&routes}, options);
  if (!server) return report(server.error());
  (*server)->drain(30s);  // on SIGTERM: no new calls, those in flight finish
  // [/server.h]
  return 0;
}

void show_listen_addresses(ServerOptions& options) {
  // [listen_addresses.h]
  options.listen = {"127.0.0.1:50051", "unix:/run/routes.sock"};
  // [/listen_addresses.h]
}

void respond(std::string_view content_type, std::string_view body);

void show_metrics(std::string_view accept, std::string_view text) {
  // [metrics.h]
  const MetricsFormat format = metrics_format(accept);  // of an HTTP request
  respond(content_type(format), text);
  // [/metrics.h]
}

Task<void> show_sleep(void (*take_sample)()) {
  // [sleep.h]
  co_await sleep_for(10ms);
  for (Instant due = now();; due += 1min) {  // a period that does not drift
    co_await sleep_until(due);
    take_sample();
  }
  // [/sleep.h]
}

// [status.h]
Result<Feature> find(Point where) {
  if (!inside(where)) return fail(Code::OUT_OF_RANGE, "latitude must be within [-90, 90]");
  return Feature{};
}
// [/status.h]

Task<int> show_streams(Reader<Point>& in, Writer<Feature>& out, Feature feature) {
  int count = 0;
  // [stream.h]
  while (auto point = co_await in.next()) ++count;  // ends when the peer has finished sending
  co_await out.write(feature);                      // waits while the peer is not reading
  // [/stream.h]
  co_return count;
}

int show_tls(ServerOptions& options) {
  // [tls.h]
  auto tls = ServerTls::load({.certificate = Pem::file("server.pem"),
                              .private_key = Pem::file("server.key"),
                              .client_authorities = Pem::file("clients.pem")});
  if (!tls) return report(tls.error());
  options.tls = *tls;  // of ServerOptions; ClientTls is for ChannelOptions
  // [/tls.h]
  return 0;
}

Task<Status> show_when(Reader<Note>& in, EchoService::Stub& prices, EchoService::Stub& stocks,
                       EchoRequest item) {
  // [when.h]
  auto [price, stock] = co_await when_all(prices.Echo(item), stocks.Echo(item));  // two Results
  auto first = co_await when_any(in.next(), sleep_for(30s));
  if (first.index() == 1) co_return fail(Code::DEADLINE_EXCEEDED, "no message for 30 s");
  // [/when.h]
  co_return price&& stock ? Status() : Status(Code::INTERNAL, "");
}

class EchoServer final : public EchoService::Service {
 public:
  Task<Result<EchoResponse>> Echo(Call&, EchoRequest) override { co_return EchoResponse(); }
};

void show_testing(const EchoRequest& request) {
  // [in_process.h]
  EchoServer server;
  testing::InProcess world({&server});
  EchoService::Stub echo(world.channel());
  Result<EchoResponse> response = world.run(echo.Echo(request));
  // [/in_process.h]
}

void show_fakes(testing::InProcess& world, EchoServer& server, const EchoRequest& request) {
  // [fake_call.h]
  testing::FakeCall call("/echo.v1.EchoService/Echo");
  call.time_limit = call.now() + 2s;
  Result<EchoResponse> response = world.run(server.Echo(call, request));
  // [/fake_call.h]
}

class MockRoutes;
Task<Status> print_features(const MockRoutes& mock);

// [fake_client_call.h]
class MockRoutes final : public routes::v1::RouteGuide::StubInterface {
 public:
  ClientReader<Feature> ListFeatures(const Rectangle&, const CallOptions&) const override {
    return ClientReader<Feature>(features.call());
  }
  mutable testing::FakeClientCall features;
};
// [/fake_client_call.h]

void show_mock(const Feature& feature) {
  MockRoutes mock;
  // [fake_client_call.h]
  mock.features.respond(feature);
  mock.features.finish();
  testing::InProcess world({});
  Status status = world.run(print_features(mock));  // takes a const RouteGuide::StubInterface&
  // [/fake_client_call.h]
}

// [stop.h]
Task<Status> follow(routes::v1::RouteGuide::Stub routes, std::stop_token stop) {
  auto features = routes.ListFeatures(Rectangle());
  for (;;) {
    auto next = co_await when_any(features.next(), stop_requested(stop));
    if (next.index() == 1 || !std::get<0>(next)) break;
    print(*std::get<0>(next));
  }
  co_return Status();  // the call is cancelled when `features` is destroyed
}
// [/stop.h]

struct Talk {
  static Task<> hear(Reader<Note>& in);
  static Task<> speak(Writer<Note>& out);

  // [task_scope.h]
  Task<Status> Chat(Call&, Reader<Note>& in, Writer<Note>& out) {
    TaskScope scope;
    scope.spawn(hear(in));  // two tasks of this handler, at once
    scope.spawn(speak(out));
    co_return co_await scope.join();  // the first failure, once both have ended
  }
  // [/task_scope.h]
};

Task<Status> show_details(const Status& status, std::int64_t& wait_s) {
  // [status_details.h]
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(30);
  co_return with_detail(Status(Code::UNAVAILABLE, "the ledger is closed"), retry);
  // the caller:
  if (auto info = find_detail<google::rpc::RetryInfo>(status)) wait_s = info->retry_delay().seconds();
  // [/status_details.h]
}

Task<Signature> show_turn_share(int digest, Signature (*sign)(int digest)) {
  // [turn_share.h]
  co_await turn_share();
  Signature signature = sign(digest);  // some tens of microseconds
  // [/turn_share.h]
  co_return signature;
}

Task<Result<Signature>> show_worker_pool(const Key* key, int digest) {
  // [worker_pool.h]
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start({.threads = 4, .queue_limit = 256});
  if (!pool) co_return std::unexpected(pool.error());
  Result<Signature> signature = co_await (*pool)->run([key, digest] { return key->sign(digest); });
  if (!signature)
    co_return std::unexpected(signature.error());  // RESOURCE_EXHAUSTED: 256 jobs were waiting already
  // [/worker_pool.h]
  co_return *signature;
}

}  // namespace examples
