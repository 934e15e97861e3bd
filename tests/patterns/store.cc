#include "store.h"

#include <stdexcept>

namespace ringrpc::patterns {

/// No local variable before the condition.
Task<Result<Entry>> StoreService::Get(Call& call, Key key) {
  if (!co_await allowed(key.key())) co_return fail(Code::PERMISSION_DENIED, "not yours");
  Entry entry = entry_of(key.key());
  entry.set_token(std::string(call.metadata().find("token").value_or("-")));
  co_return entry;
}

Task<Result<Entry>> StoreService::Put(Call&, Entry entry) {
  const bool permitted = co_await allowed(entry.key());
  if (!permitted) co_return fail(Code::PERMISSION_DENIED, "not yours");
  co_return std::move(entry);
}

Task<Status> StoreService::List(Call&, Key key, Writer<Entry>& out) {
  for (int i = 0; i < 3; ++i)
    if (!co_await out.write(entry_of(key.key()))) co_return Status(Code::ABORTED, "nobody reads");
  co_return Status();
}

Task<Result<Summary>> StoreService::Load(Call&, Reader<Entry>& in) {
  Summary summary;
  while (co_await in.next()) summary.set_entries(summary.entries() + 1);
  co_return summary;
}

/// No local variable at all.
Task<Status> StoreService::Session(Call&, Reader<Key>& in, Writer<Entry>& out) {
  while (auto key = co_await in.next()) co_await out.write(entry_of(key->key()));
  co_return Status();
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wreturn-type"
Task<Result<Entry>> StoreService::Forget(Call&, Key) { co_await suspended(); }

Task<Status> StoreService::ForgetStream(Call&, Key key, Writer<Entry>& out) {
  co_await out.write(entry_of(key.key()));
}
#pragma GCC diagnostic pop

Task<Result<Entry>> StoreService::Throw(Call&, Key key) {
  throw std::runtime_error("no " + co_await later(key.key()));
  co_return Entry();
}

}  // namespace ringrpc::patterns
