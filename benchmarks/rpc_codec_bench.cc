/// The codec alone: splitting a body into messages, parsing and serializing Echo, and the text encodings of
/// the wire.
#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>
#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/codec.h"

#include "echo/v1/echo.pb.h"
#include "rpc/message/message_buffer.h"
#include "rpc/wire/base64.h"
#include "rpc/wire/percent_encoding.h"
#include "rpc/wire/timeout.h"

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
  SlabPool slabs;
  MessageBuffer buffer(slabs, 4 << 20);
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

using Flat = echo::v1::EchoRequest;
using Nested = google::protobuf::FileDescriptorProto;

template <class T>
T example();
template <>
Flat example() {
  Flat request;
  request.set_payload("sixteen bytes...");
  return request;
}
/// Messages with repeated messages inside: the descriptor of echo.proto.
template <>
Nested example() {
  Nested file;
  Flat::descriptor()->file()->CopyTo(&file);
  return file;
}

/// As the server parses: into a message that is moved to the handler.
template <class T>
void parse_and_move(benchmark::State& state) {
  const std::string wire = example<T>().SerializeAsString();
  for (auto _ : state) {
    T parsed;
    benchmark::DoNotOptimize(Codec<T>::parse(parsed, as_bytes(wire)));
    T moved(std::move(parsed));
    benchmark::DoNotOptimize(&moved);
  }
}
BENCHMARK_TEMPLATE(parse_and_move, Flat);
BENCHMARK_TEMPLATE(parse_and_move, Nested);

enum class Handed { by_reference, by_value };

/// The same with an arena whose first block exists already, as one in a call's frame would.
template <class T, Handed handed>
void parse_in_arena(benchmark::State& state) {
  const std::string wire = example<T>().SerializeAsString();
  alignas(8) char block[16 * 1024];
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = sizeof block;
  for (auto _ : state) {
    google::protobuf::Arena arena(options);
    T* const parsed = google::protobuf::Arena::CreateMessage<T>(&arena);
    benchmark::DoNotOptimize(Codec<T>::parse(*parsed, as_bytes(wire)));
    if constexpr (handed == Handed::by_value) {
      T moved(std::move(*parsed));
      benchmark::DoNotOptimize(&moved);
    }
  }
}
BENCHMARK_TEMPLATE(parse_in_arena, Flat, Handed::by_reference);
BENCHMARK_TEMPLATE(parse_in_arena, Flat, Handed::by_value);
BENCHMARK_TEMPLATE(parse_in_arena, Nested, Handed::by_reference);
BENCHMARK_TEMPLATE(parse_in_arena, Nested, Handed::by_value);

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
  const std::string bytes(64, '\x7f');
  for (auto _ : state) benchmark::DoNotOptimize(base64_decode(base64_encode(bytes)));
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
