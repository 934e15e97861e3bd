#include "rpc/naming/dns_lookup.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <poll.h>
#include <resolv.h>
#include <sys/time.h>
#include <type_traits>
#include <utility>

#include "base/caught.h"
#include "rpc/naming/hosts_file.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr int query_class_in = 1;
constexpr int query_type_a = 1;
constexpr int query_type_txt = 16;
constexpr int query_type_aaaa = 28;
constexpr Nanoseconds resolution_delay = 50ms;
constexpr Nanoseconds config_delay = 1s;

constexpr std::string_view config_name_prefix = "_grpc_config.";
constexpr std::string_view config_attribute = "grpc_config=";

/// In place of a status of c-ares: the backend cannot wait for sockets; the look-up has taken too long.
constexpr int no_descriptors = -1;
constexpr int overdue = -2;

/// The time for which names of the hosts file are used.
constexpr std::uint32_t hosts_file_ttl_s = 30;

int init_c_ares() noexcept {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

bool says_no(int status) noexcept { return status == ARES_ENOTFOUND || status == ARES_ENODATA; }

// New versions of c-ares deprecate these functions. Version 1.18, which Debian 12 has, lacks their successors.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void ask(ares_channel channel, const std::string& name, int type, ares_callback on_answer, void* context) {
  ares_query(channel, name.c_str(), query_class_in, type, on_answer, context);
}
int parse_txt(Bytes message, ares_txt_ext*& records) {
  return ares_parse_txt_reply_ext(message.data(), static_cast<int>(message.size()), &records);
}
#pragma GCC diagnostic pop

/// The value of the first TXT record that begins with the attribute; empty if there is
/// none. A status of c-ares.
int read_config(Bytes message, std::string& to) {
  ares_txt_ext* records = nullptr;
  const int status = parse_txt(message, records);
  if (status != ARES_SUCCESS) return says_no(status) ? ARES_SUCCESS : status;
  const std::unique_ptr<ares_txt_ext, decltype(&ares_free_data)> owner(records, ares_free_data);
  bool inside = false;
  for (const ares_txt_ext* each = records; each; each = each->next) {
    std::string_view text(reinterpret_cast<const char*>(each->txt), each->length);
    if (each->record_start != 0) {
      if (inside) break;
      inside = text.starts_with(config_attribute);
      if (inside) text.remove_prefix(config_attribute.size());
    }
    if (inside) to.append(text);
  }
  return ARES_SUCCESS;
}

}  // namespace

/// A socket of c-ares, and the wait for it.
class DnsLookup::Socket final : Readiness::Handler {
 public:
  Socket(DnsLookup& lookup, int descriptor) noexcept : lookup_(lookup), descriptor_(descriptor) {}

  void want(short events) noexcept {
    if (std::exchange(events_, events) != events) waiting_.reset();
  }
  /// False if the backend cannot wait for it.
  bool await() {
    if (!waiting_) waiting_ = lookup_.shard_.io().await_readiness(descriptor_, events_, *this);
    return waiting_ != nullptr;
  }

 private:
  // The last step: processing may destroy this.
  void on_ready(short events) override {
    waiting_.reset();
    lookup_.process(descriptor_, events);
  }

  DnsLookup& lookup_;
  const int descriptor_;
  short events_ = 0;
  std::unique_ptr<Readiness> waiting_;
};

DnsLookup::DnsLookup(Shard& shard, Question question, Handler& handler)
    : shard_(shard),
      question_(std::move(question)),
      handler_(handler),
      due_(after(shard.io().now(), question_.timeout)),
      config_(question_.service_config ? ConfigQuery::wanted : ConfigQuery::not_wanted) {
  if (const int status = begin(); status != ARES_SUCCESS) finish(status);
}

DnsLookup::~DnsLookup() { end_channel(); }

