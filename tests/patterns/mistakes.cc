// Mistakes that must not compile. mistakes_test.py compiles each on its own, after this head. The first lines
// of the compiler's output must contain the text after `error:`, or after `clang:` if the message is the
// compiler's own.
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/admin_server.h"
#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/reflection.h"
#include "ringrpc/server.h"
#include "ringrpc/shield.h"
#include "ringrpc/sleep.h"
#include "ringrpc/submit.h"
#include "ringrpc/task_scope.h"
#include "ringrpc/testing/in_process.h"
#include "ringrpc/when.h"
#include "ringrpc/worker_pool.h"

#include "patterns/v1/store.ringrpc.h"

using namespace ringrpc;
using namespace patterns::v1;
using namespace std::chrono_literals;

// mistake: none, so that the others fail for what they are
struct Fine final : Store::Service {
  Task<Result<Entry>> Get(Call&, Key key) override {
    co_await sleep_for(1ms);
    if (key.key().empty()) co_return fail(Code::NOT_FOUND, "no such key");
    co_return Entry();
  }
  Task<Status> Session(Call&, Reader<Key>& in, Writer<Entry>& out) override {
    while (auto key = co_await in.next()) co_await out.write(Entry());
    co_return Status();
  }
};
Task<Result<Entry>> named(Store::Stub store) {
  Task<CallResult<Entry>> call = store.Get(Key());
  co_return co_await std::move(call);
}
Task<Status> several(Store::Stub store, Call& call, Reader<Key>& in, Writer<Entry>& out) {
  const auto first = co_await when_any(in.next(), call.until_stopping());
  if (first.index() == 1) co_return Status();
  Task<CallResult<Entry>> get = store.Get(Key());
  const auto both = co_await when_all(std::move(get), out.write(Entry()));
  if (!std::get<1>(both)) co_return Status();
  TaskScope scope;
  scope.spawn([&]() -> Task<> { co_await out.write(Entry()); });
  scope.spawn(store.Get(Key()));
  co_return co_await scope.join();
}
void with_lists(Fine& fine, Reflection& reflection, const std::vector<ringrpc::Service*>& services) {
  (void)Server::start({&fine}, {});
  (void)Server::start({&fine, &reflection.v1()}, {.listen = {"127.0.0.1:0"}});
  (void)Server::start(services, {});
  const std::vector<std::string> addresses{"127.0.0.1:0", "unix:/x"};
  (void)Server::start(services, {.listen = addresses});
  (void)Server::start(services, {.listen = {addresses.front(), "unix:/x"}});
  (void)AdminServer::start({.listen = addresses}, {});
  (void)AdminServer::start({.listen = {"127.0.0.1:0"}}, {});
  const testing::InProcess world({&fine, &reflection.v1()});
}

// mistake: a call that is not awaited, taken for its result
// error: write `co_await` before it
Task<Status> use(Store::Stub store) {
  Result<Entry> entry = store.Get(Key());
  co_return Status();
}

// mistake: a call that is not awaited, taken for a success
// error: write `co_await` before it
Task<Status> use(Store::Stub store) {
  auto entry = store.Get(Key());
  if (!entry) co_return Status(Code::INTERNAL, "no entry");
  co_return Status();
}

// mistake: a call that is not awaited, whose value is used
// error: write `co_await` before it
Task<std::string> use(Store::Stub store) { co_return store.Get(Key())->key(); }

// mistake: a condition that is not awaited
// error: write `co_await` before it
Task<bool> allowed(std::string key);
Task<Result<Entry>> use(Key key) {
  if (!allowed(key.key())) co_return fail(Code::PERMISSION_DENIED, "not yours");
  co_return Entry();
}

// mistake: a task that is not awaited, given as the value
// error: write `co_await` before it
Task<int> number();
Task<int> use() { co_return number(); }

// mistake: a task that nobody awaits
// error: a task runs when it is awaited: co_await it
Task<Status> use() {
  sleep_for(1ms);
  co_return Status();
}

// mistake: a message that is written and not awaited
// error: co_await it
Task<Status> use(Writer<Entry>& out, Entry entry) {
  out.write(entry);
  co_return Status();
}

// mistake: a write that is not awaited, taken for a success
// error: `write()` gives something to wait for: write `co_await` before it
Task<Status> use(Writer<Entry>& out, Entry entry) {
  if (!out.write(entry)) co_return Status(Code::ABORTED, "nobody reads");
  co_return Status();
}

// mistake: a message that is read and not awaited
// error: `next()` gives something to wait for: write `co_await` before it
Task<Status> use(Reader<Key>& in) {
  while (in.next()) continue;
  co_return Status();
}

// mistake: a call that streams, awaited like a unary one
// error: a call that streams is not awaited itself: write `co_await call.next()`
Task<Status> use(Store::Stub store) {
  auto entries = co_await store.List(Key());
  co_return Status();
}

// mistake: a client's write that is not awaited
// error: co_await it
Task<Status> use(Store::Stub store) {
  auto call = store.Load();
  call.write(Entry());
  co_return (co_await call.finish()).error();
}

