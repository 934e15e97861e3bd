/// Services: the base class of generated ones, and how to write one by hand.
///
///   class Routes final : public routes::v1::RouteGuide::Service {  // one not overridden: UNIMPLEMENTED
///     Task<Result<Feature>> GetFeature(Call& call, Point where) override;
///     Task<Status> ListFeatures(Call& call, Rectangle area, Writer<Feature>& out) override;
///     Task<Result<Summary>> RecordRoute(Call& call, Reader<Point>& in) override;
///     Task<Status> RouteChat(Call& call, Reader<Note>& in, Writer<Note>& out) override;
///   };
///
/// The code generator writes such a base class for each service of a .proto file, with one virtual function
/// per method. A service written by hand derives from `Service` and lists its methods itself:
///
///   class Mirror final : public Service {
///    public:
///     std::string_view service_name() const noexcept override { return "mirror.v1.Mirror"; }
///     std::span<const Method> service_methods() const noexcept override {
///       static constexpr Method methods[] = {method<&Mirror::reflect>("Reflect")};
///       return methods;
///     }
///
///    private:
///     Task<Result<RawMessage>> reflect(Call&, RawMessage request) { co_return request; }
///   };
///
/// A handler has one of the four forms of `Routes`. A RawMessage in place of a message type takes or
/// gives the serialized bytes. docs/examples/relay/relay.h forwards whole services with a
/// `Method::serve` of its own.
///
/// All shards of a server share one service object and call its handlers on several threads at the same time,
/// so handlers must synchronize the state that they share.
#pragma once

#include "ringrpc/compiler.h"

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ringrpc/call.h"
#include "ringrpc/codec.h"
#include "ringrpc/export.h"
#include "ringrpc/status.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// The kind of a method: which of request and response are streams.
enum class MethodKind : std::uint8_t { unary, client_streaming, server_streaming, bidirectional };

/// True if a request is a single message.
constexpr bool one_request(MethodKind kind) noexcept {
  return kind == MethodKind::unary || kind == MethodKind::server_streaming;
}
/// True if a response is a single message.
constexpr bool one_response(MethodKind kind) noexcept {
  return kind == MethodKind::unary || kind == MethodKind::client_streaming;
}

class Service;

/// A method of a service. `method` makes one from a handler.
struct Method {
  /// As in the .proto file: "GetFeature". Must outlive every server of the service.
  std::string_view name;
  MethodKind kind;  ///< unary, or which sides stream
  /// Runs one call: reads requests from `stream` and writes responses to it. The status ends the call. If the
  /// request is a single message, the server calls this once the message has arrived. All three references
  /// stay valid as long as the task.
  Task<Status> (*serve)(Service& service, Call& call, MessageStream& stream);
  /// The type of requests. The server uses it to parse large messages outside the shard's thread. Null if
  /// `serve` takes serialized messages.
  RequestType (*request)() = nullptr;
};

/// The base class of all services: a name and its methods.
class RINGRPC_EXPORT Service {
 public:
  virtual ~Service() = default;
  /// The full name: "echo.v1.EchoService". The name and the methods must not change
  /// while a server serves them.
  virtual std::string_view service_name() const noexcept = 0;
  /// Its methods, each with its handler.
  virtual std::span<const Method> service_methods() const noexcept = 0;
  /// True if handlers need fields that the request's type does not declare, for example to forward
  /// them. Otherwise the server drops such fields from large messages, because in memory they take
  /// many times their size on the wire.
  virtual bool keeps_unknown_fields() const noexcept { return false; }

  /// A server is about to serve this service. `services` are all services of that server, in the
  /// order given to it, this one included. Called once per start of a server, on the thread that
  /// starts it, before the server accepts connections; another server may be serving this object at
  /// the same time. A failure fails the start with that status. The start may also fail afterwards,
  /// for example because an address is in use.
  virtual Status on_start(std::span<const Service* const> /*services*/) { return {}; }
};

