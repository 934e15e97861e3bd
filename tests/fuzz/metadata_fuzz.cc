// What header fields are decoded from: each text is refused, or decoded to something that
// encodes to the same meaning.
#include <algorithm>
#include <deque>
#include <string>

#include "ringrpc/metadata.h"
#include "ringrpc/status.h"
#include "ringrpc/status_details.h"

#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/metadata_wire.h"
#include "rpc/wire/percent_encoding.h"
#include "rpc/wire/timeout.h"
#include "rpc/wire/trace_headers.h"

namespace ringrpc::fuzz {
namespace {

http2::Headers as_headers(const http2::test::FieldList& fields) {
  http2::Headers headers;
  for (const auto& [name, value] : fields) headers.push_back({name, value});
  return headers;
}

void check_fields(Input& input) {
  http2::test::FieldList fields;
  for (std::uint32_t count = input.number(8); count > 0; --count) fields.push_back(next_field(input));
  const http2::Headers headers = as_headers(fields);
  (void)read_trace(headers);
  const Result<Metadata> metadata = read_metadata(headers);
  if (!metadata) return;
  http2::Headers written;
  std::deque<std::string> storage;
  append_metadata(*metadata, written, storage);
  const Result<Metadata> again = read_metadata(written);
  REQUIRE(again.has_value());
  const auto same = [](const Metadata::Entry& one, const Metadata::Entry& other) {
    return one.name == other.name && one.value == other.value;
  };
  CHECK(std::ranges::equal(*again, *metadata, same));
}

void check_trace(Input& input) {
  const std::string parent(input.text(80));
  const std::string state(input.text(120));
  const std::string binary(input.text(80));
  const auto trace =
      read_trace(as_headers({{"traceparent", parent}, {"tracestate", state}, {"grpc-trace-bin", binary}}));
  if (trace) CHECK(trace->valid());
}

/// A timeout of the right form, or any text.
std::string next_timeout(Input& input) {
  constexpr char units[] = {'H', 'M', 'S', 'm', 'u', 'n'};
  if (input.number(4) == 0) return std::string(input.rest());
  const std::uint32_t limit = input.flag() ? 100 : 100'000'000;  // 8 digits
  const std::uint32_t value = input.word() % limit;
  return std::to_string(value) + input.pick(units);
}

void check_timeout(std::string_view text) {
  const std::optional<Nanoseconds> timeout = parse_timeout(text);
  if (!timeout) return;
  CHECK(*timeout >= Nanoseconds::zero());
  const std::optional<Nanoseconds> again = parse_timeout(format_timeout(*timeout));
  REQUIRE(again.has_value());
  plant(*timeout > std::chrono::hours(100'000));
}

void check_texts(std::string_view text) {
  CHECK(percent_decode(percent_encode(text)) == text);
  CHECK(base64_decode(base64_encode(text)) == text);
  (void)percent_decode(text);
  if (const auto bytes = base64_decode(text)) CHECK(base64_decode(base64_encode(*bytes)) == bytes);
  (void)count_base64_values(text);
  (void)details_of(Status(Code::UNKNOWN, "").with_details(std::string(text)));
}

}  // namespace

void run(Input input) {
  switch (input.number(4)) {
    case 0:
      return check_fields(input);
    case 1:
      return check_trace(input);
    case 2:
      return check_timeout(next_timeout(input));
    default:
      return check_texts(input.rest());
  }
}

}  // namespace ringrpc::fuzz
