/// Converts between the two forms of an ECDSA signature: the DER of RFC 3279, and r followed by s as in
/// IEEE P1363 and JWS (RFC 7518), each as long as the curve's order.
///
///   Result<std::string> raw = raw_from_der(KeyKind::p256, *der);    // 64 bytes
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/status.h"

#include "signer/algorithm.h"

namespace ringrpc {

/// For keys on P-256 and P-384. INVALID_ARGUMENT if the input does not have the expected form.
Result<std::string> raw_from_der(KeyKind curve, std::string_view der);
Result<std::string> der_from_raw(KeyKind curve, std::string_view raw);

}  // namespace ringrpc
