#include "rpc/server/heap_trim.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <malloc.h>
#include <pthread.h>
#include <thread>

#include "base/background_thread.h"

namespace ringrpc {
namespace {

enum class State : unsigned char {
  idle,     // there is no thread
  wanted,   // a trim is requested, possibly while one runs
  trimmed,  // the thread has begun to trim, or pauses, and there is no request since
};

constinit std::atomic<State> state = State::idle;

void trim_while_wanted() {
  ::pthread_setname_np(::pthread_self(), "heap-trim");
  leave_core_of_creator();
  State seen = State::trimmed;
  do {
    state = State::trimmed;
    ::malloc_trim(0);
    std::this_thread::sleep_for(std::chrono::seconds(heap_trim_pause_s));
    if (state == State::trimmed) ::malloc_trim(0);  // other threads may have freed their part since
    seen = State::trimmed;
  } while (!state.compare_exchange_strong(seen, State::idle));
}

}  // namespace

void trim_heap() noexcept {
  if (state.exchange(State::wanted) != State::idle) return;
  try {
    start_without_signals(trim_while_wanted).detach();
  } catch (const std::exception&) {  // no more threads, or no memory
    state = State::idle;
  }
}

}  // namespace ringrpc
