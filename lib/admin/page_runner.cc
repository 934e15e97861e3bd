#include "admin/page_runner.h"

#include <cassert>
#include <new>
#include <utility>

#include "ringrpc/log.h"

#include "base/caught.h"

namespace ringrpc::admin {

void PageRunner::enter(State next) noexcept {
  assert(state_ != next);
  state_ = next;
}

void PageRunner::request(Client& client, PageRequest request) {
  client.request_ = std::move(request);
  waiting_.push_back(client);
  if (state_ == State::idle) start_next();
}

void PageRunner::forget(Client& client) noexcept {
  client.unlink();
  if (client_ == &client) client_ = nullptr;
}

void PageRunner::start_next() noexcept {
  client_ = waiting_.pop_front();
  if (!client_) return;
  enter(State::running);
  try {
    task_ = page_.make(std::move(client_->request_));
    task_.start(this);
  } catch (...) {
    task_ = {};
    not_started_ = caught();
    shard_.ready().push(*this);
  }
}

void PageRunner::run() {
  Result<PageResponse> response = take();
  task_ = {};
  enter(State::idle);
  if (!response) report(response.error());
  if (Client* const client = std::exchange(client_, nullptr)) client->on_page(std::move(response));
  if (state_ == State::idle) start_next();
}

Result<PageResponse> PageRunner::take() noexcept {
  if (!task_.valid()) return std::unexpected(std::move(not_started_));
  try {
    return task_.result();
  } catch (...) {
    return std::unexpected(caught());
  }
}

void PageRunner::report(const Status& failure) noexcept try {
  if (const auto left_out = failures_logged_.take(shard_.now()))
    log::warn("admin page {}: {}{}", page_.path(), failure.to_string(), left_out->words());
} catch (const std::bad_alloc&) {
  // There is no memory for the log line.
}

}  // namespace ringrpc::admin
