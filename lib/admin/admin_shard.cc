#include "admin/admin_shard.h"

#include <array>
#include <map>
#include <new>
#include <utility>

#include "ringrpc/log.h"

#include "base/caught.h"
#include "base/escape.h"
#include "transport/address.h"

namespace ringrpc::admin {
namespace {

/// The longest name of DNS (RFC 1035, 3.1).
constexpr std::size_t host_bytes_max = 255;

}  // namespace

AdminShard::AdminShard(Shard& shard, const AdminOptions& options, std::vector<AdminPage> pages)
    : shard_(shard),
      options_(options),
      host_names_(options.listen, options.hosts),
      pages_(shard, std::move(pages)) {
  http1_limits_.body_bytes_max = 0;
  http1_limits_.pipelined_bytes_max = 64 * 1024;
  http2_limits_.max_concurrent_streams = 16;
  http2_limits_.initial_window_bytes = 64 * 1024 - 1;  // the protocol's own: requests have no bodies
  http2_limits_.connection_window_bytes = 64 * 1024 - 1;
  http2_limits_.max_header_list_bytes = 16 * 1024;
  http2_limits_.header_block_timeout = options_.header_timeout;
}

AdminShard::~AdminShard() {
  connections_.for_each([this](AdminConnection& connection) { remove(connection); });
}

void AdminShard::add(UniqueFd descriptor) noexcept try {
  if (connection_count_ >= options_.max_connections) make_room();
  AdminConnection* const connection = new AdminConnection(*this, shard_.io().adopt(std::move(descriptor)));
  connections_.push_back(*connection);
  ++connection_count_;
  connection->start();
} catch (...) {
  shard_.load().fetch_sub(1, std::memory_order_relaxed);
  (void)caught();
}

void AdminShard::remove(AdminConnection& connection) noexcept {
  delete &connection;
  --connection_count_;
  shard_.load().fetch_sub(1, std::memory_order_relaxed);
}

/// Some connections wait for a page, the others for their clients. Of those that are more, the address with most
/// loses the one that has waited longest. So idle clients, those of slow pages, or one address cannot take all
/// places.
void AdminShard::make_room() {
  const auto waits_for_page = [](AdminConnection& connection) {
    return connection.waits_for() == http1::WaitsFor::response;
  };
  std::array<std::size_t, 2> totals{};
  std::array<std::map<PeerKey, std::size_t>, 2> of_peers;
  connections_.for_each([&](AdminConnection& connection) {
    ++totals[waits_for_page(connection)];
    ++of_peers[waits_for_page(connection)][connection.peer()];
  });
  const bool for_page = totals[true] > totals[false];
  AdminConnection* closed = nullptr;
  const auto before = [&](const AdminConnection& one, const AdminConnection& other) {
    const std::size_t of_one = of_peers[for_page].at(one.peer());
    const std::size_t of_other = of_peers[for_page].at(other.peer());
    return of_one != of_other ? of_one > of_other : one.waits_since() < other.waits_since();
  };
  connections_.for_each([&](AdminConnection& connection) {
    if (waits_for_page(connection) == for_page && (!closed || before(connection, *closed)))
      closed = &connection;
  });
  if (closed->waits_for() != http1::WaitsFor::request) report_full();
  remove(*closed);
}

std::chrono::sys_seconds AdminShard::time_of_day() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

void AdminShard::report_full() noexcept try {
  if (const auto left_out = full_logged_.take(shard_.now()))
    log::warn(
        "admin: a connection with an unfinished request was closed for a new one: {} are open, as many as "
        "AdminOptions::max_connections allows{}",
        connection_count_, left_out->words());
} catch (const std::bad_alloc&) {
  // There is no memory for the log line.
}

void AdminShard::report_host(std::string_view host, const SocketAddress& peer) noexcept try {
  if (const auto left_out = hosts_logged_.take(shard_.now()))
    log::warn(
        "admin: a request of {} for the host \"{}\" was refused; if it is a name of this server, add it to "
        "AdminOptions::hosts (grpcd --admin-host){}",
        to_string(peer), escape_controls(host, host_bytes_max), left_out->words());
} catch (const std::bad_alloc&) {
  // There is no memory for the log line.
}

int AdminShard::hold(std::size_t bytes) noexcept {
  if (bytes > options_.max_page_bytes) return 500;
  if (held_bytes_ + bytes > options_.max_total_bytes) return 503;
  held_bytes_ += bytes;
  return 0;
}

}  // namespace ringrpc::admin
