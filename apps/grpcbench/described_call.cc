#include "grpcbench/described_call.h"

#include <google/protobuf/descriptor.h>
#include <memory>
#include <utility>
#include <vector>

#include "reflected/catalogue.h"
#include "reflected/input.h"
#include "reflected/message_json.h"
#include "reflected/method_name.h"
#include "reflected/reflection_client.h"

namespace ringrpc::grpcbench {
namespace {

namespace pb = google::protobuf;
using namespace reflected;

Task<Outcome<std::vector<RawMessage>>> read_messages(Catalogue& catalogue, const pb::Descriptor& type,
                                                     std::string data) {
  std::vector<RawMessage> messages;
  MessageJson json(catalogue, {});
  Outcome<std::unique_ptr<Input>> input = Input::open(data);
  if (!input) co_return std::unexpected(std::move(input).error());
  for (;;) {
    Outcome<std::optional<JsonStream::Value>> value = co_await (*input)->next();
    if (!value) co_return std::unexpected(std::move(value).error());
    if (!*value) break;
    Outcome<std::string> bytes = co_await json.parse(type, **value, (*input)->name());
    if (!bytes) co_return std::unexpected(std::move(bytes).error());
    messages.emplace_back(std::move(*bytes));
  }
  if (messages.empty())
    co_return fail_with(exit_data, (*input)->name() + ": there is no message; write {} for an empty one");
  co_return messages;
}

Task<Outcome<Operation>> look_up(Catalogue& catalogue, MethodName name, std::optional<std::string> data) {
  Outcome<const pb::MethodDescriptor*> found = co_await catalogue.method(std::move(name));
  if (!found) co_return std::unexpected(std::move(found).error());
  const pb::MethodDescriptor& described = **found;
  Outcome<std::vector<RawMessage>> messages =
      co_await read_messages(catalogue, *described.input_type(), data.value_or("{}"));
  if (!messages) co_return std::unexpected(std::move(messages).error());
  co_return make_operation(described.service()->full_name() + "/" + described.name(), kind_of(described),
                           std::move(*messages));
}

}  // namespace

Task<Outcome<Operation>> describe_call(const Plan& plan, std::unique_ptr<DescriptorFiles> files,
                                       std::string method, std::optional<std::string> data) {
  Outcome<MethodName> name = parse_method(method);
  if (!name) co_return std::unexpected(std::move(name).error());
  if (files) {
    Catalogue catalogue(*files);
    co_return co_await look_up(catalogue, std::move(*name), std::move(data));
  }
  Channel channel(plan.server, plan.channel);
  ReflectionClient reflection(channel, [&plan] {
    CallOptions options;
    options.timeout = plan.deadline;
    options.metadata = plan.headers;
    return options;
  });
  Catalogue catalogue(reflection);
  Outcome<Operation> operation = co_await look_up(catalogue, std::move(*name), std::move(data));
  co_await reflection.end();
  co_return operation;
}

}  // namespace ringrpc::grpcbench
