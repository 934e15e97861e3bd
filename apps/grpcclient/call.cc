#include "grpcclient/call.h"

#include <chrono>
#include <cstdio>
#include <google/protobuf/any.pb.h>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ringrpc/status_details.h"

#include "common/header_line.h"
#include "grpcclient/demo.h"
#include "grpcclient/status_details.h"
#include "reflected/input.h"
#include "reflected/message_json.h"
#include "reflected/method_name.h"

namespace ringrpc::grpcclient {

namespace pb = google::protobuf;

using reflected::Input;
using reflected::JsonStream;
using reflected::kind_of;
using reflected::MessageJson;
using reflected::MethodName;
using reflected::parse_method;

namespace {

std::string count(std::size_t number, std::string_view noun) {
  return std::to_string(number).append(" ").append(noun).append(number == 1 ? "" : "s");
}

/// One call. Sends and receives at the same time if the method allows it.
class Conversation {
 public:
  Conversation(Session& session, const pb::MethodDescriptor& method)
      : session_(session),
        method_(method),
        name_(method.service()->full_name() + "/" + method.name()),
        json_(session.catalogue, {session.values.compact, session.values.emit_defaults}) {}
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  Task<Outcome<bool>> run();

 private:
  Task<Outcome<std::string>> only_message();
  Task<Outcome<bool>> send_one();
  Task<> send_all();
  Task<Outcome<bool>> receive();
  Task<Outcome<bool>> finish();
  Task<std::vector<std::string>> details(const Status& status);
  void begin();
  void trace(std::string_view text) const;
  void trace_headers(const char* mark, const Metadata& headers) const;
  void trace_initial(const Metadata& initial);