int DnsLookup::begin() {
  if (const int status = init_c_ares(); status != ARES_SUCCESS) return status;
  ares_options options{};
  options.sock_state_cb = [](void* lookup, ares_socket_t descriptor, int readable, int writable) {
    static_cast<DnsLookup*>(lookup)->on_socket_state(descriptor, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  if (const int status = ares_init_options(&channel_, &options, ARES_OPT_SOCK_STATE_CB);
      status != ARES_SUCCESS) {
    channel_ = nullptr;
    return status;
  }
  if (question_.server) {
    const std::string server = question_.server->to_string();
    if (const int status = ares_set_servers_ports_csv(channel_, server.c_str()); status != ARES_SUCCESS)
      return status;
  } else {
    found_.addresses = HostsFile::of_system().find(question_.host, question_.port);
    if (!found_.addresses.empty()) {
      found_.ttl_s = hosts_file_ttl_s;
      candidates_.push_back(question_.host);
      asked_ = 1;
      four_.answered = six_.answered = true;
      settle();
      return ARES_SUCCESS;
    }
  }
  // c-ares 1.34 gives out neither the search domains nor ndots, so the C library reads them.
  std::remove_pointer_t<res_state> resolver{};
  if (res_ninit(&resolver) != 0) return ARES_ENOMEM;
  const std::unique_ptr<std::remove_pointer_t<res_state>, decltype(&res_nclose)> owner(&resolver, res_nclose);
  name_candidates(resolver.ndots, resolver.dnsrch);
  ask_next();
  return ARES_SUCCESS;
}

/// resolv.conf(5): a name with fewer dots than `ndots` is tried in the search domains
/// first, others as they are.
void DnsLookup::name_candidates(int ndots, const char* const* domains) {
  const std::string& host = question_.host;
  const bool whole = host.ends_with('.');
  const bool as_it_is = whole || std::ranges::count(host, '.') >= ndots;
  if (as_it_is) candidates_.push_back(host);
  if (!whole)
    for (; *domains; ++domains) candidates_.push_back(host + "." + *domains);
  if (!as_it_is) candidates_.push_back(host);
}

void DnsLookup::ask_next() {
  const std::string& name = candidates_[asked_++];
  four_.answered = six_.answered = false;
  worst_ = ARES_SUCCESS;
  const auto on_answer = [](void* query, int status, int, unsigned char* message, int bytes) {
    Query& asked = *static_cast<Query*>(query);
    asked.lookup->on_answer(asked, status, {message, static_cast<std::size_t>(bytes)});
  };
  // Both before a response, which may come at once.
  const ares_channel channel = channel_;
  ask(channel, name, query_type_aaaa, on_answer, &six_);
  ask(channel, name, query_type_a, on_answer, &four_);
  await_more();
}

void DnsLookup::on_answer(Query& query, int status, Bytes message) noexcept try {
  query.answered = true;
  if (!channel_ || finished_) return;
  if (status == ARES_SUCCESS && !read_addresses(message, question_.port, found_)) status = ARES_EBADRESP;
  if (status != ARES_SUCCESS && (worst_ == ARES_SUCCESS || says_no(worst_))) worst_ = status;
  if (!found_.addresses.empty() && enough_ == never) enough_ = after(shard_.io().now(), resolution_delay);
} catch (const std::bad_alloc&) {
  finish(ARES_ENOMEM);
}

/// Asks for the service config of the name that has addresses.
void DnsLookup::ask_config() {
  config_ = ConfigQuery::asked;
  config_due_ = after(shard_.io().now(), config_delay);
  enough_ = due_ = never;
  const std::string name = std::string(config_name_prefix).append(candidates_[asked_ - 1]);
  const auto on_answer = [](void* lookup, int status, int, unsigned char* message, int bytes) {
    static_cast<DnsLookup*>(lookup)->on_config(status, {message, static_cast<std::size_t>(bytes)});
  };
  ask(channel_, name, query_type_txt, on_answer, this);
  await_more();
}

void DnsLookup::on_config(int status, Bytes message) noexcept try {
  if (!channel_ || finished_) return;
  config_ = ConfigQuery::answered;
  std::string text;
  if (status == ARES_SUCCESS) status = read_config(message, text);
  if (status == ARES_SUCCESS || says_no(status)) {
    configs_ = std::move(text);
  } else {
    configs_ = std::unexpected(no_config(ares_strerror(status)));
  }
} catch (const std::bad_alloc&) {
  finish(ARES_ENOMEM);
}

Status DnsLookup::no_config(std::string_view why) const {
  return Status(Code::UNAVAILABLE,
                "resolve the service config of " + question_.host + ": " + std::string(why),
                Initiator::library);
}

/// Acts on the responses to the present queries: has enough addresses, asks for the next name, or fails.
void DnsLookup::settle() {
  if (finished_) return;
  const bool both = four_.answered && six_.answered;
  const Instant now = shard_.io().now();
  if (!found_.addresses.empty() &&
      (both || now >= std::min(enough_, due_) || config_ >= ConfigQuery::asked)) {
    if (config_ == ConfigQuery::wanted) return ask_config();
    if (config_ != ConfigQuery::asked) return finish(ARES_SUCCESS);
    if (now < config_due_) return await_more();
    configs_ = std::unexpected(no_config("no name server responded within a second"));
    return finish(ARES_SUCCESS);
  }
  if (!both && now >= due_) return finish(overdue);
  if (!both) return await_more();
  if (worst_ == ARES_SUCCESS) worst_ = ARES_ENODATA;
  if (says_no(worst_) && asked_ < candidates_.size()) return ask_next();
  finish(worst_);
}

void DnsLookup::process(int descriptor, short events) {
  const bool failed = (events & (POLLERR | POLLHUP)) != 0;
  ares_process_fd(channel_, (events & POLLIN) != 0 || failed ? descriptor : ARES_SOCKET_BAD,
                  (events & POLLOUT) != 0 ? descriptor : ARES_SOCKET_BAD);
  settle();
}

void DnsLookup::on_time() {
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  settle();
}

/// Waits for the sockets and the timeout of c-ares.
void DnsLookup::await_more() {
  if (finished_) return;
  const bool both = four_.answered && six_.answered;
  if (config_ == ConfigQuery::answered || (both && config_ != ConfigQuery::asked))
    return shard_.ready().push(*this);  // without a server to ask
  for (const auto& [descriptor, socket] : sockets_)
    if (!socket->await()) return finish(no_descriptors);
  timeval left{};
  const Instant now = shard_.io().now();
  const timeval* const next = ares_timeout(channel_, nullptr, &left);
  const Instant due =
      next ? after(now, std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec))
           : never;
  shard_.timers().arm(*this, std::min({due, due_, enough_, config_due_}));
}

void DnsLookup::on_socket_state(int descriptor, bool readable, bool writable) noexcept try {
  if (!readable && !writable) {
    sockets_.erase(descriptor);
    return;
  }
  std::unique_ptr<Socket>& socket = sockets_[descriptor];
  if (!socket) socket = std::make_unique<Socket>(*this, descriptor);
  socket->want(static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)));
} catch (const std::bad_alloc&) {
  sockets_.erase(descriptor);
  finish(ARES_ENOMEM);
}

