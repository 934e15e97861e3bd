/// Stops exceptions in functions that C code or the shard's loop calls, because no exception may reach
/// either.
///
///   class Call : private ExceptionBarrier<Call> {
///     void on_data(Bytes bytes) {
///       contain([&] { take(bytes); });
///     }
///     friend ExceptionBarrier<Call>;
///     void on_exception(Status why) noexcept { finish(std::move(why)); }
///   };
///
/// The library throws only when it is out of memory, from any allocation. Each connection, call and attempt
/// to connect catches that where the shard, the session or the backend calls it, and ends itself.
#pragma once

#include "ringrpc/status.h"

namespace ringrpc {

/// Turns the exception that is being handled into a status: out_of_memory() for std::bad_alloc and
/// std::length_error, INTERNAL for anything else. Logs it, at a limited rate. Call it inside a catch
/// clause.
Status caught() noexcept;

/// The base of a class that others call: `contain` runs a step of the object and passes what the step
/// throws to `Derived::on_exception(Status) noexcept`, which may destroy the object.
template <class Derived>
class ExceptionBarrier {
 public:
  template <class Step>
  void contain(Step step) noexcept {
    try {
      step();
    } catch (...) {
      static_cast<Derived&>(*this).on_exception(caught());
    }
  }

 protected:
  ExceptionBarrier() noexcept = default;
  ~ExceptionBarrier() = default;
};

}  // namespace ringrpc
