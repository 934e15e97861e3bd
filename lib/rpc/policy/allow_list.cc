#include "ringrpc/allow_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include "ringrpc/log.h"

#include "base/escape.h"

namespace ringrpc {
namespace {

constexpr std::size_t logged_bytes_max = 1024;
constexpr std::string_view spiffe_scheme = "spiffe://";
constexpr std::string_view cid_prefix = "cid:";

bool names_methods(std::string_view text) {
  if (text == "*") return true;
  const std::size_t slash = text.rfind('/');
  return text.starts_with('/') && slash > 1 && slash != std::string_view::npos && slash + 1 < text.size() &&
         text.find('/', 1) == slash && text.find_first_of(" \t") == std::string_view::npos &&
         (text.find('*') == std::string_view::npos || text.substr(slash) == "/*");
}

bool is_among(const std::vector<std::string>& names, const std::string& wanted) {
  return std::ranges::find(names, wanted) != names.end();
}

std::optional<std::uint32_t> parse_cid_number(std::string_view text) {
  std::uint32_t cid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cid);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return cid;
}

/// All names in the certificate, in the syntax of a list, so that the log shows an operator what to add to
/// the list. Callers are not told, because they know their certificates.
std::string certificate_for_log(const CertificateIdentity& shown) {
  std::string names;
  const auto add = [&](std::string_view kind, const std::string& name) {
    if (names.size() < logged_bytes_max && !name.empty())
      names.append(names.empty() ? "; its certificate names " : ", ").append(kind).append(name);
  };
  add("", shown.spiffe_id);
  add("subject:", shown.subject);
  for (const std::string& name : shown.dns_names) add("dns:", name);
  for (const std::string& name : shown.uris) add("uri:", name);
  for (const std::string& name : shown.email_addresses) add("email:", name);
  return escape_controls(names, logged_bytes_max);
}

/// The same for all names that a list can have for the peer.
std::string names_for_log(const PeerIdentity& peer) {
  std::string names;
  if (peer.unix_credentials)
    names.append("; a list names it uid:" + std::to_string(peer.unix_credentials->uid));
  if (peer.vsock_cid) names.append("; a list names it cid:" + std::to_string(*peer.vsock_cid));
  if (peer.certificate) names.append(certificate_for_log(*peer.certificate));
  return names;
}

}  // namespace

Status AllowList::on_start() {
  started_.store(true, std::memory_order_relaxed);
  return {};
}

Status AllowList::add(std::string_view methods, std::string_view who) {
  if (started_.load(std::memory_order_relaxed))
    throw std::logic_error("a server with this AllowList has started: call add() before");
  if (!names_methods(methods))
    return fail(Code::INVALID_ARGUMENT, "\"" + std::string(methods) +
                                            "\" names no method; want /package.Service/Method, "
                                            "/package.Service/* or *");
  if (methods.ends_with('*')) methods.remove_suffix(1);
  Rules& rules = lists_[std::string(methods)];
  const auto add_rule = [&](Kind kind, std::string_view value) {
    rules.push_back({kind, std::string(value)});
    return Status();
  };
  if (who == "*") return add_rule(Kind::anybody, who);
  if (who.starts_with(spiffe_scheme) && who.size() > spiffe_scheme.size()) {
    // All ids below "spiffe://domain/" begin with it.
    if (who.ends_with("/*")) return add_rule(Kind::spiffe_below, who.substr(0, who.size() - 1));
    return add_rule(Kind::spiffe, who);
  }
  if (who.starts_with(cid_prefix))
    if (const auto cid = parse_cid_number(who.substr(cid_prefix.size())))
      return add_rule(Kind::cid, std::to_string(*cid));
  constexpr std::array kinds{std::pair("dns:", Kind::dns), std::pair("uri:", Kind::uri),
                             std::pair("email:", Kind::email), std::pair("subject:", Kind::subject),
                             std::pair("uid:", Kind::uid)};
  for (const auto& [prefix, kind] : kinds) {
    if (!who.starts_with(prefix)) continue;
    const std::string_view value = who.substr(std::string_view(prefix).size());
    const bool number = value.find_first_not_of("0123456789") == std::string_view::npos;
    if (!value.empty() && (kind != Kind::uid || number)) return add_rule(kind, value);
  }
  return fail(Code::INVALID_ARGUMENT, "\"" + std::string(who) +
                                          "\" names no caller; want spiffe://domain/path, dns:, uri:, email: "
                                          "or subject: with a name, uid: or "
                                          "cid: with a number, or *");
}

const AllowList::Rules* AllowList::closest(std::string_view method) const {
  for (const std::string_view key : {method, method.substr(0, method.rfind('/') + 1), std::string_view()})
    if (const auto found = lists_.find(key); found != lists_.end()) return &found->second;
  return nullptr;
}

bool AllowList::matches(const Rule& rule, const PeerIdentity& peer) {
  if (rule.kind == Kind::anybody) return true;
  if (rule.kind == Kind::uid)
    return peer.unix_credentials && std::to_string(peer.unix_credentials->uid) == rule.value;
  if (rule.kind == Kind::cid) return peer.vsock_cid && std::to_string(*peer.vsock_cid) == rule.value;
  if (!peer.certificate) return false;
  const CertificateIdentity& shown = *peer.certificate;
  switch (rule.kind) {
    case Kind::spiffe:
      return shown.spiffe_id == rule.value;
    case Kind::spiffe_below:
      return shown.spiffe_id.starts_with(rule.value);
    case Kind::dns:
      return is_among(shown.dns_names, rule.value);
    case Kind::uri:
      return is_among(shown.uris, rule.value);
    case Kind::email:
      return is_among(shown.email_addresses, rule.value);
    case Kind::subject:
      return shown.subject == rule.value;
    default:
      return false;
  }
}

bool AllowList::allows(std::string_view method, const PeerIdentity& peer) const {
  const Rules* rules = closest(method);
  return rules && std::ranges::any_of(*rules, [&](const Rule& rule) { return matches(rule, peer); });
}

Task<Status> AllowList::intercept(Call& call, Next next) {
  const PeerIdentity peer = call.peer_identity();
  if (allows(call.method(), peer)) return next();
  const std::string known = to_string(peer);
  std::string refusal =
      (known.empty() ? "an unidentified caller" : known) + " may not call " + std::string(call.method());
  if (log::enabled(log::Level::debug))
    log::debug("{}: {}{}", log::Field("peer", call.peer()), refusal, names_for_log(peer));
  return [](Status status) -> Task<Status> {
    co_return status;
  }(Status(Code::PERMISSION_DENIED, std::move(refusal), Initiator::peer));
}

}  // namespace ringrpc
