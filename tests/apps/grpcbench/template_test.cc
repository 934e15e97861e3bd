// Placeholders: their values, their mistakes, and what a run makes of them.
#include "grpcbench/template.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/wrappers.pb.h>
#include <map>
#include <set>
#include <string>

#include "ringrpc/interceptor.h"

#include "bench.h"
#include "grpcbench/filler.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

std::string filled(std::string_view text, TemplateValues& values) {
  Result<Template> parsed = Template::parse(text);
  REQUIRE_MESSAGE(parsed, parsed.error().message());
  std::string to;
  parsed->fill(values, to);
  return to;
}

std::string template_refusal(std::string_view text) {
  const Result<Template> parsed = Template::parse(text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Code::INVALID_ARGUMENT);
  return std::string(parsed.error().message());
}

std::int64_t number_in(const std::string& text) {
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  REQUIRE(error == std::errc());
  REQUIRE(end == text.data() + text.size());
  return number;
}

TEST_CASE("placeholders are replaced by the numbers of the call, and the text around them stays") {
  TemplateValues values;
  values.begin(7, 3);
  CHECK(filled("{{call}}", values) == "7");
  CHECK(filled("a{{ call }}b{{worker}}c", values) == "a7b3c");
  CHECK(filled(R"({"id": {{call}}, "in": {"x": {}}})", values) == R"({"id": 7, "in": {"x": {}}})");
  CHECK(filled("{{open}}call}}", values) == "{{call}}");
  CHECK(filled("", values).empty());
}

TEST_CASE("text without placeholders is constant, and two opening braces are") {
  CHECK(Template::parse("{\"a\": {}}")->constant());
  CHECK(Template::parse("{{open}}")->constant());
  CHECK_FALSE(Template::parse("{{uuid}}")->constant());
}

