#include "reactor/context.h"

#include "ringrpc/suspended.h"

#include "base/ticks.h"

namespace ringrpc::detail {

Context* keep_context() noexcept {
  Shard* const shard = Shard::current();
  if (!shard || !shard->context_source()) [[likely]]
    return nullptr;
  Context* const context = shard->context_source()->get();
  if (context) context->keep();
  return context;
}

void release(Context& context) noexcept { context.release(); }

void resume_in(Context* context, std::coroutine_handle<> waiting) {
  Shard* const shard = Shard::current();
  if (!shard || (!context && !shard->context_source())) [[likely]]
    return waiting.resume();
  KeptContext kept(context);
  const ContextScope scope(*shard, context ? &kept : nullptr);
  const std::uint64_t begun = ticks();
  waiting.resume();
  if (context && ticks() - begun > Context::ticks_unnoticed) [[unlikely]]
    context->on_held(begun);
}

}  // namespace ringrpc::detail
