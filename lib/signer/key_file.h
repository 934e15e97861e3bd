/// Reads private keys from PEM files: PKCS#8 (RFC 5958), plain or encrypted.
///
///   Result<openssl::Owned<EVP_PKEY>> key = read_key_file("/etc/grpcd/rsa.pem", passphrase);
///
/// Call it on a GuardedThread. Errors name the file, the cause and the remedy, but nothing of the file's
/// content.
#pragma once

#include <string>

#include "signer/guarded_bytes.h"
#include "signer/openssl_algorithms.h"

namespace ringrpc {

/// The one key in the file, which has at most 64 KiB. `passphrase` is for an encrypted key and may be
/// empty. NOT_FOUND and PERMISSION_DENIED come from the system. FAILED_PRECONDITION means that the key is
/// encrypted and the passphrase is missing or wrong. INVALID_ARGUMENT means that the file is no such file,
/// that it is a pipe without a writer, or that its encryption exceeds derivation_cost_max. A warning is
/// logged for a file that everybody may read.
Result<openssl::Owned<EVP_PKEY>> read_key_file(const std::string& path, const GuardedBytes& passphrase);

/// The first line of a file: 1 to 1024 bytes.
Result<GuardedBytes> read_passphrase_file(const std::string& path);

}  // namespace ringrpc
