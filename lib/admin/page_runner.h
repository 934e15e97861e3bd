/// Makes one page, for one request at a time.
///
///   runner.request(client, std::move(request));   // client.on_page(response), later
///   runner.forget(client);                        // it is not called any more
///
/// A page that visits other shards runs once at a time, however often clients request it and close their
/// connections. So its cost to those shards is limited. Belongs to the admin server's shard.
#pragma once

#include "ringrpc/admin_server.h"

#include "base/log_quota.h"
#include "reactor/intrusive_list.h"
#include "reactor/ready_list.h"
#include "reactor/shard.h"

namespace ringrpc::admin {

struct PageTag;

class PageRunner final : private TaskObserver, private Ready {
 public:
  /// The source of a request. It waits for one page at a time.
  class Client : public ListNodeOf<PageTag> {
   public:
    /// From the ready list.
    virtual void on_page(Result<PageResponse> response) noexcept = 0;

   protected:
    ~Client() = default;

   private:
    friend PageRunner;
    PageRequest request_;  ///< while it waits for its turn
  };

  PageRunner(Shard& shard, AdminPage page) : shard_(shard), page_(std::move(page)) {}

  const AdminPage& page() const noexcept { return page_; }

  void request(Client& client, PageRequest request);
  /// A page that is being made is completed all the same.
  void forget(Client& client) noexcept;

 private:
  enum class State : std::uint8_t { idle, running };

  void enter(State next) noexcept;

  void on_task_done() override { shard_.ready().push(*this); }
  void run() override;
  void start_next() noexcept;
  Result<PageResponse> take() noexcept;
  void report(const Status& failure) noexcept;

  Shard& shard_;
  const AdminPage page_;
  State state_ = State::idle;
  Client* client_ = nullptr;  ///< of the page that is being made; null if it was forgotten
  Task<Result<PageResponse>> task_;
  Status not_started_;
  ListOf<Client, PageTag> waiting_;
  LogQuota failures_logged_;
};

}  // namespace ringrpc::admin
