/// One side of an HTTP/2 connection in a test: a session that records its events and responds through hooks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http2/session.h"
#include "http2/wire.h"

namespace ringrpc::http2::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline Fields copy(std::span<const Header> headers) {
  Fields fields;
  for (const Header& header : headers) fields.emplace_back(header.name, header.value);
  return fields;
}

inline std::string text(const Chain& chain) {
  std::vector<iovec> pieces(chain.size() / 1024 + 16);
  std::string all;
  const std::size_t count = chain.gather(pieces);
  for (std::size_t i = 0; i < count; ++i)
    all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return all;
}

class Endpoint;

/// Records the events of one stream.
struct Exchange final : StreamEvents {
  explicit Exchange(Endpoint& owner) noexcept : endpoint(owner) {}

  void begin(Stream& begun) {
    stream = &begun;
    begun.set_events(this);
  }

  void on_headers() override;
  void on_interim_headers() override { on_headers(); }
  void on_data(Bytes bytes) override;
  void on_trailers() override;
  void on_end() override;
  void on_writable() override;
  void on_closed(ErrorCode code, bool by_peer) override;

  Endpoint& endpoint;
  Stream* stream = nullptr;  ///< until it is closed
  std::vector<Fields> header_blocks;
  std::string body;
  Fields trailers;
  int trailers_count = 0;
  int ends = 0;
  int writable = 0;
  int closes = 0;
  ErrorCode code = ErrorCode::no_error;
  bool by_peer = false;
};

class Endpoint final : public SessionEvents {
 public:
  explicit Endpoint(Role role, const Limits& limits = {}) : session(role, limits, now, slabs, *this) {}

  /// Produces everything that is due, in calls of at most `limit_bytes`.
  std::string produce(std::size_t limit_bytes = 1024 * 1024) {
    std::string all;
    while (session.wants_to_produce()) {
      Chain out(slabs);
      session.produce(out, limit_bytes);
      if (out.empty()) break;
      all += text(out);
    }
    return all;
  }

  Status receive(std::string_view bytes) { return session.receive(as_bytes(bytes)); }

  Exchange& operator[](std::uint32_t id) { return exchanges.try_emplace(id, *this).first->second; }

  Exchange& open(std::span<const Header> request, bool ends) {
    const Result<Stream*> stream = session.open(request, nullptr, ends);
    Exchange& exchange = (*this)[stream.value()->id()];
    exchange.begin(**stream);
    return exchange;
  }

  void on_request(Stream& stream) override {
    Exchange& exchange = (*this)[stream.id()];
    exchange.begin(stream);
    exchange.on_headers();
  }
  bool on_headers_too_large(Stream& stream) override {
    if (!too_large_hook) return false;
    (*this)[stream.id()].begin(stream);
    too_large_hook(stream);
    return true;
  }
  void on_capacity() override { ++capacities; }
  void on_goaway(std::uint32_t last_stream_id, ErrorCode code, std::string_view debug) override {
    goaways.push_back({last_stream_id, code, std::string(debug)});
  }
  void on_ping_ack(std::uint64_t opaque) override { ping_acks.push_back(opaque); }
  void on_settings() override { ++settings; }

  struct Goaway {
    std::uint32_t last_stream_id;
    ErrorCode code;
    std::string debug;
  };

  Instant now{std::chrono::hours(1)};
  SlabPool slabs;
  std::map<std::uint32_t, Exchange> exchanges;
  std::vector<Goaway> goaways;
  std::vector<std::uint64_t> ping_acks;
  int requests = 0;
  int settings = 0;
  int capacities = 0;
  bool consumes = true;
  std::function<void(Stream&)> headers_hook;
  std::function<void(Stream&)> too_large_hook;
  std::function<void(Stream&, Bytes)> data_hook;
  std::function<void(Stream&)> end_hook;
  std::function<void(Stream&)> writable_hook;
  std::function<void(Stream&)> closed_hook;
  Session session;  // last, because its hooks may use the rest
};

inline void Exchange::on_headers() {
  header_blocks.push_back(copy(stream->headers()));
  ++endpoint.requests;
  if (endpoint.headers_hook) endpoint.headers_hook(*stream);
}

inline void Exchange::on_data(Bytes bytes) {
  body += as_text(bytes);
  if (endpoint.consumes) endpoint.session.consumed(*stream, bytes.size());
  if (endpoint.data_hook) endpoint.data_hook(*stream, bytes);
}

inline void Exchange::on_trailers() {
  trailers = copy(stream->headers());
  ++trailers_count;
}

inline void Exchange::on_end() {
  ++ends;
  if (endpoint.end_hook) endpoint.end_hook(*stream);
}

inline void Exchange::on_writable() {
  ++writable;
  if (endpoint.writable_hook) endpoint.writable_hook(*stream);
}

inline void Exchange::on_closed(ErrorCode closed_with, bool closed_by_peer) {
  ++closes;
  code = closed_with;
  by_peer = closed_by_peer;
  Stream& closed = *std::exchange(stream, nullptr);
  if (endpoint.closed_hook) endpoint.closed_hook(closed);
}

inline const std::vector<Header> echo_request = {
    {":method", "POST"},
    {":scheme", "http"},
    {":path", "/echo.v1.Echo/Say"},
    {":authority", "localhost"},
    {"content-type", "application/grpc"},
    {"te", "trailers"},
};
inline const std::vector<Header> ok_response = {
    {.name = ":status", .value = "200", .static_storage = true},
    {.name = "content-type", .value = "application/grpc", .static_storage = true},
};
inline const std::vector<Header> ok_trailers = {
    {.name = "grpc-status", .value = "0", .static_storage = true}};

/// A server that sends each request's body back.
inline void echo(Endpoint& server) {
  server.end_hook = [&server](Stream& stream) {
    server.session.send_headers(stream, ok_response, false);
    server.session.send_data(stream, as_bytes(server[stream.id()].body));
    server.session.send_trailers(stream, ok_trailers);
  };
}

/// Two sessions, and the wire between them that RINGRPC_WIRE selects (wire.h), strings by default. `cut`
/// gives the number of arriving bytes that the session gets at a time.
struct Connection {
  using Cut = std::function<std::size_t()>;

  explicit Connection(const Limits& client_limits = {}, const Limits& server_limits = {})
      : client(Role::client, client_limits), server(Role::server, server_limits) {}

  /// Carries bytes both ways until neither side has more to send. False if a side found a fault.
  bool run(const Cut& cut = [] { return std::size_t{1 << 20}; }) {
    for (;;) {
      const std::string there = client.produce();
      const std::string back = server.produce();
      if (there.empty() && back.empty()) return true;
      if (!carry(there, Role::server, cut) || !carry(back, Role::client, cut)) return false;
    }
  }

  bool carry(std::string_view bytes, Role to, const Cut& cut) {
    Endpoint& receiver = to == Role::server ? server : client;
    const auto take = [&](std::string_view arrived) { return deliver(arrived, receiver, cut); };
    return wire && !bytes.empty() ? wire->carry(bytes, to, take) : take(bytes);
  }

  static bool deliver(std::string_view bytes, Endpoint& to, const Cut& cut) {
    while (!bytes.empty()) {
      const std::size_t piece = std::min(bytes.size(), cut());
      if (!to.receive(std::string(bytes.substr(0, piece))).ok()) return false;
      bytes.remove_prefix(piece);
    }
    return true;
  }

  Endpoint client;
  Endpoint server;
  const std::unique_ptr<Wire> wire = Wire::make();
};

}  // namespace ringrpc::http2::test
