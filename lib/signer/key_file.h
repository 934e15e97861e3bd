/// Private keys from PEM files: PKCS#8 (RFC 5958), plain or encrypted.
///
///   Result<openssl::Owned<EVP_PKEY>> key = read_key_file("/etc/grpcd/rsa.pem", passphrase);
///
/// To be called on a GuardedThread. Messages name the file, the cause and the remedy, and nothing of what
/// the file contains.
#pragma once

#include <string>

#include "signer/guarded_bytes.h"
#include "signer/openssl.h"

namespace ringrpc {

/// The one key in the file, which has 64 KiB at most. `passphrase` is for encrypted ones, and may be empty.
/// NOT_FOUND and PERMISSION_DENIED as the system says, INVALID_ARGUMENT for what is no such file,
/// FAILED_PRECONDITION for an encrypted key when the passphrase is missing or wrong. INVALID_ARGUMENT also
/// for a pipe that nobody writes to, and for an encryption that takes longer than derivation_cost_max to
/// undo. A file that others may read is warned of in the log.
Result<openssl::Owned<EVP_PKEY>> read_key_file(const std::string& path, const GuardedBytes& passphrase);

/// A file's first line: 1 to 1024 bytes.
Result<GuardedBytes> read_passphrase_file(const std::string& path);

}  // namespace ringrpc