void DnsLookup::finish(int status) noexcept {
  finished_ = true;
  status_ = status;
  Timer::cancel();
  shard_.ready().push(*this);
}

void DnsLookup::end_channel() noexcept {
  finished_ = true;
  if (const ares_channel channel = std::exchange(channel_, nullptr)) ares_destroy(channel);
}

void DnsLookup::run() {
  if (!finished_) return settle();
  end_channel();
  handler_.on_looked_up(outcome());
}

Result<DnsAddresses> DnsLookup::outcome() {
  if (status_ == ARES_SUCCESS) return std::move(found_);
  if (status_ == ARES_ENOMEM) return std::unexpected(out_of_memory());
  const bool unknown = says_no(status_);
  std::string why = status_ < 0 ? "" : ares_strerror(status_);
  if (status_ == ARES_ENOTFOUND) why = "there is no such name";
  if (status_ == ARES_ENODATA) why = "the name has no address";
  if (status_ == ARES_ETIMEOUT) why = "no name server responded";
  if (status_ == ARES_ECONNREFUSED) why = "every name server failed, refused or cannot be reached";
  if (status_ == overdue)
    why = "no name server responded within " +
          std::to_string(std::chrono::ceil<std::chrono::milliseconds>(question_.timeout).count()) + " ms";
  if (status_ == no_descriptors)
    why = "the simulated network has no name servers; use an address, or give the channel a resolver";
  return std::unexpected(
      Status(Code::UNAVAILABLE, "resolve " + question_.host + ": " + why, Initiator::library)
          .with_cause(unknown ? Cause::unknown_name : Cause::lookup_failed));
}

}  // namespace ringrpc
