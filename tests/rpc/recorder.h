/// A message observer for tests.
///
///   std::vector<std::string> seen;
///   Recorder recorder("audit", seen);
///   co_return co_await next(recorder);
///   CHECK(seen == std::vector<std::string>{"audit request x", "audit response x"});
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/channel.h"
#include "ringrpc/message_observer.h"

#include "rpc/world.h"

namespace ringrpc {

/// Records the messages that it sees, and refuses those that equal `refused`.
class Recorder final : public MessageObserver {
 public:
  Recorder(std::string name, std::vector<std::string>& seen, std::string refused = "nothing")
      : name_(std::move(name)), seen_(seen), refused_(std::move(refused)) {}

  Status on_request(const MessageView& request) override { return record("request", request); }
  Status on_response(const MessageView& response) override { return record("response", response); }

 private:
  Status record(const std::string& kind, const MessageView& message) {
    const std::string bytes(as_text(message.bytes()));
    seen_.push_back(name_ + " " + kind + " " + bytes);
    if (bytes != refused_) return {};
    return Status(Code::INVALID_ARGUMENT, "the " + kind + " " + bytes + " is not wanted");
  }

  std::string name_;
  std::vector<std::string>& seen_;
  std::string refused_;
};

/// Handles the messages by functions of the test.
class CustomObserver final : public MessageObserver {
 public:
  using See = std::function<Status(const MessageView&)>;
  explicit CustomObserver(
      See request, See response = [](const MessageView&) { return Status(); })
      : request_(std::move(request)), response_(std::move(response)) {}

  Status on_request(const MessageView& request) override { return request_(request); }
  Status on_response(const MessageView& response) override { return response_(response); }

 private:
  See request_;
  See response_;
};

/// A call of each kind, one after the other.
inline Task<void> make_calls_of_each_kind(Channel& channel) {
  CHECK((co_await unary(channel, "Echo", "x")).value().bytes == "x");

  auto counting =
      channel.server_streaming<RawMessage, RawMessage>("/test.v1.Raw/Count", RawMessage{"2"}, CallOptions());
  for (const char* number : {"0", "1"}) CHECK((co_await counting.next()).value().bytes == number);
  CHECK_FALSE(co_await counting.next());
  CHECK((co_await counting.finish()).ok());

  ClientWriter<RawMessage, RawMessage> joining(channel.call(join_path, MethodKind::client_streaming, {}));
  for (const char* part : {"a", "", "b"}) CHECK(co_await joining.write(RawMessage{part}));
  CHECK((co_await joining.finish()).value().bytes == "ab");

  ClientStream<RawMessage, RawMessage> chatting(
      channel.call("/test.v1.Raw/Chat", MethodKind::bidirectional, {}));
  for (const char* word : {"one", "two"}) {
    CHECK(co_await chatting.write(RawMessage{word}));
    CHECK((co_await chatting.next()).value().bytes == word);
  }
  chatting.writes_done();
  CHECK_FALSE(co_await chatting.next());
  CHECK((co_await chatting.finish()).ok());
}

/// The records that two interceptors with Recorders, "outer" and "inner", make of these calls.
inline std::vector<std::string> records_of_each_kind() {
  std::vector<std::string> records;
  const auto requests = [&](std::initializer_list<const char*> messages) {
    for (const std::string message : messages)
      for (const char* name : {"outer", "inner"}) records.push_back(name + (" request " + message));
  };
  const auto response = [&](const std::string& message) {
    for (const char* name : {"inner", "outer"}) records.push_back(name + (" response " + message));
  };
  requests({"x"});
  response("x");
  requests({"2"});
  response("0");
  response("1");
  requests({"a", "", "b"});
  response("ab");
  requests({"one"});
  response("one");
  requests({"two"});
  response("two");
  return records;
}

}  // namespace ringrpc