// mistake: the end of a call that is not awaited
// error: a task runs when it is awaited: co_await it
Task<Status> use(Store::Stub store) {
  auto entries = store.List(Key());
  entries.finish();
  co_return Status();
}

// mistake: a status that is dropped
// clang: ignoring return value of
Task<Status> use(Store::Stub store) {
  auto entries = store.List(Key());
  co_await entries.finish();
  co_return Status();
}

// mistake: a result that is dropped
// clang: ignoring return value of
Task<> use(Task<Result<Entry>> looked_up) { co_await std::move(looked_up); }

// mistake: a result of block_on that is dropped
// clang: ignoring return value of
void use(Store::Stub store) { block_on(store.Get(Key())); }

// mistake: a task with a name that is awaited in place
// error: a task that has a name is awaited by `co_await std::move(task)`
Task<Result<Entry>> use(Store::Stub store) {
  Task<CallResult<Entry>> call = store.Get(Key());
  co_return co_await call;
}

// mistake: a value of the wrong type
// error: co_return must give the T of the coroutine's Task<T>
Task<Result<Entry>> use() { co_return 42; }

// mistake: a status where the result of a handler is due
// error: `co_return std::unexpected(status);`
Task<Result<Entry>> use(Status status) { co_return status; }

// mistake: a coroutine that ends without co_return
// clang: coroutine does not return a value
Task<Result<Entry>> use() { co_await sleep_for(1ms); }

// mistake: a handler that takes its request by reference
// clang: type mismatch at 2nd parameter ('::patterns::v1::Key' vs 'const Key &')
struct Service final : Store::Service {
  Task<Result<Entry>> Get(Call&, const Key& key) override;
};

// mistake: a handler that takes its request by reference, without the word override
// clang: 'Service::Get' hides overloaded virtual function
struct Service : Store::Service {
  Task<Result<Entry>> Get(Call&, const Key& key);
};

// mistake: a handler that gives no task
// clang: virtual function 'Get' has a different return type ('Result<Entry>'
struct Service final : Store::Service {
  Result<Entry> Get(Call&, Key key) override;
};

// mistake: a streaming handler that gives a result
// clang: virtual function 'List' has a different return type
struct Service final : Store::Service {
  Task<Result<Entry>> List(Call&, Key key, Writer<Entry>& out) override;
};

// mistake: a handler without the stream that it is to write to
// clang: 'patterns::v1::Store::Service::List' declared here: different number of parameters (3 vs 2)
struct Service final : Store::Service {
  Task<Status> List(Call&, Key key) override;
};

// mistake: a hand-written method whose function is no handler
// error: a handler is a member function of one of these forms: Task<Result<Response>> f(Call&, Request)
struct Hand : ringrpc::Service {
  Result<Entry> get(Call&, Key key);
};
constexpr Method get = method<&Hand::get>("Get");

// mistake: a hand-written method whose handler is inherited from a class that is no service
// error: method<&Base::get, MyService>("Get")
struct Getter {
  Task<Result<Entry>> get(Call&, Key key);
};
struct Heir : ringrpc::Service, Getter {};
constexpr Method inherited = method<&Heir::get>("Get");

// mistake: a message of no known codec
// error: specialize ringrpc::Codec for this type
struct Line {};
Task<Status> use(Writer<Line>& out, Line line) {
  co_await out.write(line);
  co_return Status();
}

// mistake: a server of no service
// error: give pointers to them, none of them null
auto server = Server::start({nullptr}, {});

// mistake: services that are given without a list
// error: services are given as a list: `{&service}`
auto start(Store::Service& store) { return Server::start(&store, {}); }

// mistake: a service that is given by value
// error: give the address of the service, which must outlive the server: `&service`
struct Depot final : Store::Service {};
auto server = Server::start({Depot()}, {});

// mistake: the address of a service that is gone when the server runs
// clang: taking the address of a temporary object
struct Depot final : Store::Service {};
auto server = Server::start({&Depot()}, {});

// mistake: a service among others whose class is not a service
// error: this class is not a service: derive it from the generated class
struct Helper {};
auto start(Store::Service& store, Helper& helper) { return Server::start({&store, &helper}, {}); }

// mistake: a service that is const
// error: the service is const
struct Depot final : Store::Service {};
auto start(const Depot& store) { return Server::start({&store}, {}); }

// mistake: a service that a smart pointer holds
// error: `service.get()`
auto start(std::unique_ptr<Store::Service>& store) { return Server::start({store}, {}); }

// mistake: a vector of smart pointers instead of a list of services
// error: services are given as a list of pointers: `{&service, &other}`
auto start(const std::vector<std::unique_ptr<ringrpc::Service>>& stores) { return Server::start(stores, {}); }

// mistake: a Reflection instead of its services
// error: give `&reflection.v1(), &reflection.v1alpha()`
auto start(Store::Service& store, Reflection& reflection) { return Server::start({&store, &reflection}, {}); }

// mistake: a world with a service by value
// error: give the address of the service
struct Depot final : Store::Service {};
testing::InProcess world({Depot()});

