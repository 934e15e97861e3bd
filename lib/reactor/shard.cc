#include "reactor/shard.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

namespace ringrpc {

namespace {

constinit thread_local Shard* running = nullptr;

/// The longest time that one turn dispatches completions. The output of a turn leaves at its end. If the end
/// came late under load, the peer would idle until then, and the two sides would alternate instead of working
/// at the same time.
constexpr std::chrono::microseconds dispatch_length{500};

/// The number of consecutive turns with completions left that timers wait for. The wait lets a response that
/// came before its timeout count, even if the process was kept from running until after it. The limit lets
/// timers fire under any load.
constexpr unsigned turns_behind_max = 64;

/// Makes a shard the current one during its lifetime.
class Current {
 public:
  explicit Current(Shard& shard) noexcept : previous_(std::exchange(running, &shard)) {}
  Current(const Current&) = delete;
  ~Current() { running = previous_; }

 private:
  Shard* previous_;
};

}  // namespace

struct Shard::Letter {
  Mail mail;
  Letter* next = nullptr;
};

Shard::SealedMail::SealedMail(Mail mail) : letter_(new Letter{std::move(mail)}) {}
Shard::SealedMail::~SealedMail() { delete letter_; }

Shard::Shard(unsigned index, std::unique_ptr<Io> io, Nanoseconds spin)
    : index_(index), io_(std::move(io)), spin_(spin), timers_(io_->now()), now_(io_->now()) {}

Shard::~Shard() {
  while (!locals_.empty()) drop(locals_.begin()->first);
  for (Letter* letter = mailbox_.load(std::memory_order_acquire); letter;)
    delete std::exchange(letter, letter->next);
}

Shard* Shard::current() noexcept { return running; }

Shard& Shard::here() {
  if (!running) [[unlikely]]
    throw std::logic_error("await this on a shard: in a handler, or under block_on");
  return *running;
}

void Shard::keep(const void* key, std::unique_ptr<ShardLocal> kept) {
  [[maybe_unused]] const bool only = locals_.emplace(key, std::move(kept)).second;
  assert(only);
}

void Shard::drop(const void* key) {
  if (key == recent_key_) {
    recent_key_ = nullptr;
    recent_ = nullptr;
  }
  // Off the table first, because its destructor may search the table.
  const auto dropped = locals_.extract(key);
}

void Shard::post(Mail mail) { post(SealedMail(std::move(mail))); }

void Shard::post(SealedMail mail) noexcept {
  assert(mail.letter_);
  Letter* const letter = std::exchange(mail.letter_, nullptr);
  letter->next = mailbox_.load(std::memory_order_relaxed);
  while (!mailbox_.compare_exchange_weak(letter->next, letter)) {
  }
  rouse();
}

void Shard::stop() noexcept {
  stopping_.store(true);
  rouse();
}

// A poster writes its letter and then reads `asleep_`; the shard writes `asleep_` and then reads the mailbox.
// Sequential consistency lets at least one of them see the other, so no wake is lost, and a shard that is
// awake costs no system call.
void Shard::rouse() noexcept {
  if (asleep_.load() && asleep_.exchange(false)) io_->wake();
}

void Shard::turn(bool may_sleep, Instant until) {
  const Current current(*this);
  ++turns_;
  if (may_sleep && ready_.empty() && turn_ends_.empty()) {
    rest(std::min({until, timers_.next(), alarms_.next()}));
  } else {
    io_->wait(Instant::min());
  }
  now_ = io_->now();
  const bool all = io_->dispatch(after(now_, dispatch_length));
  deliver_mail();
  turns_behind_ = all ? 0 : turns_behind_ + 1;
  if (turns_behind_ % turns_behind_max == 0) timers_.advance(now_);
  alarms_.advance(now_);
  const unsigned ran = ready_.run();
  run_turn_ends();
  if (turn_observer_) turn_observer_->on_turn(io_->now() - now_, ran);
}

bool Shard::called() const noexcept {
  return mailbox_.load(std::memory_order_relaxed) || stopping_.load(std::memory_order_relaxed);
}

/// Waits for an event: spins if that is worthwhile, then sleeps.
void Shard::rest(Instant until) {
  if (spin_.worthwhile() && spin(until)) return;
  asleep_.store(true);
  io_->wait(mailbox_.load() || stopping_.load() ? Instant::min() : until);
  asleep_.store(false, std::memory_order_relaxed);
}

/// Spins. True if something came, so that no sleep is needed. Events that the first poll finds were there
/// before the spin, so they do not count for or against spinning.
bool Shard::spin(Instant until) {
  if (io_->wait(Instant::min()) || called()) return true;
  const Instant end = after(io_->now(), spin_.budget());
  while (io_->now() < std::min(end, until)) {
    relax();
    if (io_->wait(Instant::min()) || called()) {
      spin_.paid();
      return true;
    }
  }
  if (end <= until) spin_.in_vain();
  return false;
}

void Shard::run() {
  const Current current(*this);
  while (!stopping_.load(std::memory_order_relaxed)) turn();
}

void Shard::deliver_mail() {
  if (!mailbox_.load(std::memory_order_relaxed)) return;
  Letter* newest = mailbox_.exchange(nullptr, std::memory_order_acquire);
  Letter* oldest = nullptr;
  while (newest) {
    Letter* next = std::exchange(newest->next, oldest);
    oldest = std::exchange(newest, next);
  }
  while (oldest) {
    const std::unique_ptr<Letter> letter(std::exchange(oldest, oldest->next));
    letter->mail();
  }
}

void Shard::run_turn_ends() {
  // A request made meanwhile waits for the end of the next turn.
  ListOf<TurnEnd, TurnEndTag> flushes;
  flushes.splice(turn_ends_);
  while (TurnEnd* flush = flushes.pop_front()) flush->on_turn_end();
}

}  // namespace ringrpc
