/// A service for tests whose messages are plain bytes: every kind of call, every way to end.
#pragma once

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>

#include "ringrpc/service.h"
#include "ringrpc/sleep.h"

namespace ringrpc {

inline constexpr std::string_view echo_path = "/test.v1.Raw/Echo";
inline constexpr std::string_view join_path = "/test.v1.Raw/Join";

class RawService final : public Service {
 public:
  static constexpr std::string_view name = "test.v1.Raw";

  std::string_view service_name() const noexcept override { return name; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{
        method<&RawService::echo>("Echo"),
        method<&RawService::fail_with>("Fail"),
        method<&RawService::fail_at_length>("FailAtLength"),
        method<&RawService::throw_up>("Throw"),
        method<&RawService::exhaust>("Exhaust"),
        method<&RawService::attempts>("Attempts"),
        method<&RawService::sleep>("Sleep"),
        method<&RawService::inflate>("Inflate"),
        method<&RawService::metadata>("Metadata"),
        method<&RawService::count>("Count"),
        method<&RawService::join>("Join"),
        method<&RawService::join_asked>("JoinAsked"),
        method<&RawService::slow_join>("SlowJoin"),
        method<&RawService::chat>("Chat"),
        method<&RawService::rest_after>("RestAfter"),
        method<&RawService::flood>("Flood"),
    };
    return methods;
  }

  /// Handlers whose frames still exist, and those that have ever begun; on all shards.
  std::atomic<int> running = 0;
  std::atomic<int> most_running = 0;
  std::atomic<int> started = 0;
  /// The number of messages that Flood has written.
  std::atomic<int> flooded = 0;

 private:
  struct Presence {
    explicit Presence(RawService& of) noexcept : service(of) {
      const int running_now = ++service.running;
      int most = service.most_running;
      while (most < running_now && !service.most_running.compare_exchange_weak(most, running_now)) {
      }
      ++service.started;
    }
    Presence(const Presence&) = delete;
    ~Presence() { --service.running; }
    RawService& service;
  };

  static int number(const RawMessage& message) {
    int value = 0;
    std::from_chars(message.bytes.data(), message.bytes.data() + message.bytes.size(), value);
    return value;
  }

  Task<Result<RawMessage>> echo(Call&, RawMessage request) {
    const Presence present(*this);
    co_return request;
  }

  /// The number of attempts that the client has made before.
  Task<Result<RawMessage>> attempts(Call& call, RawMessage) {
    co_return RawMessage{std::to_string(call.previous_attempts())};
  }

  /// Fails with the code whose number the request has.
  Task<Result<RawMessage>> fail_with(Call& call, RawMessage request) {
    const Presence present(*this);
    (void)call.trailing_metadata().add("x-reason", "asked for");
    co_return fail(static_cast<Code>(number(request)), "failed as asked, 100%");
  }

  /// Fails with a message of one letter and as many a-umlauts as the request says.
  Task<Result<RawMessage>> fail_at_length(Call&, RawMessage request) {
    const Presence present(*this);
    std::string said = "x";
    for (int at = number(request); at > 0; --at) said += "\xc3\xa4";
    co_return fail(Code::ABORTED, said);
  }

  Task<Result<RawMessage>> throw_up(Call&, RawMessage request) {
    const Presence present(*this);
    throw std::runtime_error(request.bytes);
    co_return request;
  }

  /// Runs out of memory after it has set metadata.
  Task<Result<RawMessage>> exhaust(Call& call, RawMessage request) {
    const Presence present(*this);
    (void)call.trailing_metadata().add("x-reason", "asked for");
    throw std::bad_alloc();
    co_return request;
  }

  static Task<void> rest() { co_await sleep_for(std::chrono::milliseconds(1)); }

  /// Awaits a coroutine after each message.
  Task<Result<RawMessage>> rest_after(Call&, Reader<RawMessage>& in) {
    while (co_await in.next()) co_await rest();
    co_return RawMessage{};
  }

  /// Responds after as many milliseconds as the request says.
  Task<Result<RawMessage>> sleep(Call&, RawMessage request) {
    const Presence present(*this);
    co_await sleep_for(std::chrono::milliseconds(number(request)));
    co_return request;
  }

  /// Responds with as many bytes as the request says.
  Task<Result<RawMessage>> inflate(Call&, RawMessage request) {
    const Presence present(*this);
    co_return RawMessage{std::string(static_cast<std::size_t>(number(request)), 'x')};
  }

  /// Returns the request's metadata: the text as initial, the binary as trailing.
  Task<Result<RawMessage>> metadata(Call& call, RawMessage request) {
    const Presence present(*this);
    for (const Metadata::Entry& entry : call.metadata()) {
      Metadata& to = entry.name.ends_with("-bin") ? call.trailing_metadata() : call.initial_metadata();
      if (entry.name != "user-agent") (void)to.add(entry.name, entry.value);
    }
    co_return request;
  }

  Task<Status> count(Call&, RawMessage request, Writer<RawMessage>& out) {
    const Presence present(*this);
    const int end = number(request);
    for (int at = 0; at < end; ++at) co_await out.write(RawMessage{std::to_string(at)});
    co_return Status();
  }

  Task<Result<RawMessage>> join(Call&, Reader<RawMessage>& in) {
    const Presence present(*this);
    RawMessage joined;
    while (auto message = co_await in.next()) joined.bytes += message->bytes;
    co_return joined;
  }

  /// The same, after a look at all metadata.
  Task<Result<RawMessage>> join_asked(Call& call, Reader<RawMessage>& in) {
    (void)call.metadata();
    return join(call, in);
  }

  /// The same, pausing before each message.
  Task<Result<RawMessage>> slow_join(Call&, Reader<RawMessage>& in) {
    const Presence present(*this);
    RawMessage joined;
    do co_await sleep_for(std::chrono::milliseconds(20));
    while (co_await append_next(in, joined));
    co_return joined;
  }

  static Task<bool> append_next(Reader<RawMessage>& in, RawMessage& joined) {
    const auto message = co_await in.next();
    if (message) joined.bytes += message->bytes;
    co_return message.has_value();
  }

  Task<Status> chat(Call&, Reader<RawMessage>& in, Writer<RawMessage>& out) {
    const Presence present(*this);
    while (auto message = co_await in.next()) co_await out.write(*message);
    co_return Status();
  }

  /// Responds to the first message with far more messages than the buffers hold.
  Task<Status> flood(Call&, Reader<RawMessage>& in, Writer<RawMessage>& out) {
    const Presence present(*this);
    const auto message = co_await in.next();
    for (int at = 0; at < 100'000; ++at, ++flooded)
      if (!co_await out.write(*message)) break;
    co_return Status();
  }
};

}  // namespace ringrpc
