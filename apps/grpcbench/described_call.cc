#include "grpcbench/described_call.h"

#include <algorithm>
#include <google/protobuf/descriptor.h>
#include <memory>
#include <utility>
#include <vector>

#include "grpcbench/template.h"
#include "reflected/catalogue.h"
#include "reflected/input.h"
#include "reflected/message_json.h"
#include "reflected/method_name.h"
#include "reflected/reflection_client.h"

namespace ringrpc::grpcbench {
namespace {

namespace pb = google::protobuf;
using namespace reflected;

/// Reads the messages of `data` into an operation. One with placeholders is tried with the largest values.
class MessageReader {
 public:
  MessageReader(Catalogue& catalogue, const pb::Descriptor& type, const Plan& plan)
      : catalogue_(catalogue), type_(type), json_(catalogue, {}), largest_(largest_values(plan)) {}

  Task<Outcome<bool>> read(std::string data, Operation& operation);

 private:
  Task<Outcome<bool>> add(JsonStream::Value value, const std::string& source);

  Catalogue& catalogue_;
  const pb::Descriptor& type_;
  MessageJson json_;
  TemplateValues largest_;
  std::vector<RawMessage> messages_;
  std::vector<std::optional<Template>> templates_;
};

Task<Outcome<bool>> MessageReader::read(std::string data, Operation& operation) {
  Outcome<std::unique_ptr<Input>> input = Input::open(data, JsonStream::Placeholders::allowed);
  if (!input) co_return std::unexpected(std::move(input).error());
  for (;;) {
    Outcome<std::optional<JsonStream::Value>> value = co_await (*input)->next();
    if (!value) co_return std::unexpected(std::move(value).error());
    if (!*value) break;
    Outcome<bool> added = co_await add(std::move(**value), (*input)->name());
    if (!added) co_return added;
  }
  if (messages_.empty())
    co_return fail_with(exit_data, (*input)->name() + ": there is no message; write {} for an empty one");
  operation.messages = std::move(messages_);
  const auto filled = [](const std::optional<Template>& each) { return each.has_value(); };
  if (std::ranges::any_of(templates_, filled))
    operation.templates = {catalogue_.share_pool(), type_.full_name(), std::move(templates_)};
  co_return true;
}

Task<Outcome<bool>> MessageReader::add(JsonStream::Value value, const std::string& source) {
  Result<Template> parsed = Template::parse(value.text);
  if (!parsed)
    co_return fail_with(exit_data, source + ": the message in line " + std::to_string(value.line) + ": " +
                                       std::string(parsed.error().message()));
  value.text.clear();
  parsed->fill(largest_, value.text);
  Outcome<std::string> bytes = co_await json_.parse(type_, value, source);
  if (!bytes) co_return std::unexpected(std::move(bytes).error());
  messages_.emplace_back(std::move(*bytes));
  templates_.push_back(parsed->constant() ? std::nullopt : std::optional(std::move(*parsed)));
  co_return true;
}

Task<Outcome<Operation>> look_up(Catalogue& catalogue, const Plan& plan, MethodName name,
                                 std::optional<std::string> data) {
  Outcome<const pb::MethodDescriptor*> found = co_await catalogue.method(std::move(name));
  if (!found) co_return std::unexpected(std::move(found).error());
  const pb::MethodDescriptor& described = **found;
  Operation operation =
      make_operation(described.service()->full_name() + "/" + described.name(), kind_of(described), {});
  MessageReader reader(catalogue, *described.input_type(), plan);
  Outcome<bool> read = co_await reader.read(data.value_or("{}"), operation);
  if (!read) co_return std::unexpected(std::move(read).error());
  co_return operation;
}

}  // namespace

Task<Outcome<Operation>> describe_call(const Plan& plan, std::unique_ptr<DescriptorFiles> files,
                                       std::string method, std::optional<std::string> data) {
  Outcome<MethodName> name = parse_method(method);
  if (!name) co_return std::unexpected(std::move(name).error());
  if (files) {
    Catalogue catalogue(*files);
    co_return co_await look_up(catalogue, plan, std::move(*name), std::move(data));
  }
  Channel channel(plan.server, plan.channel);
  ReflectionClient reflection(channel, [&plan] {
    CallOptions options;
    options.timeout = plan.deadline;
    options.metadata = plan.headers;
    return options;
  });
  Catalogue catalogue(reflection);
  Outcome<Operation> operation = co_await look_up(catalogue, plan, std::move(*name), std::move(data));
  co_await reflection.end();
  co_return operation;
}

}  // namespace ringrpc::grpcbench