/// Serves the calls to methods that no service of a server has, with the messages as bytes: for proxies.
///
///   class Proxy final : public Fallback {
///     Task<Status> serve(Call& call, MessageStream& stream) override {
///       Reader<RawMessage> in(stream);
///       Writer<RawMessage> out(stream);
///       ...  // call.method() is the path, "/weather.v1.Weather/Watch"
///     }
///   };
///   Proxy proxy;
///   auto server = Server::start({&health}, {.listen = {address}, .fallback = &proxy});
///
/// docs/examples/relay forwards all methods by one.
class RINGRPC_EXPORT Fallback {
 public:
  /// Runs one call, of any kind: a unary call is a stream of one message. It is called once the request's headers
  /// have arrived, on several threads at the same time; interceptors run around it. The status ends the call. Both
  /// references stay valid as long as the task. In metrics these calls count as unknown methods, because clients may
  /// make up any number of them.
  virtual Task<Status> serve(Call& call, MessageStream& stream) = 0;

 protected:
  ~Fallback() = default;
};

namespace detail {

/// A list of services that is none. Refused at compile time; the error says what is
/// wrong with the first bad item.
class NoServiceList {
 public:
  template <class... Item>
    requires(sizeof...(Item) > 0 && !(std::convertible_to<Item, std::span<Service* const>> && ...))
  NoServiceList(Item&&...) {
    static_assert(sizeof...(Item) > 1 || !(std::convertible_to<Item, Service*> && ...),
                  "services are given as a list: `{&service}`");
    (check<std::remove_cvref_t<Item>>(), ...);
  }

 private:
  template <class Item>
  static void check() {
    using Pointee = std::remove_pointer_t<Item>;
    if constexpr (std::convertible_to<Item, Service*>) {
      return;
    } else if constexpr (requires(Pointee& item) { item.v1alpha(); }) {
      static_assert(
          never<Item>,
          "a Reflection has a service for each version: give `&reflection.v1(), &reflection.v1alpha()`");
    } else if constexpr (std::derived_from<Item, Service>) {
      static_assert(never<Item>,
                    "give the address of the service, which must outlive the server: `&service`");
    } else if constexpr (std::derived_from<Pointee, Service>) {
      static_assert(never<Item>,
                    "the service is const, but handlers may change it: declare it without `const`");
    } else if constexpr (requires(Item item) {
                           { item.get() } -> std::convertible_to<Service*>;
                         }) {
      static_assert(never<Item>, "give the pointer that this one holds: `service.get()`");
    } else if constexpr (std::is_pointer_v<Item>) {
      static_assert(never<Item>,
                    "this class is not a service: derive it from the generated class, `class Routes : public "
                    "RouteGuide::Service`, or from ringrpc::Service");
    } else {
      static_assert(never<Item>, "services are given as a list of pointers: `{&service, &other}`");
    }
  }
};

/// Takes a request that was parsed outside the shard's thread. Not inlined, because few are.
template <class Request>
[[gnu::noinline, gnu::cold]] void move_parsed(ParsedMessage& parsed, Request& request) {
  request = std::move(static_cast<ParsedMessageOf<Request>&>(parsed).message);
}

/// Takes the only message of a request, which must have arrived.
template <class Request>
Status take_one(MessageStream& stream, Request& request) {
  if (const std::unique_ptr<ParsedMessage> parsed = stream.take_parsed()) [[unlikely]] {
    move_parsed(*parsed, request);
    return {};
  }
  const std::optional<Pieces> pieces = stream.take_message();
  if (pieces && parse_message(request, *pieces)) return {};
  return unparsable("the request", pieces ? parse_fault<Request>(*pieces) : std::string());
}

/// Sends the response of a handler. Returns the status that ends the call.
template <class Response>
Status finish_with_one(MessageStream& stream, Result<Response>& response) {
  if (!response) return std::move(response).error();
  write_message(stream, *response);
  return {};
}

template <class Handler>
struct HandlerTraits {
  static_assert(never<Handler>,
                "a handler is a member function of one of these forms: "
                "Task<Result<Response>> f(Call&, Request), "
                "Task<Status> f(Call&, Request, Writer<Response>&), "
                "Task<Result<Response>> f(Call&, Reader<Request>&), "
                "Task<Status> f(Call&, Reader<Request>&, Writer<Response>&)");
};
template <class S, class Response, class Request>
struct HandlerTraits<Task<Result<Response>> (S::*)(Call&, Request)> {  // unary
  using Class = S;
  static constexpr MethodKind kind = MethodKind::unary;
  using RequestMessage = Request;
  static Task<Status> serve(Task<Result<Response>> (S::*handler)(Call&, Request), S& service, Call& call,
                            MessageStream& stream) {
    Request request;
    if (Status status = take_one(stream, request); !status.ok()) co_return status;
    Task<Result<Response>> running = (service.*handler)(call, std::move(request));
    co_return finish_with_one(stream, co_await running.in_place());
  }
};
template <class S, class Response, class Request>
struct HandlerTraits<Task<Status> (S::*)(Call&, Request, Writer<Response>&)> {  // server streaming
  using Class = S;
  static constexpr MethodKind kind = MethodKind::server_streaming;
  using RequestMessage = Request;
  static Task<Status> serve(Task<Status> (S::*handler)(Call&, Request, Writer<Response>&), S& service,
                            Call& call, MessageStream& stream) {
    Request request;
    if (Status status = take_one(stream, request); !status.ok()) co_return status;
    Writer<Response> out(stream);
    co_return co_await (service.*handler)(call, std::move(request), out);
  }
};
template <class S, class Response, class Request>
struct HandlerTraits<Task<Result<Response>> (S::*)(Call&, Reader<Request>&)> {  // client streaming
  using Class = S;
  static constexpr MethodKind kind = MethodKind::client_streaming;
  using RequestMessage = Request;
  static Task<Status> serve(Task<Result<Response>> (S::*handler)(Call&, Reader<Request>&), S& service,
                            Call& call, MessageStream& stream) {
    Reader<Request> in(stream);
    Task<Result<Response>> running = (service.*handler)(call, in);
    co_return finish_with_one(stream, co_await running.in_place());
  }
};
template <class S, class Response, class Request>
struct HandlerTraits<Task<Status> (S::*)(Call&, Reader<Request>&, Writer<Response>&)> {  // bidirectional
  using Class = S;
  static constexpr MethodKind kind = MethodKind::bidirectional;
  using RequestMessage = Request;
  static Task<Status> serve(Task<Status> (S::*handler)(Call&, Reader<Request>&, Writer<Response>&),
                            S& service, Call& call, MessageStream& stream) {
    Reader<Request> in(stream);
    Writer<Response> out(stream);
    co_return co_await (service.*handler)(call, in, out);
  }
};

/// The `Method::serve` of `handler`, a member function of S or of a base of S.
template <class S, auto handler>
Task<Status> serve(Service& service, Call& call, MessageStream& stream) {
  return HandlerTraits<decltype(handler)>::serve(handler, static_cast<S&>(service), call, stream);
}

/// S if it is given, else the class that declares the handler.
template <class S, class Traits>
struct OwnerOf {
  using type = S;
};
template <class Traits>
struct OwnerOf<void, Traits> {
  using type = typename Traits::Class;
};

}  // namespace detail

