// Workloads
//   serve/1, serve/10 …  a server session receives this many requests at a time, of 8 fields and 25 bytes
//                        each, and responds to each with HEADERS, 25 bytes of DATA and trailers
//
// With --requests=N it serves exactly N requests of serve/10. Under callgrind, the difference of two such
// runs is the number of instructions of a request.
#include <benchmark/benchmark.h>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <vector>

#include "http2/session.h"

namespace {

using namespace ringrpc;
using namespace ringrpc::http2;

constexpr std::size_t body_bytes = 25;

/// Responds to a request with its own body, as an echo server does.
class Echo final : public SessionEvents, public StreamEvents {
 public:
  Echo() : session_(Role::server, {}, now_, slabs_, *this) {}

  std::size_t serve(std::string_view bytes) {
    if (!session_.receive(as_bytes(bytes)).ok()) std::abort();
    session_.produce(out_);
    const std::size_t produced = out_.size();
    out_.clear();
    return produced;
  }

  void on_request(Stream& stream) override {
    for (const Header& header : stream.headers()) benchmark::DoNotOptimize(header.value.data());
    stream_ = &stream;
    stream.set_events(this);
  }
  void on_data(Bytes bytes) override {
    body_.assign(bytes.begin(), bytes.end());
    session_.consumed(*stream_, bytes.size());
  }
  void on_end() override {
    static constexpr std::array<Header, 2> headers = {
        Header{.name = ":status", .value = "200", .static_storage = true},
        Header{.name = "content-type", .value = "application/grpc", .static_storage = true}};
    static constexpr std::array<Header, 1> trailers = {
        Header{.name = "grpc-status", .value = "0", .static_storage = true}};
    session_.send_headers(*stream_, headers, false);
    std::memcpy(session_.reserve_data(*stream_, body_.size()).data(), body_.data(), body_.size());
    session_.commit_data(*stream_, body_.size());
    session_.send_trailers(*stream_, trailers);
  }
  void on_closed(ErrorCode, bool) override {}
  void on_goaway(std::uint32_t, ErrorCode, std::string_view) override {}
  void on_ping_ack(std::uint64_t) override {}
  void on_settings() override {}

 private:
  Instant now_{std::chrono::hours(1)};
  SlabPool slabs_;
  Chain out_{slabs_};
  std::vector<std::uint8_t> body_;
  Stream* stream_ = nullptr;  // the stream of the arriving frames; requests do not interleave
  Session session_;
};

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t id, std::string_view payload) {
  std::string made;
  for (const int shift : {16, 8, 0}) made += static_cast<char>(payload.size() >> shift);
  made += static_cast<char>(type);
  made += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) made += static_cast<char>(id >> shift);
  return made.append(payload);
}

/// A client's bytes. After the first request all fields are in HPACK's tables, so the requests differ only
/// in their stream ids.
class Requests {
 public:
  Requests() {
    nghttp2_hd_deflate_new(&deflater_, 4096);
    opening_ = std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame(NGHTTP2_SETTINGS, 0, 0, "") +
               frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string_view("\x7f\xff\0\0", 4)) +
               frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "") + request(1, deflate());
    block_ = deflate();
  }
  ~Requests() { nghttp2_hd_deflate_del(deflater_); }

  const std::string& opening() const { return opening_; }

  std::string_view next(std::size_t count) {
    if (batch_.size() != count * request(0, block_).size()) {
      batch_.clear();
      for (std::size_t i = 0; i < count; ++i) batch_ += request(0, block_);
    }
    const std::size_t headers_bytes = 9 + block_.size();
    for (std::size_t at = 0; at < batch_.size(); at += headers_bytes + 9 + body_bytes) {
      id_ += 2;
      const std::uint32_t network_id = __builtin_bswap32(id_);
      std::memcpy(&batch_[at + 5], &network_id, 4);
      std::memcpy(&batch_[at + headers_bytes + 5], &network_id, 4);
    }
    return batch_;
  }

 private:
  std::string deflate() {
    const auto field = [](std::string_view name, std::string_view value) {
      const auto as_bytes = [](std::string_view text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
      };
      return nghttp2_nv{as_bytes(name), as_bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const std::array<nghttp2_nv, 8> fields = {field(":method", "POST"),
                                              field(":scheme", "http"),
                                              field(":path", "/echo.v1.Echo/Say"),
                                              field(":authority", "127.0.0.1:50051"),
                                              field("user-agent", "bench/1.0"),
                                              field("content-type", "application/grpc"),
                                              field("te", "trailers"),
                                              field("content-length", "25")};
    std::string block(1024, '\0');
    const ssize_t size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(block.data()),
                                               block.size(), fields.data(), fields.size());
    block.resize(static_cast<std::size_t>(size));
    return block;
  }

  static std::string request(std::uint32_t id, const std::string& block) {
    return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block) +
           frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, std::string(body_bytes, 'x'));
  }

  nghttp2_hd_deflater* deflater_ = nullptr;
  std::string opening_;
  std::string block_;
  std::string batch_;
  std::uint32_t id_ = 1;
};

void serve(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Echo server;
  Requests requests;
  server.serve(requests.opening());
  for (auto _ : state) benchmark::DoNotOptimize(server.serve(requests.next(count)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(serve)->Arg(1)->Arg(10)->Arg(100);

void serve_exactly(std::uint64_t count) {
  Echo server;
  Requests requests;
  server.serve(requests.opening());
  for (std::uint64_t i = 0; i < count; i += 10) server.serve(requests.next(10));
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view option = "--requests=";
  if (argc == 2 && std::string_view(argv[1]).starts_with(option)) {
    const std::string_view number = std::string_view(argv[1]).substr(option.size());
    std::uint64_t count = 0;
    std::from_chars(number.data(), number.data() + number.size(), count);
    serve_exactly(count);
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
