// Mistakes that must not compile. mistakes_test.py compiles each on its own, behind this head. The first
// lines of the compiler's output must contain the text behind `error:`, or behind `clang:` if the message
// is the compiler's own.
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/server.h"
#include "ringrpc/sleep.h"
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
