#include "services/status_page.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <sys/random.h>
#include <utility>

#include "ringrpc/admin_pages.h"

#include "services/status_html.h"

namespace ringrpc {
namespace {

constexpr std::size_t connections_listed = 50;  // the oldest, and as many of the newest
constexpr std::size_t calls_listed = 100;
constexpr std::size_t methods_listed = 20;

/// The parts of the page that stay the same from one request to the next.
struct StatusPage {
  const Server& server;
  StatusPageOptions options;
  std::vector<std::string> pages;
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

/// A number that nobody can guess, in hexadecimal.
Result<std::string> make_nonce() {
  std::array<unsigned char, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return std::unexpected(from_errno("getrandom", errno));
  constexpr std::string_view digits = "0123456789abcdef";
  std::string nonce;
  for (const unsigned char byte : bytes) nonce.append({digits[byte >> 4], digits[byte & 15]});
  return nonce;
}

/// The page runs its own script, which may fetch the page again, and loads nothing else from anywhere.
std::string policy(const std::string& nonce) {
  return "default-src 'none'; style-src 'nonce-" + nonce + "'; script-src 'nonce-" + nonce +
         "'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
         "require-trusted-types-for 'script'";
}

Task<Result<PageResponse>> make(std::shared_ptr<const StatusPage> page, bool main_only) {
  const Server& server = page->server;
  StatusFacts facts{.program = page->options.program,
                    .library = RINGRPC_VERSION,
                    .started = page->started,
                    .draining = server.draining(),
                    .io_backend = server.io_backend(),
                    .addresses = server.addresses(),
                    .pages = page->pages};
  Result<std::vector<ShardSnapshot>> shards = co_await server.shard_snapshots();
  if (!shards) co_return std::unexpected(std::move(shards).error());
  facts.shards = std::move(*shards);
  Result<ConnectionsSnapshot> connections = co_await server.connections(connections_listed);
  if (!connections) co_return std::unexpected(std::move(connections).error());
  facts.connections = std::move(*connections);
  Result<CallsSnapshot> calls = co_await server.calls(calls_listed);
  if (!calls) co_return std::unexpected(std::move(calls).error());
  facts.calls = std::move(*calls);
  Result<std::vector<MethodSnapshot>> methods = co_await server.methods(methods_listed);
  if (!methods) co_return std::unexpected(std::move(methods).error());
  facts.methods = std::move(*methods);
  Result<std::vector<FailureSnapshot>> failures = co_await server.failures();
  if (!failures) co_return std::unexpected(std::move(failures).error());
  facts.failures = std::move(*failures);
  facts.metrics = server.counts_metrics();
  facts.certificates = server.certificates();
  if (page->options.settings) facts.settings = page->options.settings();
  facts.now = std::chrono::system_clock::now();
  const Result<std::string> nonce = make_nonce();
  if (!nonce) co_return std::unexpected(nonce.error());
  co_return PageResponse{.content_type = "text/html; charset=utf-8",
                         .content_security_policy = policy(*nonce),
                         .body = main_only ? status_main_html(facts) : status_html(facts, *nonce)};
}

}  // namespace

AdminPage status_page(const Server& server, StatusPageOptions options, std::vector<std::string> pages) {
  const auto page = std::make_shared<const StatusPage>(
      StatusPage{.server = server, .options = std::move(options), .pages = std::move(pages)});
  return AdminPage("/status", "the state of the server, for people",
                   [page](const PageRequest& request) { return make(page, request.query == "main"); });
}

AdminPage status_page(const Server& server, StatusPageOptions options) {
  return status_page(server, std::move(options), {"/"});
}

}  // namespace ringrpc
