/// The ring itself. It submits operations, delivers completions, and keeps alive what the kernel works on.
///
///   struct Probe final : Resident { ... OperationOf<Probe, &Probe::on_done> done_{*this}; };
///   ring.submit(probe.done_, [&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, fd, POLLIN); });
///
/// An operation is a member of the object that it works for, and its address is the entry's user data: no
/// map, no allocation. These ownership rules keep the address valid, so no generation numbers are needed:
/// 1. The user of a stream, acceptor or connector holds a handle; the state behind it is a Resident.
/// 2. A Resident counts its operations from submission to the dispatch of their final completion.
/// 3. When the handle is destroyed, the Resident stops calling its handler, cancels what is in flight, and
///    deletes itself at the dispatch of the last final completion. Its descriptor stays open until then. So
///    neither the number nor the memory can be reused while the kernel, the submission queue or the list of
///    reaped completions refers to it.
#pragma once

#include <cstddef>
#include <liburing.h>
#include <memory>
#include <thread>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/status.h"

#include "reactor/intrusive_list.h"
#include "reactor/uring/uring.h"

namespace ringrpc::uring {

/// An operation that the kernel completes.
class Operation {
 public:
  /// `result` as in the completion entry: a count or a negative errno value.
  virtual void complete(int result, unsigned flags) = 0;

 protected:
  ~Operation() = default;
};

/// An operation whose completion is a member function of its owner.
template <class Owner, void (Owner::*method)(int, unsigned)>
class OperationOf final : public Operation {
 public:
  explicit OperationOf(Owner& owner) noexcept : owner_(owner) {}
  void complete(int result, unsigned flags) override { (owner_.*method)(result, flags); }

 private:
  Owner& owner_;
};

/// True if no more completions of the same operation will come.
inline bool is_final(unsigned flags) noexcept { return (flags & IORING_CQE_F_MORE) == 0; }

class Ring {
 public:
  static Result<std::unique_ptr<Ring>> create(const UringOptions& options);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// Queues an entry that `prepare(io_uring_sqe&)` fills. The kernel sees it at the next `wait` at the
  /// latest. The memory that the entry refers to must live until then, buffers until the final completion. An
  /// operation that the kernel cannot take completes with ENOBUFS.
  template <class Prepare>
  void submit(Operation& operation, Prepare prepare) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (!entry) entry = make_room();
    if (!entry) return complete_later(operation, -ENOBUFS);
    prepare(*entry);
    io_uring_sqe_set_data(entry, &operation);
  }

  /// Cancels `target`. `operation` completes when the outcome is known, `target` with ECANCELED or an earlier
  /// result.
  void cancel(Operation& operation, Operation& target) {
    submit(operation, [&](io_uring_sqe& entry) { io_uring_prep_cancel(&entry, &target, 0); });
  }

  /// Completes an operation that never went to the kernel, at the next `dispatch`.
  void complete_later(Operation& operation, int result) { reaped_.push_back({&operation, result, 0}); }

  /// Makes this thread the ring's user. No effect if there is one.
  void enable();

  /// Like Io::wait and Io::dispatch.
  bool wait(Instant until);
  bool dispatch(Instant until);

  /// True if this thread is the ring's user.
  bool enabled_here() const noexcept { return user_ == std::this_thread::get_id(); }

  io_uring& native() noexcept { return ring_; }

  /// The number of waits that began while the kernel kept completions that did not fit in their queue.
  std::uint64_t overflows() const noexcept { return overflows_; }
  /// The receive buffers of completions that wait for `dispatch`.
  std::size_t buffers_used() const noexcept;

 private:
  struct Completion {
    Operation* operation;
    int result;
    unsigned flags;
  };

  Ring() = default;
  Status set_up(const UringOptions& options);
  Status check_enter();
  Status check_operations();
  Status restrict_operations();
  io_uring_sqe* make_room();
  void enter(Instant until);
  void reap();

  io_uring ring_{};
  bool created_ = false;
  std::thread::id user_;  ///< none until the ring is enabled
  std::uint64_t overflows_ = 0;
  std::vector<Completion> reaped_;
};

struct ResidentTag;

/// The state behind a handle. It lives until both the handle and the kernel have released it.
class Resident : public ListNodeOf<ResidentTag> {
 public:
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  virtual ~Resident() = default;

  /// The handle was destroyed: see above. May delete this object.
  void abandon() {
    abandoned_ = true;
    if (in_flight_ == 0) {
      delete this;
    } else {
      cancel_all();
    }
  }

 protected:
  Resident() = default;

  bool abandoned() const noexcept { return abandoned_; }
  void began() noexcept { ++in_flight_; }
  /// The last step of a final completion. May delete this object.
  void ended() {
    if (--in_flight_ == 0 && abandoned_) delete this;
  }

 private:
  /// Asks the kernel to cancel the operations in flight.
  virtual void cancel_all() = 0;

  unsigned in_flight_ = 0;
  bool abandoned_ = false;
};

/// All residents of a ring, so that none outlives it.
using Residents = ListOf<Resident, ResidentTag>;

}  // namespace ringrpc::uring
