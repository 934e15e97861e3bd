/// The ring itself: operations go in, completions come out, and what the kernel works on stays alive.
///
///   struct Probe final : Resident { ... OperationOf<Probe, &Probe::on_done> done_{*this}; };
///   ring.submit(probe.done_, [&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, fd, POLLIN); });
///
/// An operation is a member of the object that it works for, and its address is the entry's user data: no
/// map, no allocation. That address stays good because of how the objects are owned, so there are no
/// generation numbers to check:
/// 1. whoever uses a stream, acceptor or connector holds a handle; the state behind it is a Resident;
/// 2. a Resident counts its operations from submission to their final completion's dispatch;
/// 3. when the handle goes, the Resident stops calling its handler, cancels what is in flight, and deletes
///    itself at the dispatch of the last final completion; its descriptor is open until then, so neither the
///    number nor the memory can be reused while the kernel, the submission queue or the list of reaped
///    completions still names it.
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

/// Something that the kernel completes.
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

/// Whether more completions of the same operation will come.
inline bool is_final(unsigned flags) noexcept { return (flags & IORING_CQE_F_MORE) == 0; }

class Ring {
 public:
  static Result<std::unique_ptr<Ring>> create(const UringOptions& options);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// Queues an entry that `prepare(io_uring_sqe&)` fills; the kernel sees it at the next `wait` at the
  /// latest. What the entry points to must stay until then, buffers until the final completion. An operation
  /// that the kernel cannot take completes with ENOBUFS.
  template <class Prepare>
  void submit(Operation& operation, Prepare prepare) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (!entry) entry = make_room();
    if (!entry) return complete_later(operation, -ENOBUFS);
    prepare(*entry);
    io_uring_sqe_set_data(entry, &operation);
  }

  /// Cancels `target`; `operation` completes when that is decided, `target` with ECANCELED or whatever came
  /// first.
  void cancel(Operation& operation, Operation& target) {
    submit(operation, [&](io_uring_sqe& entry) { io_uring_prep_cancel(&entry, &target, 0); });
  }

  /// Completes an operation that never went to the kernel, at the next `dispatch`.
  void complete_later(Operation& operation, int result) { reaped_.push_back({&operation, result, 0}); }

  /// Makes this thread the one that uses the ring; no effect once there is one.
  void enable();

  /// As Io::wait and Io::dispatch.
  bool wait(Instant until);
  bool dispatch(Instant until);

  /// Whether this thread is the one that uses the ring.
  bool enabled_here() const noexcept { return user_ == std::this_thread::get_id(); }

  io_uring& native() noexcept { return ring_; }

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
  io_uring_sqe* make_room();
  void enter(Instant until);
  void reap();

  io_uring ring_{};
  bool created_ = false;
  std::thread::id user_;  ///< none until the ring is enabled
  std::vector<Completion> reaped_;
};

struct ResidentTag;

/// The state behind a handle: lives until its handle and the kernel have both let go of it.
class Resident : public ListNodeOf<ResidentTag> {
 public:
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  virtual ~Resident() = default;

  /// The handle is gone: see above. May delete this.
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
  /// The last thing that a final completion does: may delete this.
  void ended() {
    if (--in_flight_ == 0 && abandoned_) delete this;
  }

 private:
  /// Asks the kernel to end what is in flight.
  virtual void cancel_all() = 0;

  unsigned in_flight_ = 0;
  bool abandoned_ = false;
};

/// All residents of a ring, so that none outlives it.
using Residents = ListOf<Resident, ResidentTag>;

}  // namespace ringrpc::uring
