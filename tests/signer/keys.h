/// Keys for tests: the texts of key files, and the keys in them.
///
///   const std::unique_ptr<Signer> signer = signer_of(pem_of("PRIVATE KEY", pkcs8)).value();
#pragma once

#include <memory>
#include <openssl/evp.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/scratch_file.h"
#include "signer/key_source.h"

namespace ringrpc {

/// PEM of these bytes.
inline std::string pem_of(const std::string& label, std::string_view der) {
  std::string base64(4 * ((der.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                      reinterpret_cast<const unsigned char*>(der.data()), static_cast<int>(der.size()));
  base64.resize(static_cast<std::size_t>(size));
  std::string text = "-----BEGIN " + label + "-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) text += base64.substr(at, 64) + "\n";
  return text + "-----END " + label + "-----\n";
}

/// The bytes of hexadecimal digits; none for "-".
inline std::string bytes_of_hex(std::string_view digits) {
  std::string bytes;
  if (digits == "-") return bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  return bytes;
}

inline GuardedBytes guarded(std::string_view text) {
  GuardedBytes bytes = GuardedBytes::make(text.size()).value();
  std::ranges::copy(text, bytes.writable().begin());
  return bytes;
}

/// A registry of the one key in a file with this text.
inline Result<KeyRegistry> keys_of(const std::string& text, std::string_view passphrase = {},
                                   Algorithms allowed = {}) {
  const apps::ScratchFile file(text);
  const std::vector<KeySource> sources = {{.path = file.path(), .allowed = allowed}};
  if (passphrase.empty()) return make_keys(sources, {});
  return make_keys(sources, guarded(passphrase));
}

/// A registry of generated keys, by the names that flags use.
inline KeyRegistry new_keys(const std::vector<std::string>& kinds) {
  std::vector<KeySource> sources;
  for (const std::string& kind : kinds) sources.push_back(KeySource::generated(kind).value());
  return make_keys(sources, {}).value();
}

}  // namespace ringrpc
