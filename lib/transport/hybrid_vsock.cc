#include "transport/hybrid_vsock.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <string_view>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::string_view yes = "OK ";
constexpr std::size_t response_bytes_max = 16;  // "OK 4294967295\n" and some spare bytes

bool is_yes(std::string_view line) {
  if (!line.starts_with(yes) || line.size() == yes.size()) return false;
  return line.find_first_not_of("0123456789", yes.size()) == std::string_view::npos;
}

}  // namespace

void HybridVsockStream::start(ByteStream::Handler& handler) {
  assert(!handler_);
  handler_ = &handler;
  response_.reserve(2 * response_bytes_max);  // its largest size
  carrier_->start(*this);
  Chain line(slabs_);
  line.append(as_bytes("CONNECT " + std::to_string(port_) + "\n"));
  carrier_->send(std::move(line));
}

void HybridVsockStream::pause_receiving() {
  paused_ = true;
  if (phase_ == Phase::open) carrier_->pause_receiving();
}

void HybridVsockStream::resume_receiving() {
  paused_ = false;
  if (phase_ == Phase::open) carrier_->resume_receiving();
}

void HybridVsockStream::send(Chain chain) {
  held_.emplace(std::move(chain));
  let_go();
}

void HybridVsockStream::shutdown_send() {
  ending_ = true;
  let_go();
}

/// Passes on the held-back bytes, once the CONNECT line has been sent and the response has come. After a
/// failure it passes on an end and then a send. The carrier refuses that send, so the handler gets its
/// on_sent in the usual way.
void HybridVsockStream::let_go() {
  if (!asked_ || phase_ == Phase::asking) return;
  if (std::exchange(ending_, false)) carrier_->shutdown_send();
  if (held_) carrier_->send(*std::exchange(held_, std::nullopt));
}

void HybridVsockStream::on_sent(int error) {
  if (asked_) return handler_->on_sent(error);
  // If the line could not be sent, the connection is lost. Receiving ends too, and reports that.
  asked_ = true;
  let_go();
}

void HybridVsockStream::on_received(Bytes bytes) {
  if (phase_ == Phase::open) return handler_->on_received(bytes);
  if (phase_ == Phase::failed) return;
  const std::string_view text = as_text(bytes);
  const std::size_t end = text.find('\n');
  response_.append(text.substr(0, std::min(end, response_bytes_max)));
  if (end != std::string_view::npos && is_yes(response_)) return on_response(bytes.subspan(end + 1));
  if (end != std::string_view::npos || response_.size() >= response_bytes_max) fail(EPROTO);
}

/// `rest` came with the response and belongs to the guest.
void HybridVsockStream::on_response(Bytes rest) {
  enter(Phase::open);
  if (paused_) carrier_->pause_receiving();
  let_go();
  if (!rest.empty()) handler_->on_received(rest);
}

void HybridVsockStream::on_receive_end(int error) {
  if (phase_ == Phase::open) return handler_->on_receive_end(error);
  if (phase_ == Phase::asking) fail(error == 0 ? ECONNREFUSED : error);
}

void HybridVsockStream::fail(int error) {
  enter(Phase::failed);
  ending_ = true;
  let_go();
  handler_->on_receive_end(error);
}

}  // namespace ringrpc
