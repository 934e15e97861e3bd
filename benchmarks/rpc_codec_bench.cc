/// The codec alone: cutting a body into messages, parsing and serializing Echo, and the text encodings of the wire.
#include <benchmark/benchmark.h>
#include <string>
#include <vector>

#include "ringrpc/codec.h"

#include "echo/v1/echo.pb.h"
#include "rpc/base64.h"
#include "rpc/message_buffer.h"
#include "rpc/percent_encoding.h"
#include "rpc/timeout.h"

namespace ringrpc {
namespace {

std::vector<std::uint8_t> framed_request(std::size_t payload_bytes) {
  echo::v1::EchoRequest request;
  request.set_payload(std::string(payload_bytes, 'p'));
  const std::size_t bytes = Codec<echo::v1::EchoRequest>::size(request);
  std::vector<std::uint8_t> wire(MessageBuffer::prefix_bytes + bytes);
  MessageBuffer::write_prefix(wire.data(), bytes);
  Codec<echo::v1::EchoRequest>::serialize(request, wire.data() + MessageBuffer::prefix_bytes);
  return wire;
}

void deframe(benchmark::State& state) {
  const std::vector<std::uint8_t> wire = framed_request(static_cast<std::size_t>(state.range(0)));
  MessageBuffer buffer(4 << 20);
  for (auto _ : state) {
    benchmark::DoNotOptimize(buffer.add(wire));
    benchmark::DoNotOptimize(buffer.take());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(wire.size()));
}
BENCHMARK(deframe)->Arg(16)->Arg(65536);

void parse(benchmark::State& state) {
  const std::vector<std::uint8_t> wire = framed_request(static_cast<std::size_t>(state.range(0)));
  const Bytes message = Bytes(wire).subspan(MessageBuffer::prefix_bytes);
  for (auto _ : state) {
    echo::v1::EchoRequest request;
    benchmark::DoNotOptimize(Codec<echo::v1::EchoRequest>::parse(request, message));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(parse)->Arg(16)->Arg(65536);

void serialize(benchmark::State& state) {
  echo::v1::EchoResponse response;
  response.set_payload(std::string(static_cast<std::size_t>(state.range(0)), 'p'));
  response.set_timestamp(1'700'000'000'000'000'000);
  response.set_server_latency_ns(12'345);
  std::vector<std::uint8_t> wire(Codec<echo::v1::EchoResponse>::size(response));
  for (auto _ : state) {
    benchmark::DoNotOptimize(Codec<echo::v1::EchoResponse>::size(response));
    Codec<echo::v1::EchoResponse>::serialize(response, wire.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(wire.size()));
}
BENCHMARK(serialize)->Arg(16)->Arg(65536);

void base64_round_trip(benchmark::State& state) {
  const std::string octets(64, '\x7f');
  for (auto _ : state) benchmark::DoNotOptimize(base64_decode(base64_encode(octets)));
}
BENCHMARK(base64_round_trip);

void percent_encode_message(benchmark::State& state) {
  const std::string text = "no key named 7c1e; the server has rsa-2048 and p-256";
  for (auto _ : state) benchmark::DoNotOptimize(percent_encode(text));
}
BENCHMARK(percent_encode_message);

void timeout_parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_timeout("4999999u"));
}
BENCHMARK(timeout_parse);

}  // namespace
}  // namespace ringrpc

BENCHMARK_MAIN();
