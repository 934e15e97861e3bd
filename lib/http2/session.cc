#include "http2/session.h"

#include "http2/engine.h"

namespace ringrpc::http2 {
namespace {

/// Every stream that a user holds came from a session, which makes no others.
LiveStream& live(Stream& stream) noexcept { return static_cast<LiveStream&>(stream); }

}  // namespace

Session::Session(Role role, const Limits& limits, const Instant& now, SlabPool& slabs, SessionEvents& events)
    : engine_(std::make_unique<SessionEngine>(role, limits, now, slabs, events)) {}

Session::~Session() = default;

Status Session::receive(Bytes bytes) { return engine_->receive(bytes); }

void Session::produce(Chain& out, std::size_t limit_bytes) { engine_->produce(out, limit_bytes); }

bool Session::wants_to_produce() const noexcept { return engine_->wants_to_produce(); }

bool Session::finished() const noexcept { return engine_->finished(); }

Result<Stream*> Session::open(std::span<const Header> request, StreamEvents* events, bool end_stream) {
  return engine_->open(request, events, end_stream);
}

std::uint32_t Session::open_capacity() const noexcept { return engine_->open_capacity(); }

void Session::send_headers(Stream& stream, std::span<const Header> headers, bool end_stream) {
  engine_->send_headers(live(stream), headers, end_stream);
}

std::size_t Session::header_list_bytes_max() const noexcept { return engine_->header_list_bytes_max(); }

void Session::send_data(Stream& stream, Bytes bytes, bool end_stream) {
  engine_->send_data(live(stream), bytes, end_stream);
}

std::span<std::uint8_t> Session::reserve_data(Stream& stream, std::size_t bytes) {
  return engine_->reserve_data(live(stream), bytes);
}

void Session::commit_data(Stream& stream, std::size_t bytes) { engine_->commit_data(live(stream), bytes); }

void Session::send_trailers(Stream& stream, std::span<const Header> trailers) {
  engine_->send_trailers(live(stream), trailers);
}

void Session::reset(Stream& stream, ErrorCode code) { engine_->reset(live(stream), code); }

void Session::consumed(Stream& stream, std::size_t bytes) { engine_->consumed(live(stream), bytes); }

void Session::announce_shutdown(std::uint64_t opaque) { engine_->announce_shutdown(opaque); }

void Session::goaway(ErrorCode code, std::string_view debug) { engine_->goaway(code, debug); }

void Session::terminate(ErrorCode code, std::string_view debug) { engine_->terminate(code, debug); }

void Session::ping(std::uint64_t opaque) { engine_->ping(opaque); }

void Session::end_input() { engine_->end_input(); }

Instant Session::next_deadline() const noexcept { return engine_->next_deadline(); }

Status Session::tick() { return engine_->tick(); }

std::size_t Session::queued_output_bytes() const noexcept { return engine_->queued_output_bytes(); }

std::size_t Session::open_streams() const noexcept { return engine_->open_streams(); }

std::uint32_t Session::last_peer_stream_id() const noexcept { return engine_->last_peer_stream_id(); }

std::int64_t Session::connection_send_window() const noexcept { return engine_->connection_send_window(); }

}  // namespace ringrpc::http2
