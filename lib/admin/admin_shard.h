/// The part of the admin server that runs on its shard: the connections, the pages, and the memory that they
/// hold.
///
///   AdminShard part(shard, options, pages);
///   part.add(std::move(connection));
///
/// Belongs to the shard's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

#include "ringrpc/admin_server.h"

#include "admin/admin_connection.h"
#include "admin/host_names.h"
#include "admin/pages.h"
#include "base/log_quota.h"
#include "base/unique_fd.h"
#include "http1/session_limits.h"
#include "http2/session_limits.h"
#include "reactor/shard.h"

namespace ringrpc::admin {

class AdminShard {
 public:
  AdminShard(Shard& shard, const AdminOptions& options, std::vector<AdminPage> pages);
  AdminShard(const AdminShard&) = delete;
  AdminShard& operator=(const AdminShard&) = delete;
  ~AdminShard();

  /// Serves a connection that the shard's load already counts. If there are too many, it closes another; if
  /// there is no memory for this one, it closes this one.
  void add(UniqueFd descriptor) noexcept;
  void remove(AdminConnection& connection) noexcept;

  Shard& shard() noexcept { return shard_; }
  Pages& pages() noexcept { return pages_; }
  const AdminOptions& options() const noexcept { return options_; }
  const HostNames& host_names() const noexcept { return host_names_; }
  const http1::Limits& http1_limits() const noexcept { return http1_limits_; }
  const http2::Limits& http2_limits() const noexcept { return http2_limits_; }
  static std::chrono::sys_seconds time_of_day();
  std::size_t connections() const noexcept { return connection_count_; }

  /// Logs that a request for a host that is not served was refused.
  void report_host(std::string_view host, const SocketAddress& peer) noexcept;

  /// Counts the bytes of a page that will be sent. Returns 0, or the HTTP status of a refusal.
  int hold(std::size_t bytes) noexcept;
  void hold_always(std::size_t bytes) noexcept { held_bytes_ += bytes; }
  void release(std::size_t bytes) noexcept { held_bytes_ -= bytes; }

 private:
  void make_room();
  void report_full() noexcept;

  Shard& shard_;
  const AdminOptions options_;
  const HostNames host_names_;
  http1::Limits http1_limits_;
  http2::Limits http2_limits_;
  Pages pages_;
  std::size_t held_bytes_ = 0;
  LogQuota full_logged_;
  LogQuota hosts_logged_;
  std::size_t connection_count_ = 0;
  ListOf<AdminConnection, ConnectionTag> connections_;
};

}  // namespace ringrpc::admin
