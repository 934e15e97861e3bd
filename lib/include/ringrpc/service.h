/// What generated service bases are made of, and what a server needs to know of a service.
///
/// The code generator writes, for each service of a .proto file, a class with one virtual function a method:
///
///   class Routes final : public routes::v1::RouteGuide::Service {  // one not overridden: UNIMPLEMENTED
///     Task<Result<Feature>> GetFeature(Call& call, Point where) override;
///     Task<Status> ListFeatures(Call& call, Rectangle area, Writer<Feature>& out) override;
///     Task<Result<Summary>> RecordRoute(Call& call, Reader<Point>& in) override;
///     Task<Status> RouteChat(Call& call, Reader<Note>& in, Writer<Note>& out) override;
///   };
///
/// A service may also be assembled by hand: a name, and a Method for each method, whose `serve` does with the
/// bytes in the MessageStream what it likes. `detail::method` makes one of a member function of the forms
/// above, where a RawMessage in the place of a message leaves it unparsed. docs/examples/relay.h forwards
/// whole services that way.
///
/// One object serves all shards: its handlers run on several threads at the same time and share nothing
/// unless they see to it.
#pragma once

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
#include "ringrpc/status.h"
#include "ringrpc/stream.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// Which sides of a method stream.
enum class MethodKind : std::uint8_t { unary, client_streaming, server_streaming, bidirectional };

/// Whether the request of such a method is a single message.
constexpr bool one_request(MethodKind kind) noexcept {
  return kind == MethodKind::unary || kind == MethodKind::server_streaming;
}
/// The same of its response.
constexpr bool one_response(MethodKind kind) noexcept {
  return kind == MethodKind::unary || kind == MethodKind::client_streaming;
}

class Service;

/// One method: its name as in the .proto file, and the function that runs one call of it.
struct Method {
  std::string_view name;
  MethodKind kind;
  /// Reads from and writes to `stream`; the status ends the call. For methods whose request is a single
  /// message it is called when that message has arrived.
  Task<Status> (*serve)(Service& service, Call& call, MessageStream& stream);
  /// The type of its requests, which lets the server parse a large one on another thread than the shard's.
  /// Null where `serve` takes the bytes as they are.
  detail::RequestType (*request)() = nullptr;
};

/// The base class of all services: a name and its methods.
class Service {
 public:
  virtual ~Service() = default;
  /// "echo.v1.EchoService".
  virtual std::string_view service_name() const noexcept = 0;
  virtual std::span<const Method> service_methods() const noexcept = 0;
  /// Whether handlers need the fields of a request that its type does not know, as one that forwards requests
  /// does. Otherwise the server drops them from large messages, where they would cost many times their size.
  virtual bool keeps_unknown_fields() const noexcept { return false; }
};

namespace detail {

/// A request that was parsed ahead. Out of the way of those that were not.
template <class Request>
[[gnu::noinline, gnu::cold]] void move_parsed(ParsedMessage& parsed, Request& request) {
  request = std::move(static_cast<ParsedMessageOf<Request>&>(parsed).message);
}

/// The one message of a request, which has arrived.
template <class Request>
Status take_one(MessageStream& stream, Request& request) {
  if (const std::unique_ptr<ParsedMessage> parsed = stream.take_parsed()) [[unlikely]] {
    move_parsed(*parsed, request);
    return {};
  }
  const std::optional<Pieces> pieces = stream.take_message();
  if (pieces && parse_message(request, *pieces)) return {};
  return Status(Code::INTERNAL, "the request is not a message of this method's type", Initiator::peer);
}

/// Sends a handler's answer, or gives the status that it is instead.
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
  static constexpr MethodKind kind = MethodKind::bidirectional;
  using RequestMessage = Request;
  static Task<Status> serve(Task<Status> (S::*handler)(Call&, Reader<Request>&, Writer<Response>&),
                            S& service, Call& call, MessageStream& stream) {
    Reader<Request> in(stream);
    Writer<Response> out(stream);
    co_return co_await (service.*handler)(call, in, out);
  }
};

/// The `serve` function of a method whose handler is the member function `handler` of S.
template <class S, auto handler>
Task<Status> serve(Service& service, Call& call, MessageStream& stream) {
  return HandlerTraits<decltype(handler)>::serve(handler, static_cast<S&>(service), call, stream);
}

/// The method of that name whose handler is the member function `handler` of S.
template <class S, auto handler>
constexpr Method method(std::string_view name) {
  using Traits = HandlerTraits<decltype(handler)>;
  using Request = typename Traits::RequestMessage;
  Method made{name, Traits::kind, &serve<S, handler>};
  if constexpr (!std::is_same_v<Request, RawMessage>) made.request = &request_type<Request>;
  return made;
}

/// What a method that is not overridden answers.
inline std::unexpected<Status> unimplemented(const Call& call) {
  return fail(Code::UNIMPLEMENTED, std::string(call.method()) + " is not implemented", Initiator::library);
}

}  // namespace detail

}  // namespace ringrpc
