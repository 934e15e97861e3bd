// Header blocks that a server receives on one connection: its session, which knows blocks again that it has seen
// (lib/http2/known_blocks.h), gives the same fields as nghttp2's decoder alone.
#include <nghttp2/nghttp2.h>
#include <optional>
#include <string>
#include <utility>

#include "fuzz/frame_input.h"
#include "fuzz/target.h"
#include "http2/endpoint.h"

namespace ringrpc::fuzz {
namespace {

using namespace http2;
using namespace http2::test;

class Reference {
 public:
  Reference() { CHECK(nghttp2_hd_inflate_new(&inflater_) == 0); }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;
  ~Reference() { nghttp2_hd_inflate_del(inflater_); }

  /// Nothing if the block is not HPACK.
  std::optional<Fields> fields(std::string_view block) {
    Fields found;
    const Bytes bytes = as_bytes(block);
    std::size_t at = 0;
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv field;
      const ssize_t taken =
          nghttp2_hd_inflate_hd2(inflater_, &field, &flags, bytes.data() + at, bytes.size() - at, 1);
      if (taken < 0) return std::nullopt;
      at += static_cast<std::size_t>(taken);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        found.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                           std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
      else if ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0 && at == bytes.size())
        return std::nullopt;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return found;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace

void run(Input input) {
  Endpoint server(Role::server);
  server.headers_hook = [](Stream&) {};
  Encoder encoder;
  Reference reference;
  if (!server.receive(std::string(preface) + settings() + settings_ack()).ok()) return;
  std::string kept[4];
  int repeated = 0;
  for (std::uint32_t id = 1; !input.empty() && id < 200; id += 2) {
    std::string block;
    const std::uint32_t choice = input.number(8);
    if (choice < 3) {
      block = encoder.block(next_fields(input));
    } else if (choice < 7) {
      block = kept[input.number(4)];  // the same bytes again, which may mean other fields by now
    } else {
      block = input.text(60);
    }
    kept[input.number(4)] = block;
    const std::optional<Fields> expected = reference.fields(block);
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
