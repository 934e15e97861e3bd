/// The HTML of the status page.
///
///   StatusFacts facts{.program = "grpcd 1.4", .shards = *shards, …};
///   std::string html = status_html(facts, nonce);
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/admin_pages.h"
#include "ringrpc/server_snapshot.h"

namespace ringrpc {

/// Everything that the page shows.
struct StatusFacts {
  std::string program{};
  std::string library{};  ///< its version
  std::chrono::system_clock::time_point now{};
  std::chrono::system_clock::time_point started{};
  bool draining = false;
  std::string_view io_backend{};
  std::vector<std::string> addresses{};
  std::vector<std::string> pages{};  ///< the paths of the others
  bool metrics = false;
  std::vector<ShardSnapshot> shards{};
  ConnectionsSnapshot connections{};
  CallsSnapshot calls{};
  std::vector<MethodSnapshot> methods{};
  std::vector<FailureSnapshot> failures{};
  std::vector<CertificateSnapshot> certificates{};
  std::vector<StatusSetting> settings{};
};

/// The whole document. Its style and its script have the attribute `nonce`, of hexadecimal digits.
std::string status_html(const StatusFacts& facts, std::string_view nonce);
/// The part that changes, as a document without style and script: what the script fetches.
std::string status_main_html(const StatusFacts& facts);

}  // namespace ringrpc