/// A method whose handler is the member function `handler`, in one of the four forms above:
/// `method<&Mirror::reflect>("Reflect")`. `name` must outlive every server of the service. A handler that the
/// service inherits from a class that is not a Service needs the service's type too:
/// `method<&Reflecting::reflect, Mirror>("Reflect")`.
template <auto handler, class S = void>
constexpr Method method(std::string_view name) {
  using Traits = detail::HandlerTraits<decltype(handler)>;
  using Request = typename Traits::RequestMessage;
  using Owner = typename detail::OwnerOf<S, Traits>::type;
  static_assert(
      std::is_base_of_v<Service, Owner>,
      "the class of a handler is not a ringrpc::Service: name the service that inherits the handler, as in "
      "method<&Base::get, MyService>(\"Get\")");
  Method made{name, Traits::kind, &detail::serve<Owner, handler>};
  if constexpr (!std::is_same_v<Request, RawMessage>) made.request = &detail::request_type<Request>;
  return made;
}

/// The result of a method that is not implemented: `co_return unimplemented(call);`. Generated handlers that
/// are not overridden return it.
inline std::unexpected<Status> unimplemented(const Call& call) {
  return fail(Code::UNIMPLEMENTED, std::string(call.method()) + " is not implemented", Initiator::library);
}

}  // namespace ringrpc
