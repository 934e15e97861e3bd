#include "telemetry/wire.h"

#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "telemetry/otlp.pb.h"

namespace ringrpc::telemetry {

TEST_CASE("protobuf reads the fields of each type, whatever their size") {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                    std::uint64_t{16'384}, std::uint64_t{1} << 35, ~std::uint64_t{0}}) {
    CAPTURE(value);
    std::vector<char> room(40'000);
    WireWriter out(room.data());
    out.message(1, [&] {
      out.message(2, [&] {
        out.message(2, [&] {
          out.fixed32(16, static_cast<std::uint32_t>(value));
          out.text(5, std::string(value % 20'000, 'n'));
          out.fixed64(7, value);
          out.message(9, [&] { out.message(2, [&] { out.varint(3, value); }); });
        });
      });
    });
    otlp::v1::ExportTraceRequest request;
    REQUIRE(request.ParseFromArray(room.data(), static_cast<int>(out.end() - room.data())));
    const otlp::v1::Span& span = request.resource_spans(0).scope_spans(0).spans(0);
    CHECK(span.flags() == static_cast<std::uint32_t>(value));
    CHECK(span.name().size() == value % 20'000);
    CHECK(span.start_time_unix_nano() == value);
    CHECK(static_cast<std::uint64_t>(span.attributes(0).value().int_value()) == value);
  }
}

TEST_CASE("the size of a field is that of its tag, its length and its content") {
  for (const std::size_t content : {0u, 127u, 128u, 16'383u, 16'384u}) {
    std::vector<char> room(40'000);
    WireWriter out(room.data());
    out.text(15, std::string(content, 'x'));
    CHECK(static_cast<std::size_t>(out.end() - room.data()) == field_bytes(content));
  }
}

}  // namespace ringrpc::telemetry
