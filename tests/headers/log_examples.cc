// The examples at the heads of the headers about logs, as in examples.cc.
#include <string>

#include "ringrpc/access_log.h"
#include "ringrpc/log.h"
#include "ringrpc/server.h"

using namespace ringrpc;

std::string dump(int frame);

void show_log(const std::string& address, int frame) {
  // [log.h]
  log::info("listening on {}", address);  // as std::format takes it, checked by the compiler

  log::set_level(log::Level::trace);  // at any time, from any thread

  if (log::enabled(log::Level::trace)) log::trace("{}", dump(frame));  // where an argument costs

  log::info("{} connected", log::Field("peer", address));
  // {"time":"2026-…","level":"info","message":"127.0.0.1:4071 connected","peer":"127.0.0.1:4071"}
  // [/log.h]
}

void report(const Status& status) { log::error("{}", status.to_string()); }

void log_calls(ServerOptions& options) {
  // [access_log.h]
  auto access = AccessLog::open({.path = "/var/log/routes/access.log", .format = log::Format::json});
  if (!access) return report(access.error());
  options.access_log = *access;  // of ServerOptions

  (*access)->reopen();  // on SIGHUP: logrotate has renamed the file
  // [/access_log.h]
}
