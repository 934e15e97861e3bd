// Unit tests of the service, without sockets, threads and waiting.
#include <chrono>
#include <cstddef>
#include <iostream>
#include <string_view>
#include <utility>

#include "ringrpc/sleep.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/testing/fake_call.h"
#include "ringrpc/testing/in_process.h"

#include "station.h"

using namespace fan_out;
using namespace std::chrono_literals;

static Reading reading_of(double celsius) {
  Reading reading;
  reading.set_celsius(celsius);
  return reading;
}

// [watchers]
Task<bool> receive_the_same(Weather::Stub weather, Board& board) {
  auto one = weather.Watch({});
  auto other = weather.Watch({});
  co_await one.initial_metadata();
  co_await other.initial_metadata();  // both handlers watch now
  board.post(reading_of(11));
  const auto first = co_await one.next();
  const auto second = co_await other.next();
  co_return first && first->celsius() == 11 && second && second->celsius() == 11;
}

bool sends_each_reading_to_all_watchers() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});
  Weather::Stub weather(world.channel());
  return world.run(receive_the_same(weather, board)).value_or(false);
}
// [/watchers]

// [half-close]
/// Half-closes the call right behind its reading, and still hears it.
Task<Status> hear_oneself(Weather::Stub weather) {
  auto call = weather.Exchange();
  co_await call.initial_metadata();
  (void)co_await call.write(reading_of(-3));
  call.writes_done();
  const auto heard = co_await call.next();
  if (!heard || heard->celsius() != -3) co_return fail(Code::INTERNAL, "the reading did not come back");
  co_return co_await call.finish();
}

bool ends_an_exchange_when_the_client_half_closes() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});
  return world.run(hear_oneself(Weather::Stub(world.channel()))).ok();
}
// [/half-close]

// [rooms]
CallOptions in_room(std::string_view room) {
  CallOptions options;
  (void)options.metadata.add("room", room);
  return options;
}

/// Two clients meet in one room, and a third one is alone in another.
Task<bool> meet(Weather::Stub weather, const Station& station) {
  auto one = weather.Exchange(in_room("pier"));
  auto other = weather.Exchange(in_room("pier"));
  auto alone = weather.Exchange(in_room("mast"));
  for (auto* const call : {&one, &other, &alone}) co_await call->initial_metadata();
  const std::size_t rooms = station.rooms();

  (void)co_await one.write(reading_of(12));
  const auto heard = co_await other.next();
  alone.writes_done();
  const auto overheard = co_await alone.next();
  const Status left = co_await alone.finish();
  co_return rooms == 2 && heard && heard->celsius() == 12 && !overheard && left.ok() && station.rooms() == 1;
}  // the other two cancel their calls

bool keeps_a_room_until_its_last_member_leaves() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});
  const auto met = world.run(meet(Weather::Stub(world.channel()), station));
  world.advance(1s);  // lets the server learn of the cancelled calls
  return met.value_or(false) && station.rooms() == 0;
}
// [/rooms]

// [leave]
/// Watches, and cancels its call by destroying it.
Task<bool> watch_briefly(Weather::Stub weather, const Station& station) {
  auto watch = weather.Watch({});
  co_await watch.initial_metadata();
  co_return station.present() == 1;
}

bool counts_a_client_until_it_leaves() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});
  const auto counted = world.run(watch_briefly(Weather::Stub(world.channel()), station));
  world.advance(1s);  // lets the server learn of it
  return counted.value_or(false) && station.present() == 0;
}
// [/leave]

// [slow]
/// Posts more readings than the board keeps while the client reads none of them.
Task<> post_too_many(Board& board, testing::FakeStream& client) {
  board.post(reading_of(0));
  co_await sleep_for(1ms);  // the handler now waits until the client reads
  for (std::size_t posted = 0; posted <= Board::kept; ++posted) board.post(reading_of(1));
  client.set_room(1000);
}

bool ends_a_watch_that_is_too_slow() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});  // the handler waits, so it needs a shard
  testing::FakeCall call("/weather.v1.Weather/Watch");
  testing::FakeStream client;
  client.set_room(0);  // the client does not read
  Writer<Reading> out(client);
  const auto ended = world.run(when_all(station.Watch(call, {}, out), post_too_many(board, client)));
  return ended && std::get<0>(*ended).code() == Code::DATA_LOSS;
}
// [/slow]

static bool ends_a_watch_when_the_server_drains() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});
  testing::FakeCall call("/weather.v1.Weather/Watch");
  testing::FakeStream client;
  Writer<Reading> out(client);
  call.stop();
  return world.run(station.Watch(call, {}, out)).code() == Code::UNAVAILABLE;
}

// [periodic]
/// Samples in the background while a client calls.
Task<bool> call_beside_samples(Weather::Stub weather, Board& board) {
  EventCount stop;
  TaskScope background;
  background.spawn(sample(board, stop, 1min));
  co_await sleep_for(150s);  // takes no time
  const auto reading = co_await weather.GetReading({});
  const bool sampled = board.end() == 3 && reading && reading->station() == "harbour";
  stop.notify();
  co_return (co_await background.join()).ok() && sampled;
}

bool samples_in_each_period() {
  Board board;
  Station station(board);
  testing::InProcess world({&station});
  return world.run(call_beside_samples(Weather::Stub(world.channel()), board)).value_or(false);
}
// [/periodic]

int main() {
  const bool passed =
      sends_each_reading_to_all_watchers() && ends_an_exchange_when_the_client_half_closes() &&
      keeps_a_room_until_its_last_member_leaves() && counts_a_client_until_it_leaves() &&
      ends_a_watch_that_is_too_slow() && ends_a_watch_when_the_server_drains() && samples_in_each_period();
  std::cout << (passed ? "passed\n" : "failed\n");
  return passed ? 0 : 1;
}
