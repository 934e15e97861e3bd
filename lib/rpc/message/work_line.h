/// The long computations that one connection causes, one after the other, on the thread beside its shard.
///
///   class ServerCall { WorkLine::TurnOf<ServerCall, &ServerCall::begin_parse, &ServerCall::on_parsed> turn_; };
///   line.join(turn_);      // begin_parse() says later what is to be done, and on_parsed(…) takes it back
///
/// One computation at a time is what makes connections equal: the thread takes their jobs in the order in
/// which they come, so a connection that has a hundred large messages waits for its next turn behind the one
/// message of another. What a turn needs is asked for when it comes; until then it costs nothing.
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

/// Something that takes long. It holds all that it needs, since its connection may go meanwhile.
class LongWork {
 public:
  virtual ~LongWork() = default;
  /// On any thread.
  virtual void work() = 0;
};

struct WorkLineTag;

class WorkLine final : private TaskObserver, private Ready {
 public:
  /// A place in the line. Destroying it gives it up.
  class Turn : public ListNodeOf<WorkLineTag> {
   public:
    Turn() = default;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    virtual ~Turn() { leave(); }

    /// Whether it waits, or its work is being done.
    bool taken() const noexcept { return line_ != nullptr; }
    /// Gives it up: neither of the functions below is called any more.
    void leave() noexcept {
      if (line_) [[unlikely]]
        give_up();
    }

   private:
    friend class WorkLine;
    void give_up() noexcept;
    /// The turn has come: the work to be done, or null for one that has left the line instead.
    virtual std::unique_ptr<LongWork> begin() = 0;
    /// The work has been done, or why it could not be. From the ready list, or from `join` where there is no
    /// memory to begin with.
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
  Turn* current_ = nullptr;  // whose work is being done; null also when it has left meanwhile
  Task<Result<std::unique_ptr<LongWork>>> work_;
};

}  // namespace ringrpc
