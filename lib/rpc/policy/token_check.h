/// Tokens that are being verified, so that all calls with a token on a shard share one verification.
///
///   TokenTurn turn(cache.checks(), token);
///   co_await turn;
///   if (turn.settled()) co_return turn.refusal();  // another call has had it verified
///   std::optional<JwtRefusal> refusal = co_await verify(...);
///   if (...) turn.settle(refusal);                 // for all that wait
///
/// One call with a token has its turn, and the others wait in the order of their arrival. A turn that ends without
/// `settle`, because its call was cancelled or found no place in the queue, goes to the next of them alone: if all of them
/// tried at once, they would verify the same token many times.
///
/// Belongs to the shard's thread.
#pragma once

#include <cassert>
#include <coroutine>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/suspended.h"

#include "reactor/intrusive_list.h"
#include "reactor/shard.h"
#include "rpc/policy/jwt_verifier.h"

namespace ringrpc {

class TokenTurn;

struct TokenCheck {
  bool settled = false;
  std::optional<JwtRefusal> refusal;  ///< once settled: why the token is refused; nothing for a valid one
  List<TokenTurn> waiting;
};

/// The tokens that are not settled.
using TokenChecks = std::map<std::string, std::shared_ptr<TokenCheck>, std::less<>>;

/// Waits for the turn of a call, or for the result of another. Destroying it ends the wait or the turn.
class TokenTurn final : ListNode, Ready {
 public:
  /// `checks` must outlive it.
  TokenTurn(TokenChecks& checks, std::string_view token) : checks_(checks), token_(token) {
    const auto found = checks.find(token);
    has_turn_ = found == checks.end();
    check_ = has_turn_ ? checks.emplace(token_, std::make_shared<TokenCheck>()).first->second : found->second;
  }
  TokenTurn(const TokenTurn&) = delete;
  TokenTurn& operator=(const TokenTurn&) = delete;
  ~TokenTurn() {
    if (!has_turn_ || settled()) return;
    if (TokenTurn* const next = check_->waiting.pop_front()) {
      next->has_turn_ = true;
      shard_.ready().push(*next);
    } else {
      checks_.erase(token_);
    }
  }

  bool await_ready() const noexcept { return has_turn_; }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    check_->waiting.push_back(*this);
  }
  void await_resume() const noexcept {}

  bool settled() const noexcept { return check_->settled; }
  const std::optional<JwtRefusal>& refusal() const noexcept { return check_->refusal; }

  /// Gives the result to all that wait. Call it in one's turn, at most once.
  void settle(std::optional<JwtRefusal> refusal) {
    assert(has_turn_ && !settled());
    check_->settled = true;
    check_->refusal = std::move(refusal);
    checks_.erase(token_);
    while (TokenTurn* const each = check_->waiting.pop_front()) shard_.ready().push(*each);
  }

 private:
  friend List<TokenTurn>;

  void run() override { waiting_.resume(); }

  Shard& shard_ = Shard::here();
  TokenChecks& checks_;
  const std::string token_;
  std::shared_ptr<TokenCheck> check_;
  bool has_turn_;
  Suspended waiting_;
};

}  // namespace ringrpc
