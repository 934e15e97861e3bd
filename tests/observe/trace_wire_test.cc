/// Trace contexts in headers: W3C's recommendation, and grpc-trace-bin.

#include "observe/trace_wire.h"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "ringrpc/tracer.h"

namespace ringrpc {
namespace {

const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
const std::string span_id = "b7ad6b7169203331";
const std::string good = "00-" + trace_id + "-" + span_id + "-01";

std::string joined(std::vector<std::string_view> lists) { return join_tracestate(lists); }

TEST_CASE("a traceparent is read and written") {
  const auto context = parse_traceparent(good);
  REQUIRE(context);
  CHECK(to_hex(context->trace_id) == trace_id);
  CHECK(to_hex(context->span_id) == span_id);
  CHECK(context->sampled());
  CHECK(context->valid());
  const auto text = format_traceparent(*context);
  CHECK(std::string_view(text.data(), text.size()) == good);
}

TEST_CASE("every digit of an id is read") {
  for (const char* id : {"00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"}) {
    const auto context = parse_traceparent("00-" + std::string(id) + "-" + span_id + "-00");
    REQUIRE(context);
    CHECK(to_hex(context->trace_id) == id);
    CHECK_FALSE(context->sampled());
  }
}

TEST_CASE("a traceparent of a later version is read, with more parts or without") {
  for (const std::string& later : {"01-" + trace_id + "-" + span_id + "-01", "cc" + good.substr(2) + "-more",
                                   "fe" + good.substr(2) + "-"}) {
    CAPTURE(later);
    const auto context = parse_traceparent(later);
    REQUIRE(context);
    CHECK(to_hex(context->trace_id) == trace_id);
    CHECK(context->sampled());
  }
}

TEST_CASE("flags other than sampled are not kept") {
  const auto context = parse_traceparent(good.substr(0, 53) + "ff");
  REQUIRE(context);
  CHECK(context->flags == TraceContext::sampled_flag);
  CHECK_FALSE(parse_traceparent(good.substr(0, 53) + "02")->sampled());
}

TEST_CASE("a malformed traceparent gives nothing") {
  const std::string zeros(32, '0');
  for (const std::string& malformed : {std::string(),
                                       std::string("00"),
                                       good.substr(0, 54),
                                       good + "0",
                                       good + "-",
                                       good + "-more",
                                       "ff" + good.substr(2),
                                       "0g" + good.substr(2),
                                       "FE" + good.substr(2) + "-more",
                                       "cc" + good.substr(2) + "0",
                                       "00-" + zeros + "-" + span_id + "-01",
                                       "00-" + trace_id + "-" + zeros.substr(0, 16) + "-01",
                                       "00-0AF7651916CD43DD8448EB211C80319C-" + span_id + "-01",
                                       "00-" + trace_id + "-B7AD6B7169203331-01",
                                       "00-" + trace_id + "-" + span_id + "-0A",
                                       "00-" + trace_id + "-" + span_id + "-0x",
                                       "00_" + good.substr(3),
                                       good.substr(0, 35) + "_" + good.substr(36),
                                       good.substr(0, 52) + "_01",
                                       " " + good.substr(0, 54)}) {
    CAPTURE(malformed);
    CHECK_FALSE(parse_traceparent(malformed));
    CHECK(trace_id_of(malformed).empty());
  }
}

TEST_CASE("no byte but a lower-case digit is taken for a digit, in any place of an id") {
  for (std::size_t at = 3; at < 52; ++at) {
    if (at == 35) continue;
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[at] = static_cast<char>(byte);
      const bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      if (parse_traceparent(text).has_value() != digit) FAIL_CHECK("at " << at << ": " << byte);
    }
  }
}

TEST_CASE("a tracestate keeps its members in their order, without blanks and empty members") {
  CHECK(joined({"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}) == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  CHECK(joined({"a=1 , \t b=2,,", "", "0tenant@vendor=3"}) == "a=1,b=2,0tenant@vendor=3");
  CHECK(joined({"a= with blanks inside"}) == "a= with blanks inside");
  CHECK(joined({}) == "");
}

TEST_CASE("a tracestate with a malformed member, or with a key twice, is dropped") {
  for (const std::string malformed : {"a", "=1", "a=", "A=1", "a b=1", "@a=1", "a@b@c=1", "_a=1", "a=1=2",
                                      "a=\x7f", "a=\xc3\xa4", "a=1,b=2,a=3"}) {
    CAPTURE(malformed);
    CHECK(joined({"ok=1", malformed}).empty());
  }
  CHECK(joined({"a=" + std::string(256, 'x')}).size() == 258);
  CHECK(joined({"a=" + std::string(257, 'x')}).empty());
  CHECK(joined({std::string(257, 'k') + "=1"}).empty());
}

TEST_CASE("a tracestate has at most 32 members") {
  std::string list;
  for (int at = 0; at < 32; ++at) list += (at > 0 ? ",k" : "k") + std::to_string(at) + "=v";
  CHECK(joined({list}) == list);
  CHECK(joined({list, "one=more"}).empty());
}

TEST_CASE("of a tracestate of more than 512 bytes, long members are left out first, then the last ones") {
  const std::string long_member = "long=" + std::string(200, 'x');
  std::string list;
  for (int at = 0; at < 4; ++at) list += "k" + std::to_string(at) + "=" + std::string(97, 'v') + ",";
  const std::string shorts = list.substr(0, list.size() - 1);  // 403 bytes
  CHECK(joined({"first=1", long_member, shorts}) == "first=1," + shorts);
  CHECK(joined({shorts, "a=" + std::string(100, 'x'), "b=" + std::string(100, 'y')}) ==
        shorts + ",a=" + std::string(100, 'x'));
}

TEST_CASE("a grpc-trace-bin is read and written") {
  const auto context = parse_traceparent(good);
  const auto bytes = format_trace_bin(*context);
  const auto read = parse_trace_bin(std::string_view(bytes.data(), bytes.size()));
  REQUIRE(read);
  CHECK(read->trace_id == context->trace_id);
  CHECK(read->span_id == context->span_id);
  CHECK(read->sampled());
}

TEST_CASE("a malformed grpc-trace-bin gives nothing") {
  const auto bytes = format_trace_bin(*parse_traceparent(good));
  const std::string whole(bytes.data(), bytes.size());
  CHECK_FALSE(parse_trace_bin(whole.substr(0, 28)));
  CHECK_FALSE(parse_trace_bin(whole + '\0'));
  for (const std::size_t at : {0, 1, 18, 27}) {
    std::string changed = whole;
    changed[at] = 9;
    CHECK_FALSE(parse_trace_bin(changed));
  }
  std::string zeros = whole;
  zeros.replace(2, 16, 16, '\0');
  CHECK_FALSE(parse_trace_bin(zeros));
}

TEST_CASE("samplers decide by the share of traces, or follow the parent") {
  const auto sampled = parse_traceparent(good);
  const auto unsampled = parse_traceparent(good.substr(0, 53) + "00");
  const TraceId id = sampled->trace_id;  // its last 63 bits are 0.517 of their range
  CHECK(Sampler::always().samples(id, &*unsampled));
  CHECK_FALSE(Sampler::never().samples(id, &*sampled));
  CHECK(Sampler::ratio(0.52).samples(id, nullptr));
  CHECK_FALSE(Sampler::ratio(0.51).samples(id, nullptr));
  CHECK_FALSE(Sampler::ratio(0).samples(id, nullptr));
  CHECK_FALSE(Sampler::ratio(-1).samples(id, nullptr));
  CHECK(Sampler::ratio(1).samples(id, nullptr));
  CHECK(Sampler::ratio(7).samples(id, nullptr));
  CHECK(Sampler::never().parent_based().samples(id, &*sampled));
  CHECK_FALSE(Sampler::never().parent_based().samples(id, nullptr));
  CHECK_FALSE(Sampler::always().parent_based().samples(id, &*unsampled));
  CHECK(Sampler::always().parent_based().samples(id, nullptr));
}

}  // namespace
}  // namespace ringrpc
