/// The long computations of one connection, done one at a time on the thread beside its shard.
///
///   struct ServerCall { WorkLine::TurnOf<ServerCall, &ServerCall::begin_parse, &ServerCall::on_parsed> turn_; };
///   line.join(turn_);      // begin_parse() returns the work later, and on_parsed(…) gets the result
///
/// One computation at a time makes connections equal. The thread takes jobs in order of arrival, so a
/// connection with a hundred large messages waits for its next turn behind the single message of another. A
/// turn requests its work when it comes; until then it costs nothing.
///
/// Belongs to the shard's thread.
#pragma once

#include <memory>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "reactor/intrusive_list.h"
#include "reactor/ready_list.h"
#include "reactor/shard.h"

namespace ringrpc {

/// A long computation. It owns everything that it needs, because its connection may be destroyed meanwhile.
class LongWork {
 public:
  virtual ~LongWork() = default;
  /// Runs on any thread.
  virtual void work() = 0;
};

struct WorkLineTag;

class WorkLine final : private TaskObserver, private Ready {
 public:
  /// A place in the line. Destroying it leaves the line.
  class Turn : public ListNodeOf<WorkLineTag> {
   public:
    Turn() = default;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    virtual ~Turn() { leave(); }

    /// True if it waits or its work is being done.
    bool taken() const noexcept { return line_ != nullptr; }
    /// Leaves the line: the functions below are no longer called.
    void leave() noexcept {
      if (line_) [[unlikely]]
        release();
    }

   private:
    friend class WorkLine;
    void release() noexcept;
    /// Returns the work when the turn has come; null if the turn has left the line instead.
    virtual std::unique_ptr<LongWork> begin() = 0;
    /// Passes the finished work, or the reason why it could not be done. Called from the ready list, or from
    /// `join` if there is no memory to begin.
    virtual void on_done(Result<std::unique_ptr<LongWork>> done) noexcept = 0;

    WorkLine* line_ = nullptr;
  };

  template <class Owner, std::unique_ptr<LongWork> (Owner::*at_begin)(),
            void (Owner::*at_end)(Result<std::unique_ptr<LongWork>>) noexcept>
  class TurnOf final : public Turn {
   public:
    explicit TurnOf(Owner& owner) noexcept : owner_(owner) {}

   private:
    std::unique_ptr<LongWork> begin() override { return (owner_.*at_begin)(); }
    void on_done(Result<std::unique_ptr<LongWork>> done) noexcept override {
      (owner_.*at_end)(std::move(done));
    }

    Owner& owner_;
  };

  explicit WorkLine(Shard& shard) noexcept : shard_(shard) {}
  ~WorkLine();

  /// `turn` must not be in a line.
  void join(Turn& turn) noexcept;

 private:
  void on_task_done() override;
  void run() override;
  void begin_next() noexcept;
  void abandon_current() noexcept;
  void settle(Turn* turn, Result<std::unique_ptr<LongWork>> done) noexcept;
  Result<std::unique_ptr<LongWork>> take_done() const noexcept;

  Shard& shard_;
  ListOf<Turn, WorkLineTag> waiting_;
  Turn* current_ = nullptr;  // the turn whose work is being done; null also if it has left meanwhile
  Task<Result<std::unique_ptr<LongWork>>> work_;
};

}  // namespace ringrpc
