#include "ringrpc/server_snapshot.h"

namespace ringrpc {

std::string_view name(CallState state) noexcept {
  switch (state) {
    case CallState::receiving:
      return "receiving";
    case CallState::parsing:
      return "parsing";
    case CallState::reading:
      return "reading";
    case CallState::writing:
      return "writing";
    case CallState::handling:
      return "handling";
    case CallState::responding:
      break;
  }
  return "responding";
}

std::string_view name(CertificateSnapshot::Use use) noexcept {
  using enum CertificateSnapshot::Use;
  if (use == server) return "server";
  return use == intermediate ? "intermediate" : "client_ca";
}

}  // namespace ringrpc