  Session& session_;
  const pb::MethodDescriptor& method_;
  const std::string name_;
  MessageJson json_;
  std::unique_ptr<Input> input_;
  Instant began_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::string response_;  // a single one, which is printed if the call succeeds
  bool initial_traced_ = false;
  std::optional<Failure> send_failure_;
  std::optional<ClientStream<RawMessage, RawMessage>> stream_;  // serves all kinds of methods
  Task<> sender_;
};

Task<Outcome<bool>> Conversation::run() {
  const std::optional<std::string>& data = session_.values.data;
  if (data || method_.client_streaming()) {
    Outcome<std::unique_ptr<Input>> input = Input::open(data.value_or("-"));
    if (!input) co_return std::unexpected(std::move(input).error());
    input_ = std::move(*input);
    if (input_->interactive())
      std::fputs(
          "grpcclient: reading JSON messages from the terminal; Ctrl-D on an empty line ends the input\n",
          stderr);
  }
  if (method_.client_streaming()) {
    begin();
    sender_ = send_all();
    sender_.start();
  } else {
    Outcome<bool> sent = co_await send_one();
    if (!sent) co_return sent;
  }
  Outcome<bool> received = co_await receive();
  if (!received) co_return received;
  co_return co_await finish();
}

void Conversation::begin() {
  trace("* " + name_ + " on " + session_.channel.target());
  trace_headers("> ", session_.values.headers);
  CallOptions options = session_.call_options();
  if (options.compression != Compression::identity)
    trace("> grpc-encoding: " + std::string(ringrpc::name(options.compression)));
  began_ = std::chrono::steady_clock::now();
  stream_.emplace(session_.channel.call("/" + name_, kind_of(method_), options));
}

/// The request of a method that takes a single one. Reads all of the input, so that a second message is an
/// error and not ignored.
Task<Outcome<std::string>> Conversation::only_message() {
  if (!input_) co_return std::string();
  Outcome<std::optional<JsonStream::Value>> value = co_await input_->next();
  if (!value) co_return std::unexpected(std::move(value).error());
  if (!*value)
    co_return fail_with(exit_data, input_->name() + ": there is no message; write {} for an empty one");
  Outcome<std::optional<JsonStream::Value>> second = co_await input_->next();
  if (!second) co_return std::unexpected(std::move(second).error());
  if (*second)
    co_return fail_with(exit_data, input_->name() + ": " + name_ +
                                       " takes one message, and a second one begins in line " +
                                       std::to_string((*second)->line));
  co_return co_await json_.parse(*method_.input_type(), **value, input_->name());
}

Task<Outcome<bool>> Conversation::send_one() {
  const Instant asked = std::chrono::steady_clock::now();
  Outcome<std::string> bytes = co_await only_message();
  // The time that the user took to type does not count against the deadline.
  session_.deadline = after(session_.deadline, std::chrono::steady_clock::now() - asked);
  if (!bytes) co_return std::unexpected(std::move(bytes).error());
  begin();
  const RawMessage message(std::move(*bytes));
  if (co_await stream_->write(message)) ++sent_;
  stream_->writes_done();
  co_return true;
}

/// Sends each message as soon as it is read. An invalid message cancels the call, and `finish` returns the
/// error.
Task<> Conversation::send_all() {
  for (;;) {
    Outcome<std::optional<JsonStream::Value>> value = co_await input_->next();
    if (value && !*value) break;
    if (!value) {
      send_failure_ = std::move(value).error();
      break;
    }
    Outcome<std::string> bytes = co_await json_.parse(*method_.input_type(), **value, input_->name());
    if (!bytes) {
      send_failure_ = std::move(bytes).error();
      break;
    }
    const RawMessage message(std::move(*bytes));
    if (!co_await stream_->write(message)) co_return;
    ++sent_;
  }
  if (send_failure_) {
    stream_->cancel();
  } else {
    stream_->writes_done();
  }
}

Task<Outcome<bool>> Conversation::receive() {
  while (std::optional<RawMessage> message = co_await stream_->next()) {
    trace_initial(co_await stream_->initial_metadata());
    ++received_;
    Outcome<std::string> text = co_await json_.print(*method_.output_type(), message->bytes);
    if (!text) co_return std::unexpected(std::move(text).error());
    if (!method_.server_streaming()) {
      response_ = std::move(*text);
      continue;
    }
    Outcome<bool> printed = print(*text);
    if (!printed) co_return printed;
  }
  co_return true;
}

Task<Outcome<bool>> Conversation::finish() {
  const Status status = co_await stream_->finish();
  const Nanoseconds took = std::chrono::steady_clock::now() - began_;
  trace_initial(co_await stream_->initial_metadata());
  trace_headers("< ", stream_->trailing_metadata());
  trace("* " + std::string(name(status.code())) + " after " + format_time(took) + ": " +
        count(sent_, "message") + " sent, " + std::to_string(received_) + " received" +
        (stream_->message_compressed() ? ", the last one compressed" : ""));
  if (send_failure_) co_return std::unexpected(std::move(*send_failure_));
  if (status.ok()) co_return print(response_);
  Failure failure = call_failure(name_, status);
  failure.details = co_await details(status);
  co_return std::unexpected(std::move(failure));
}

/// The status details, as JSON if the server describes their types.
Task<std::vector<std::string>> Conversation::details(const Status& status) {
  MessageJson json(session_.catalogue, {.compact = true});
  std::vector<std::string> shown;
  for (const pb::Any& any : details_of(status)) {
    Outcome<std::string> text = co_await json.print(*pb::Any::descriptor(), any.SerializeAsString());
    shown.push_back(text ? text->substr(0, text->size() - 1) : opaque_detail(any));
  }
  co_return shown;
}

void Conversation::trace(std::string_view text) const {
  if (!session_.values.verbose) return;
  const std::string line = std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void Conversation::trace_headers(const char* mark, const Metadata& headers) const {
  for (const Metadata::Entry& entry : headers) trace(mark + apps::header_line(entry));
}

void Conversation::trace_initial(const Metadata& initial) {
  if (std::exchange(initial_traced_, true)) return;
  trace_headers("< ", initial);
}

}  // namespace

Task<Outcome<bool>> call(Session& session, std::string method) {
  Outcome<MethodName> name = parse_method(method);
  if (!name) co_return std::unexpected(std::move(name).error());
  Outcome<const pb::MethodDescriptor*> found = co_await session.catalogue.method(std::move(*name));
  if (!found) co_return std::unexpected(std::move(found).error());
  co_await session.descriptors->end();
  Conversation conversation(session, **found);
  co_return co_await conversation.run();
}

}  // namespace ringrpc::grpcclient