TEST_CASE("time and UUID are the same in all places of a call, random numbers are not") {
  TemplateValues values;
  values.begin(0, 0);
  const std::string uuid = filled("{{uuid}}", values);
  CHECK(uuid.size() == 36);
  CHECK(uuid.find_first_not_of("0123456789abcdef-") == std::string::npos);
  CHECK(uuid[14] == '4');
  CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
  CHECK(filled("{{uuid}}", values) == uuid);
  const std::string nanoseconds = filled("{{time_ns}}", values);
  CHECK(filled("{{time_ns}}", values) == nanoseconds);
  CHECK(number_in(filled("{{time_ms}}", values)) == number_in(nanoseconds) / 1'000'000);
  CHECK(number_in(filled("{{time_s}}", values)) == number_in(nanoseconds) / 1'000'000'000);
  const std::string time = filled("{{time}}", values);
  CHECK(time.size() == std::string("2026-03-01T12:30:05.123Z").size());
  CHECK(time.ends_with('Z'));
  values.begin(1, 0);
  CHECK(filled("{{uuid}}", values) != uuid);
  CHECK(filled("{{random}} {{random}} {{random}}", values) !=
        filled("{{random}} {{random}} {{random}}", values));
}

TEST_CASE("random numbers are within their limits and reach them") {
  TemplateValues values;
  values.begin(0, 0);
  std::set<std::string> found;
  for (int i = 0; i < 1000; ++i) found.insert(filled("{{random 5 8}}", values));
  CHECK(found == std::set<std::string>{"5", "6", "7", "8"});
  CHECK(filled("{{random 4 4}}", values) == "4");
  for (int i = 0; i < 1000; ++i) {
    CHECK(number_in(filled("{{random}}", values)) <= 2'147'483'647);
    CHECK(number_in(filled("{{random 0 9223372036854775807}}", values)) >= 0);
  }
  values.give_largest();
  CHECK(filled("{{random}} {{random 0 9223372036854775807}}", values) == "2147483647 9223372036854775807");
}

TEST_CASE("a wrong placeholder is refused with the right one") {
  CHECK(template_refusal("{{cal}}") == "{{cal}} is no placeholder; did you mean call?");
  CHECK(template_refusal("{{}}").starts_with("{{}} is no placeholder"));
  CHECK(template_refusal("{{.RequestNumber}}") == "{{.RequestNumber}} of ghz is {{call}} here");
  CHECK(template_refusal("{{randomInt 1 6}}") == "{{randomInt 1 6}} of ghz is {{random LEAST MOST}} here");
  CHECK(template_refusal("a {{call") ==
        "'{{' begins a placeholder, and '}}' is missing; write {{open}} for the braces themselves");
  CHECK(template_refusal("{{call 1}}") == "{{call 1}} takes nothing after its name");
  for (const char* wrong : {"{{random 1}}", "{{random 6 1}}", "{{random -1 6}}", "{{random 1 2 3}}",
                            "{{random 0 9223372036854775808}}", "{{random 1 x}}"})
    CHECK(template_refusal(wrong).ends_with(
        " is not right; write {{random LEAST MOST}} with numbers from 0 to 9223372036854775807"));
}

/// Counts the values of the header x-id.
class Ids final : public Interceptor {
 public:
  Task<Status> intercept(Call& call, Next next) override {
    ++found[std::string(call.metadata().find("x-id").value_or("none"))];
    co_return co_await next();
  }
  std::map<std::string, int> found;
};

Values with_id(const std::string& value) {
  Values values;
  REQUIRE(values.headers.add("x-id", value).ok());
  return values;
}

Operation filled_call(const std::vector<std::string>& json, const std::string& type, MethodKind kind) {
  std::vector<RawMessage> messages(json.size());
  Operation operation = make_operation(
      kind == MethodKind::unary ? "test.v1.Paced/Answer" : "test.v1.Raw/Chat", kind, std::move(messages));
  const std::shared_ptr<const google::protobuf::DescriptorPool> pool(
      google::protobuf::DescriptorPool::generated_pool(), [](const auto*) {});
  operation.templates = {pool, type, {}};
  for (const std::string& text : json) operation.templates->messages.emplace_back(*Template::parse(text));
  return operation;
}

TEST_CASE("each call has a number of its own, over all threads and connections") {
  for (const unsigned threads : {1u, 2u, 3u}) {
    Ids ids;
    ServerOptions options;
    options.interceptors = {&ids};
    Bench bench(10ms, options);
    Values values = with_id("{{call}}");
    values.connections = 5;
    values.streams = 2;
    values.threads = threads;
    values.requests = 500;
    const Measurement measured = bench.run(bench.plan(values));
    CHECK(measured.tallies.at(0).succeeded() == 500);
    CHECK(ids.found.size() == 500);
    for (int call = 0; call < 500; ++call) CHECK(ids.found[std::to_string(call)] == 1);
  }
}

TEST_CASE("each stream of each connection is a worker") {
  Ids ids;
  ServerOptions options;
  options.interceptors = {&ids};
  Bench bench(10ms, options);
  Values values = with_id("w{{worker}}");
  values.connections = 5;
  values.streams = 2;
  values.threads = 2;
  values.requests = 500;
  CHECK(bench.run(bench.plan(values)).tallies.at(0).succeeded() == 500);
  CHECK(ids.found.size() == 10);
  for (int worker = 0; worker < 10; ++worker) CHECK(ids.found["w" + std::to_string(worker)] == 50);
}

TEST_CASE("messages are filled and serialized for each call") {
  Bench bench(10ms);
  Values values;
  values.requests = 20;
  values.connections = 3;
  const Plan plan = bench.plan(values, {filled_call({"\"a{{call}}\"", "\"b{{call}}\""},
                                                    "google.protobuf.StringValue", MethodKind::unary)});
  CHECK(bench.run(plan).tallies.at(0).succeeded() == 20);
  CHECK(bench.service.requests().size() == 20);
  for (int call = 0; call < 20; ++call) {
    google::protobuf::StringValue expected;
    expected.set_value((call % 2 == 0 ? "a" : "b") + std::to_string(call));
    CHECK(bench.service.requests().contains(expected.SerializeAsString()));
  }
}

TEST_CASE("a stream sends all of its messages filled") {
  Bench bench(10ms);
  Values values;
  values.requests = 10;
  values.connections = 2;
  const Measurement measured =
      bench.run(bench.plan(values, {filled_call({"\"{{random 10 99}}\"", "\"{{call}}\""},
                                                "google.protobuf.StringValue", MethodKind::bidirectional)}));
  CHECK(measured.tallies.at(0).succeeded() == 10);
  CHECK(measured.tallies.at(0).traffic.bytes_sent == 10 * (4 + 3));
}

TEST_CASE("a message that a value makes invalid ends the run with the reason") {
  Bench bench(10ms);
  Values values;
  values.requests = 20;
  const Measurement measured = bench.run(bench.plan(
      values,
      {filled_call({"{{random 2147483648 2147483648}}"}, "google.protobuf.Int32Value", MethodKind::unary)}));
  CHECK(measured.tallies.at(0).total() == 0);
  CHECK(measured.fatal.code() == Code::INVALID_ARGUMENT);
  CHECK(measured.fatal_call == "test.v1.Paced/Answer");
}

TEST_CASE("the headers of a plan have the largest values, and -bin values no placeholders") {
  Values values = with_id("{{call}}-{{worker}}");
  REQUIRE(values.headers.add("plain", "{{open}}a").ok());
  REQUIRE(values.headers.add("x-bin", "{{call}}").ok());
  values.requests = 100;
  const Result<Plan> plan = make_plan(values);
  REQUIRE(plan);
  CHECK(plan->headers.find("x-id") == "99-9");
  CHECK(plan->headers.find("plain") == "{{a");
  CHECK(plan->headers.find("x-bin") == "{{call}}");
  CHECK(plan->header_templates.size() == 3);
  CHECK(Filler::needed(*plan));
  CHECK_FALSE(Filler::needed(*make_plan(Values())));
  const Result<Plan> refused = make_plan(with_id("{{cal}}"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "--header: {{cal}} is no placeholder; did you mean call?");
}

}  // namespace
}  // namespace ringrpc::grpcbench
