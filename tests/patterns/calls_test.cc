// Calls in the usual code of clients, to handlers in the usual code of servers.
#include <chrono>
#include <stdexcept>

#include "store.h"

namespace ringrpc::patterns {
namespace {

using namespace std::chrono_literals;

constexpr auto enough = 60s;

Metadata token(std::string_view text) {
  Metadata metadata;
  CHECK(metadata.add("token", text).ok());
  return metadata;
}
CallOptions with_token(std::string_view text) {
  CallOptions options;
  options.metadata = token(text);
  return options;
}

Task<std::string> with_a_timeout(Store::Stub& store) {
  const auto entry = co_await store.Get(key_of("k"), {.timeout = enough});
  co_return entry.value().key();
}
Task<std::string> with_positional_options(Store::Stub& store) {
  const auto entry = co_await store.Get(key_of("k"), {enough});
  co_return entry.value().key();
}
Task<std::string> with_metadata(Store::Stub& store) {
  const auto entry = co_await store.Get(key_of("k"), {.timeout = enough, .metadata = token(long_text)});
  co_return entry.value().token();
}
Task<std::string> with_named_options(Store::Stub& store) {
  const auto entry = co_await store.Get(key_of("k"), CallOptions{.metadata = token(long_text)});
  co_return entry.value().token();
}
Task<std::string> with_options_of_a_function(Store::Stub& store) {
  const auto entry = co_await store.Get(key_of(long_text), with_token(long_text));
  co_return entry.value().key() + entry->token();
}
Task<std::string> with_a_braced_request(Store::Stub& store) {
  const auto entry = co_await store.Get({}, {.timeout = enough});
  co_return entry.value().token();
}
#if __cpp_range_based_for >= 202211L  // the temporaries of the head live as long as the loop
Task<std::string> of_a_temporary(Store::Stub& store) {
  std::string keys;
  for (const char letter : (co_await store.Get(key_of(long_text))).value().key()) keys += letter;
  co_return keys;
}
#endif
Task<std::string> in_a_condition(Store::Stub& store) {
  if (const auto entry = co_await store.Get(key_of("a"), {.metadata = token(long_text)}); entry)
    co_return entry->token();
  co_return "refused";
}
Task<std::string> negated(Store::Stub& store) {
  if (!(co_await store.Get(key_of("secret")))) co_return "refused";
  co_return "admitted";
}
Task<std::string> fallback(Store::Stub& store) {
  Status status;
  if (const auto entry = co_await store.Get(key_of("secret")); entry) {
    status = Status();
  } else {
    status = entry.error();
  }
  co_return status.to_string();
}
Task<std::string> one_of_two(Store::Stub& store, bool first) {
  const auto entry = first ? co_await store.Get(key_of(long_text)) : co_await store.Get(key_of("b"));
  co_return entry.value().key();
}
Task<bool> value_in_a_switch(Store::Stub& store) {
  switch ((co_await store.Get(key_of("a"), {.timeout = enough})).has_value()) {
    case true:
      co_return true;
    default:
      co_return false;
  }
}
Task<std::string> caught_value(Store::Stub& store) {
  try {
    co_return (co_await store.Get(key_of("a"), with_token(long_text))).value().token();
  } catch (const std::exception& error) {
    co_return error.what();
  }
}
Task<std::string> returned_condition(Store::Stub& store) {
  co_return (co_await store.Get(key_of("a"), {.timeout = enough, .metadata = token("short")})).has_value()
      ? "there"
      : "not there";
}
Task<std::string> one_for_the_other(Store::Stub& store) {
  const auto entry = co_await store.Put(entry_of((co_await store.Get(key_of(long_text))).value().key()));
  co_return entry.value().key();
}
Task<std::string> refused_put(Store::Stub& store) {
  co_return (co_await store.Put(entry_of("secret"))).error().to_string();
}

Task<int> list_by_while(Store::Stub& store) {
  auto entries = store.List(key_of("k"));
  int count = 0;
  while (co_await entries.next()) ++count;
  co_return (co_await entries.finish()).ok() ? count : -1;
}
Task<std::string> list_with_a_variable(Store::Stub& store) {
  auto entries = store.List(key_of(long_text), {.timeout = enough});
  std::string keys;
  while (const auto entry = co_await entries.next()) keys += entry->key();
  const Status status = co_await entries.finish();
  co_return status.ok() ? keys : status.to_string();
}
Task<int> list_by_for(Store::Stub& store) {
  auto entries = store.List(key_of("k"));
  int count = 0;
  for (auto entry = co_await entries.next(); entry; entry = co_await entries.next()) {
    if (++count == 2) continue;
  }
  co_return (co_await entries.finish()).ok() ? count : -1;
}
Task<std::int64_t> loaded(Store::Stub& store) {
  auto call = store.Load();
  for (int i = 0; i < 3; ++i)
    if (!co_await call.write(entry_of(long_text))) co_return -1;
  const auto summary = co_await call.finish();
  co_return summary.value().entries();
}
Task<std::string> session(Store::Stub& store) {
  auto call = store.Session({.timeout = enough});
  std::string keys;
  for (int i = 0; i < 3; ++i) {
    co_await call.write(key_of(long_text));
    if (const auto entry = co_await call.next()) keys += entry->key();
  }
  call.writes_done();
  const Status status = co_await call.finish();
  co_return status.ok() ? keys : status.to_string();
}

TEST_CASE_FIXTURE(StoreFixture, "options may be made among the arguments of a call") {
  CHECK(run(with_a_timeout, store) == "k");
  CHECK(run(with_positional_options, store) == "k");
  CHECK(run(with_metadata, store) == long_text);
  CHECK(run(with_named_options, store) == long_text);
  CHECK(run(with_options_of_a_function, store) == long_text + long_text);
  CHECK(run(with_a_braced_request, store) == "-");
}

TEST_CASE_FIXTURE(StoreFixture, "the outcome of a call may be used where it is awaited") {
#if __cpp_range_based_for >= 202211L
  CHECK(run(of_a_temporary, store) == long_text);
#endif
  CHECK(run(in_a_condition, store) == long_text);
  CHECK(run(negated, store) == "refused");
  CHECK(run(fallback, store) == "PERMISSION_DENIED: not yours");
  CHECK(run(value_in_a_switch, store));
  CHECK(run(caught_value, store) == long_text);
  CHECK(run(returned_condition, store) == "there");
}

TEST_CASE_FIXTURE(StoreFixture, "one of two calls may be chosen, and one be made for another") {
  bool first = true;
  CHECK(run(one_of_two, store, first) == long_text);
  first = false;
  CHECK(run(one_of_two, store, first) == "b");
  CHECK(run(one_for_the_other, store) == long_text);
  CHECK(run(refused_put, store) == "PERMISSION_DENIED: not yours");
}

TEST_CASE_FIXTURE(StoreFixture, "streams may be read and written in the head and the body of a loop") {
  CHECK(run(list_by_while, store) == 3);
  CHECK(run(list_with_a_variable, store) == long_text + long_text + long_text);
  CHECK(run(list_by_for, store) == 3);
  CHECK(run(loaded, store) == 3);
  CHECK(run(session, store) == long_text + long_text + long_text);
}

TEST_CASE_FIXTURE(StoreFixture, "handlers without variables keep their bodies, one call after another") {
  for (int i = 0; i < 12; ++i) {
    CHECK(run(negated, store) == "refused");
    CHECK(run(with_a_timeout, store) == "k");
    CHECK(run(session, store) == long_text + long_text + long_text);
  }
}

TEST_CASE_FIXTURE(StoreFixture, "a handler that throws an awaited value fails its call") {
  const Result<Entry> entry = block_on(store.Throw(key_of(long_text)));
  REQUIRE_FALSE(entry);
  CHECK(entry.error().code() == Code::INTERNAL);
}

TEST_CASE_FIXTURE(StoreFixture, "a handler that ends without co_return fails its call with INTERNAL") {
  const Result<Entry> entry = block_on(store.Forget(key_of("k")));
  REQUIRE_FALSE(entry);
  CHECK(entry.error().code() == Code::INTERNAL);
  CHECK(entry.error().message() ==
        "/patterns.v1.Store/Forget: the handler, or a task that it awaits, ended without co_return");
  CHECK(run(with_a_timeout, store) == "k");
}

TEST_CASE_FIXTURE(
    StoreFixture,
    "A streaming handler that ends without co_return fails its call, after its written messages") {
  int messages = 0;
  const Status status = block_on([&]() -> Task<Status> {
    auto entries = store.ForgetStream(key_of("k"));
    while (co_await entries.next()) ++messages;
    co_return co_await entries.finish();
  });
  CHECK(messages == 1);
  CHECK(status.code() == Code::INTERNAL);
  CHECK(status.message() ==
        "/patterns.v1.Store/ForgetStream: the handler, or a task that it awaits, ended without co_return");
}

TEST_CASE("a server refuses a service or an interceptor that is null") {
  StoreService service;
  Service* const none = nullptr;
  const auto without_service = Server::start({&service, none}, {.listen = {"127.0.0.1:0"}});
  REQUIRE_FALSE(without_service);
  CHECK(without_service.error().to_string() == "INVALID_ARGUMENT: a service is null");
  const auto without_interceptor =
      Server::start({&service}, {.listen = {"127.0.0.1:0"}, .interceptors = {nullptr}});
  REQUIRE_FALSE(without_interceptor);
  CHECK(without_interceptor.error().to_string() == "INVALID_ARGUMENT: an interceptor is null");
}

}  // namespace
}  // namespace ringrpc::patterns
