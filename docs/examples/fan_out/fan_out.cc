// One board and many clients, work that repeats in the background, and threads of the program.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <iostream>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "ringrpc/channel.h"
#include "ringrpc/server.h"
#include "ringrpc/submit.h"

#include "station.h"

using namespace fan_out;
using namespace std::chrono_literals;

// [recorder]
/// Samples in the background for as long as it exists.
class Recorder {
 public:
  Recorder(Board& board, Nanoseconds period)
      : ended_(submit([this, &board, period] { return sample(board, stop_, period); })) {}
  ~Recorder() {
    stop_.notify();
    ended_.wait();  // until then the task uses `stop_` and the board
  }

 private:
  EventCount stop_;
  std::future<Status> ended_;
};
// [/recorder]

// [join]
/// Prints readings until three are from the summit or the call has ended.
Task<> print(ClientStream<Reading, Reading>& call) {
  for (int from_summit = 0; from_summit < 3;) {
    const auto reading = co_await call.next();
    if (!reading) co_return;
    std::cout << reading->station() << ": " << reading->celsius() << " °C\n";
    if (reading->station() == "summit") ++from_summit;
  }
}

Task<Status> exchange(Weather::Stub weather, std::string room, Board& outbox) {
  CallOptions options;
  if (Status status = options.metadata.add("room", room); !status.ok()) co_return status;
  auto call = weather.Exchange(options);
  co_await call.initial_metadata();  // the server's handler has its position
  std::uint64_t position = 0;
  co_await when_any(copy(outbox, position, call), print(call));  // writes and reads at the same time
  call.writes_done();                                            // ends the handler
  co_return co_await call.finish();
}
// [/join]

static Reading reading_of(const std::string& station, double celsius) {
  Reading reading;
  reading.set_station(station);
  reading.set_celsius(celsius);
  return reading;
}

/// Exchanges readings from a thread that is not a shard.
static Status exchange_from_thread(const Weather::Stub& weather) {
  // [future]
  Board outbox;
  std::future<Status> exchanged = submit([&outbox, weather] { return exchange(weather, "summit", outbox); });
  for (const double celsius : {-3.0, -3.5, -4.0}) outbox.post(reading_of("summit", celsius));
  return exchanged.get();  // waits; until then the task uses the outbox
  // [/future]
}

/// An executor such as programs have: functions are posted to it, and one thread runs them.
class Executor {
 public:
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    posted_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return !work_.empty(); });
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
  }

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> work_;
};

// [callback]
/// Returns at once; the executor calls `show`.
void show_latest(const Weather::Stub& weather, Executor& executor,
                 const std::function<void(const Result<Reading>&)>& show) {
  submit([weather] { return weather.GetReading({}, {.timeout = 2s}); },
         [&executor, show](const Result<Reading>& reading) {
           executor.post([show, reading] { show(reading); });
         });
}
// [/callback]

// [stop]
/// Prints the readings of the summit until it is closed, on any thread.
class Window {
 public:
  explicit Window(const Weather::Stub& weather)
      : closed_(submit([weather] { return follow(weather); }, stop_.get_token())) {}
  Status close() {
    stop_.request_stop();
    return closed_.get();  // CANCELLED, unless the call ended before
  }

 private:
  static Task<Status> follow(Weather::Stub weather) {
    auto readings = weather.Exchange();
    while (auto reading = co_await readings.next()) std::cout << reading->celsius() << " °C\n";
    co_return co_await readings.finish();
  }

  std::stop_source stop_;
  std::future<Status> closed_;
};
// [/stop]

int main() {
  // [main]
  Board board;
  Station station(board);
  auto server = Server::start({&station}, {.listen = {"127.0.0.1:0"}});
  if (!server) return std::cerr << server.error().message() << '\n', 1;
  const Recorder recorder(board, 10ms);
  // [/main]

  const Weather::Stub weather(Channel((*server)->addresses().front()));
  const Status exchanged = exchange_from_thread(weather);
  if (!exchanged.ok()) return std::cerr << exchanged.to_string() << '\n', 1;

  Window window(weather);
  if (const Status closed = window.close(); closed.code() != Code::CANCELLED)
    return std::cerr << closed.to_string() << '\n', 1;

  Executor executor;
  bool shown = false;
  show_latest(weather, executor, [&shown](const Result<Reading>& reading) { shown = reading.has_value(); });
  executor.run_one();
  return shown ? 0 : 1;
}
