#include "grpcd/daemon.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "ringrpc/log.h"

#include "base/thread_failure.h"
#include "common/notify.h"
#include "common/units.h"
#include "rpc/server/memory_share.h"
#include "transport/address.h"

namespace ringrpc::grpcd {

using apps::ExitCode;
using apps::format_duration;
using apps::format_size;
using log::Level;

namespace {

/// grpcd does not start with fewer descriptors.
constexpr std::uint64_t descriptors_least = 64;

/// A shard that a handler keeps busy delays the start of a drain by no more than this.
constexpr std::chrono::milliseconds count_timeout(100);

/// Operators and their tools need few.
constexpr std::uint32_t channelz_connections_max = 64;

/// "1 call", "2 calls".
std::string count(std::uint64_t number, std::string_view noun) {
  return std::to_string(number).append(" ").append(noun).append(number == 1 ? "" : "s");
}

std::string join(const std::vector<std::string>& words, std::string_view between = " ") {
  std::string joined;
  for (const std::string& word : words) joined.append(joined.empty() ? "" : between).append(word);
  return joined;
}

/// Adds the flags that would help to a status of the library, which does not know grpcd's flags.
Status with_flag(Status status, std::string_view flag) {
  const auto add = [&](std::string_view more) {
    return Status(status.code(), std::string(status.message()).append(more), status.initiator());
  };
  if (status.code() == Code::ALREADY_EXISTS) return add(" with " + std::string(flag));
  if (status.message().ends_with("TLS needs a certificate and a private key"))
    return add("; give them with --tls-cert and --tls-key");
  return status;
}

std::uint64_t calls_over(const ServerCounters& counters) {
  return counters.calls_succeeded + counters.calls_failed;
}

/// Descriptors other than those of calls' connections: one for each listener, four for each shard, and some
/// for the process itself; and those of the admin pages and of channelz.
std::uint64_t descriptors_beside(const Values& values) {
  const ServerOptions& options = values.server;
  const unsigned shards = options.shards > 0 ? options.shards : std::thread::hardware_concurrency();
  const std::uint64_t admin =
      values.admin.empty() ? 0 : values.admin.size() + 4 + AdminOptions().max_connections;
  const std::uint64_t channelz =
      values.channelz.empty() ? 0 : values.channelz.size() + 4 + channelz_connections_max;
  return options.listen.size() + 4 * shards + 32 + admin + channelz;
}

}  // namespace

Daemon::Daemon(std::unique_ptr<Configuration> configuration, Parts parts)
    : configuration_(std::move(configuration)), parts_(std::move(parts)) {}

ExitCode Daemon::run(const apps::Signals& waiting) {
  if (const Status status = start(); !status.ok()) return apps::refuse("grpcd", status);
  try {
    drainer_.emplace([this, &waiting] { drain(waiting); });
  } catch (const std::system_error& error) {
    return apps::refuse("grpcd", thread_failure("cannot start a thread", error.code().value()));
  }
  for (;;) {
    switch (waiting.wait()) {
      case SIGTERM:
      case SIGINT:
        begin_drain();
        break;
      case SIGHUP:
        reload();
        break;
      case SIGUSR1:
        step_log_level(-1);
        break;
      case SIGUSR2:
        step_log_level(+1);
        break;
      case apps::Signals::notified:
        drainer_.reset();
        log_drained();
        parts_.on_drained();
        return apps::exit_ok;
      default:
        break;
    }
  }
}

Status Daemon::start() {
  const Values& values = configuration_->values;
  log::set_level(values.log_level);
  const std::uint64_t beside = descriptors_beside(values);
  const std::uint64_t needed = values.server.max_connections + beside;
  const std::uint64_t limit = parts_.raise_descriptor_limit(needed);
  // A server with one connection is useful, so it starts if there are descriptors for one.
  const std::uint64_t least = std::max(descriptors_least, beside + 1);
  if (limit < least)
    return fail(Code::RESOURCE_EXHAUSTED, apps::descriptor_shortage(limit, least) +
                                              (least > descriptors_least ? ", or lower --shards" : ""));

  ServerOptions options = values.server;
  // The default is lowered to what fits; a number that the user chose is kept, with a warning.
  const bool fitted = limit < needed && !configuration_->line.origins().given("max-connections");
  if (fitted) options.max_connections = static_cast<std::uint32_t>(limit - beside);
  if (configuration_->line.origins().given("max-connections-per-address"))
    options.max_connections_per_address = values.max_connections_per_address;
  Result<std::unique_ptr<Certificates>> certificates =
      Certificates::load(values.tls, configuration_->line.origins());
  if (!certificates) return std::move(certificates).error();
  certificates_ = std::move(*certificates);
  if (certificates_) options.tls = certificates_->tls();
  options.metrics = !values.admin.empty();  // /metrics shows them
  if (Status status = open_access_log(options); !status.ok()) return status;

  Result<std::unique_ptr<Server>> server = parts_.start(options);
  if (!server) return with_flag(std::move(server).error(), "--listen");
  server_ = std::move(*server);
  if (Status status = start_admin(); !status.ok()) return status;
  if (Status status = start_channelz(); !status.ok()) return status;
  const Result<std::string> locked = parts_.lock();
  if (!locked) return locked.error();
  if (!locked->empty()) log::info("grpcd is confined: {}", *locked);
  try_access_log();
  log::info("grpcd {} ready on {} ({}, {}){}{}", GRPCD_VERSION, join(server_->addresses()),
            count(server_->shards(), "shard"), server_->io_backend(),
            admin_ ? ", admin pages on " + join(admin_->addresses()) : "",
            channelz_ ? ", channelz on " + join(channelz_->addresses()) : "");
  log_raised_sizes();
  apps::notify_supervisor("READY=1");
  if (fitted) {
    log::info("at most {}, because at most {} file descriptors may be open",
              count(options.max_connections, "connection"), limit);
  } else if (limit < needed) {
    log::warn("{}, or lower --max-connections", apps::descriptor_shortage(limit, needed));
  }
  return Status();
}

Status Daemon::open_access_log(ServerOptions& options) {
  AccessLogOptions access = configuration_->values.access_log;
  if (access.path.empty()) return {};
  access.format = configuration_->values.log_format;
  Result<std::shared_ptr<AccessLog>> opened = AccessLog::open(access);
  if (!opened) return apps::at_run_time(configuration_->line.origins().of("access-log"), opened.error());
  options.access_log = access_log_ = std::move(*opened);
  return {};
}

/// Opens the access log again as SIGHUP will, which may lack the rights that the start had.
void Daemon::try_access_log() const {
  if (!access_log_) return;
  const std::string& user = configuration_->values.user;
  if (const Status status = access_log_->reopen(); !status.ok())
    log::warn("{}, so SIGHUP cannot open it again and reloads nothing; let {} write this file",
              status.message(), user.empty() ? "grpcd" : user);
}

/// The library raises these limits, so that the largest message fits.
void Daemon::log_raised_sizes() const {
  const ServerOptions& options = configuration_->values.server;
  const std::size_t least = MemoryShare::least_limit_bytes(options.max_message_bytes);
  const auto tell = [this](std::string_view setting, std::size_t bytes, std::size_t raised,
                           const std::string& where) {
    if (bytes < raised)
      log::info("{}: {} is raised to {}, so that one message of max-message-size fits{}",
                configuration_->line.origins().of(setting), format_size(bytes), format_size(raised), where);
  };
  tell("max-buffered-size", options.max_buffered_bytes, least, "");
  const unsigned shards = server_->shards();
  tell("max-total-buffered-size", options.max_total_buffered_bytes, least * shards,
       shards == 1 ? "" : " in each of " + std::to_string(shards) + " shards");
}

Status Daemon::start_admin() {
  AdminOptions options{.listen = configuration_->values.admin,
                       .hosts = configuration_->values.admin_hosts,
                       .io = configuration_->values.server.io};
  if (options.listen.empty()) return {};
  Result<std::unique_ptr<AdminServer>> admin = parts_.start_admin(options, *server_);
  if (!admin) return with_flag(std::move(admin).error(), "--admin");
  admin_ = std::move(*admin);
  return {};
}

Status Daemon::start_channelz() {
  const std::vector<std::string>& listen = configuration_->values.channelz;
  if (listen.empty()) return {};
  for (const std::string& address : listen)
    if (address.starts_with("tls+"))
      return fail(Code::INVALID_ARGUMENT,
                  "--channelz " + address + ": channelz is served in plaintext; leave out tls+");
  ServerOptions options{.listen = listen, .shards = 1, .io = configuration_->values.server.io};
  options.max_connections = channelz_connections_max;
  Result<std::unique_ptr<Server>> channelz = parts_.start_channelz(options);
  if (!channelz) return with_flag(std::move(channelz).error(), "--channelz");
  channelz_ = std::move(*channelz);
  for (const std::string& address : channelz_->addresses())
    if (!is_local(address))
      log::warn(
          "channelz on {} tells everyone who can connect there about clients and calls; choose a loopback "
          "address or a unix socket",
          address);
  return {};
}

Daemon::Drainer::Drainer(std::function<void()> drain)
    : thread_([this, called = std::move(drain)] {
        called_.wait();
        if (begun_) called();
      }) {}

Daemon::Drainer::~Drainer() {
  if (!begun_) called_.count_down();
}

void Daemon::Drainer::begin() noexcept {
  begun_ = true;
  called_.count_down();
}

void Daemon::begin_drain() {
  if (drainer_->begun()) {
    log::warn("second signal: exiting at once");
    if (access_log_) access_log_->flush();
    parts_.quit();
    return;
  }
  apps::notify_supervisor("STOPPING=1");
  drainer_->begin();
  (void)counted_.try_acquire_for(count_timeout);
  const struct Announced {
    std::latch& latch;
    ~Announced() { latch.count_down(); }
  } announced{not_serving_};
  parts_.on_drain();  // may throw, and `drain` waits for the latch nevertheless
}

/// On the thread of the drainer.
void Daemon::drain(const apps::Signals& waiting) noexcept {
  try {
    const std::chrono::milliseconds timeout = configuration_->values.drain_timeout;
    const ServerCounters counters = server_->counters();
    calls_over_before_ = calls_over(counters);
    counted_.release();
    not_serving_.wait();
    log::info("draining {} within {}; a second signal ends them at once",
              count(counters.connections_open, "connection"), format_duration(timeout));
    calls_ended_ = server_->drain(timeout);
    waiting.notify();
  } catch (const std::exception& failure) {
    log::error("cannot drain: {}; exiting at once", failure.what());
    parts_.quit();
  }
}

void Daemon::log_drained() const {
  const std::uint64_t over = calls_over(server_->counters()) - calls_over_before_;
  log::info("drained: {} finished, {} ended", count(over - std::min(calls_ended_, over), "call"),
            calls_ended_);
}

void Daemon::reload() {
  std::vector<Change> waiting;
  const Result<std::string> reloaded = reload_all(waiting);
  const auto line = lines_.take(
      "SIGHUP: " +
      (reloaded ? *reloaded : "nothing was reloaded: " + std::string(reloaded.error().message())));
  if (!line) return;
  if (!reloaded) return log::error("{}", *line);
  log::info("{}", *line);
  for (const Change& change : waiting)
    log::warn("SIGHUP: {} changed to {} in the file; {} stays in effect until a restart", change.name,
              change.after, change.before);
}

/// Reads and checks everything before it changes anything. The access log is last among the steps that can fail,
/// because opening it again takes effect at once. Returns a list of what was reloaded, and in `waiting` the settings
/// that only a restart changes.
Result<std::string> Daemon::reload_all(std::vector<Change>& waiting) {
  const bool from_file = !configuration_->line.config_path().empty();
  Result<std::unique_ptr<Configuration>> reread = from_file ? parts_.reread() : nullptr;
  if (!reread) return std::unexpected(std::move(reread).error());
  Result<Reload> certificates = certificates_ ? certificates_->read_again() : Reload();
  if (!certificates) return std::unexpected(std::move(certificates).error());
  Result<Reload> keys = parts_.read_keys();
  if (!keys) return std::unexpected(std::move(keys).error());
  if (access_log_)
    if (Status status = access_log_->reopen(); !status.ok()) return std::unexpected(std::move(status));

  std::vector<std::string> done;
  if (*certificates) (*certificates)(), done.emplace_back("the certificates");
  if (*keys) (*keys)(), done.emplace_back("the keys of tokens");
  if (access_log_) done.push_back("the access log " + configuration_->values.access_log.path);
  if (from_file) {
    take_log_level((*reread)->values);
    waiting = changes(*configuration_, **reread);
    done.push_back(configuration_->line.config_path() + "; log level " + std::string(name(log::level())));
  }
  if (done.empty()) return "there is nothing to reload; --config names a configuration file at the start";
  return "reloaded " + join(done, ", ");
}

void Daemon::take_log_level(const Values& reread) {
  configuration_->values.log_level = std::min(reread.log_level, log_level_max());
  log::set_level(configuration_->values.log_level);
}

/// The least verbose level allowed: with --audit-required, records of signatures, at level info, must appear.
Level Daemon::log_level_max() const noexcept {
  return configuration_->values.signing.audit_required ? Level::info : Level::off;
}

void Daemon::step_log_level(int step) {
  const int wanted = static_cast<int>(log::level()) + step;
  const int stepped = std::clamp(wanted, static_cast<int>(Level::trace), static_cast<int>(log_level_max()));
  const Level level = static_cast<Level>(stepped);
  const bool held = wanted > stepped && level < Level::off;
  const auto line =
      lines_.take("log level " + std::string(name(level)) + (held ? "; --audit-required needs it" : ""));
  if (line) {
    log::set_level(std::min(level, Level::info));  // so that the line appears at any level
    log::info("{}", *line);
  }
  log::set_level(level);
}

}  // namespace ringrpc::grpcd
