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
  switch (use) {
    case CertificateSnapshot::Use::server:
      return "server";
    case CertificateSnapshot::Use::intermediate:
      return "intermediate";
    case CertificateSnapshot::Use::client_ca:
      return "client_ca";
    case CertificateSnapshot::Use::client:
      return "client";
    case CertificateSnapshot::Use::server_ca:
      break;
  }
  return "server_ca";
}

}  // namespace ringrpc