// mistake: tasks that have names, given to when_all in place
// clang: a task that has a name is given away by `std::move(task)`
Task<> use(Task<int> one, Task<int> other) { co_await when_all(one, other); }

// mistake: a vector of tasks, given to when_any in place
// error: a vector of tasks, given away by `std::move(tasks)`
Task<> use(std::vector<Task<int>> tasks) { co_await when_any(tasks); }

// mistake: a stream instead of its next message in when_any
// error: when_all and when_any take tasks, `next()` and `write()` of a stream
Task<> use(Store::Stub store) { co_await when_any(store.List(Key()), sleep_for(1ms)); }

// mistake: a duration in when_any
// error: when_all and when_any take tasks
Task<> use(Reader<Key>& in) { co_await when_any(in.next(), 1ms); }

// mistake: a stream that a thread waits for
// error: around the whole use of a stream `[=]() -> Task<Status> { ... }`
auto use(Store::Stub store) { return block_on(store.List(Key())); }

// mistake: a stream that a world runs
// error: around the whole use of a stream `[=]() -> Task<Status> { ... }`
auto use(testing::InProcess& world, Store::Stub store) { return world.run(store.List(Key())); }

// mistake: a function that returns a stream, submitted
// error: around the whole use of a stream `[=]() -> Task<Status> { ... }`
auto use(Store::Stub store) {
  return submit([store] { return store.List(Key()); });
}

// mistake: a task that is submitted instead of the function that makes it
// error: give a function that returns a task: `[=] { return stub.Get(key); }`
auto use(Store::Stub store) { return submit(store.Get(Key())); }

// mistake: a task that has a name, given to block_on in place
// clang: a task that has a name is given away by `std::move(task)`
auto use(Task<int> task) { return block_on(task); }

// mistake: a task that has a name, shielded in place
// clang: a task that has a name is given away by `std::move(task)`
Task<int> use(Task<int> task) { co_return co_await shield(task); }

// mistake: a task that has a name, spawned in place
// clang: a task that has a name is given away by `std::move(task)`
void use(TaskScope& scope, Task<> task) { scope.spawn(task); }

// mistake: a lambda that is no coroutine, spawned
// error: spawn takes a task without a value, of a Status or of a Result, or a function that returns one
void use(TaskScope& scope, int& sum) {
  scope.spawn([&] { ++sum; });
}

// mistake: a task whose value nobody gets, spawned
// error: spawn takes a task without a value, of a Status or of a Result, or a function that returns one
Task<bool> allowed();
void use(TaskScope& scope) { scope.spawn(allowed()); }

// mistake: a streaming call that nobody keeps
// clang: destroying it cancels the call
void use(Store::Stub stub) { stub.List(Key()); }

// mistake: a server that nobody keeps
// clang: destroying it ends the server
void use(Service& service) { Server::start({&service}, {}); }

// mistake: a job of a worker pool that is a coroutine
// error: so it cannot be a coroutine: give a function that returns a value
Task<Status> use(WorkerPool& pool, Store::Stub store) {
  auto entry = co_await pool.run([&]() -> Task<Entry> {
    auto got = co_await store.Get(Key());
    co_return got.value_or(Entry());
  });
  co_return entry ? Status() : entry.error();
}

// mistake: an admin page whose function returns text
// error: a page's function is `[](PageRequest) { return PageResponse{.body = text}; }`
auto use() {
  return AdminPage("/version", "Version", [](PageRequest) { return "1.4"; });
}

// mistake: an admin page whose function takes no request
// error: a page's function is `[](PageRequest) { return PageResponse{.body = text}; }`
void use(std::vector<AdminPage>& pages) {
  pages.emplace_back("/version", "Version", [] { return PageResponse{.body = "1.4"}; });
}

// mistake: a message that is gone when its write is awaited
// clang: temporary whose address is used as value of local variable 'written' will be destroyed
Task<Status> use(Writer<Entry>& out) {
  auto written = out.write(Entry());
  co_await std::move(written);
  co_return Status();
}

// mistake: a message that is gone when its write on a call is awaited
// clang: temporary whose address is used as value of local variable 'written' will be destroyed
Task<Status> use(ClientStream<Key, Entry>& session) {
  auto written = session.write(Key());
  co_await std::move(written);
  co_return Status();
}

// mistake: an address where a list of addresses is wanted
// error: `listen` is a list of addresses: `{.listen = {"127.0.0.1:50051"}}`
auto start(Store::Service& store) { return Server::start({&store}, {.listen = "127.0.0.1:0"}); }

// mistake: an address that is a string, assigned to the list of addresses
// error: `listen` is a list of addresses: `{.listen = {"127.0.0.1:50051"}}`
void use(ServerOptions& options, const std::string& address) { options.listen = address; }

// mistake: an address where the list of addresses of admin pages is wanted
// error: `listen` is a list of addresses: `{.listen = {"127.0.0.1:50051"}}`
auto start(std::vector<AdminPage> pages) { return AdminServer::start({.listen = "127.0.0.1:0"}, pages); }

// mistake: a class whose name is also one of ringrpc's, in the namespace in which these are used
// clang: reference to 'Service' is ambiguous
class Service final : public Store::Service {};
Service service;
