// Header blocks that a server receives on one connection: its session, which knows blocks again that it has
// seen (lib/http2/known_blocks.h), gives the same fields as nghttp2's decoder alone.
#include <optional>
#include <string>

#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "http2/endpoint.h"

namespace ringrpc::fuzz {

void run(Input input) {
  using namespace http2;
  using namespace http2::test;
  Endpoint server(Role::server);
  server.headers_hook = [](Stream&) {};
  Encoder encoder;
  Decoder reference;
  if (!server.receive(std::string(preface) + settings() + settings_ack()).ok()) return;
  std::string kept[4];
  int repeated = 0;
  for (std::uint32_t id = 1; !input.empty() && id < 200; id += 2) {
    Input record = input.record();
    const std::uint32_t choice = record.number(8);
    std::string& place = kept[record.number(4)];
    std::string block;
    if (choice < 3) {
      block = encoder.block(next_fields(record));
    } else if (choice < 7) {
      block = kept[record.number(4)];  // the same bytes again, which may mean other fields by now
    } else {
      block = record.rest();
    }
    place = block;
    const std::optional<FieldList> expected = reference.try_fields(block);
    const Status status = server.receive(frame(frame_type::headers, end_headers | end_stream, id, block));
    (void)server.produce();
    if (!expected) {
      CHECK((!status.ok() || server.session.finished()));
      return;
    }
    if (!status.ok() || server.session.finished()) return;
    const auto found = server.exchanges.find(id);
    if (found == server.exchanges.end()) continue;  // the message is malformed
    CHECK(found->second.header_blocks.front() == *expected);
    repeated += choice >= 3 && choice < 7;
    if (Stream* const stream = found->second.stream) server.session.reset(*stream, ErrorCode::no_error);
    (void)server.produce();
  }
  plant(repeated > 3);
}

}  // namespace ringrpc::fuzz
