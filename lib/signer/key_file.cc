#include "signer/key_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "ringrpc/log.h"

#include "base/open_file.h"
#include "signer/derivation_cost.h"

namespace ringrpc {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr std::size_t passphrase_bytes_max = 1024;
constexpr std::string_view plain_begin = "-----BEGIN PRIVATE KEY-----";
constexpr std::string_view encrypted_begin = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

std::unexpected<Status> refuse(const std::string& path, std::string_view why,
                               Code code = Code::INVALID_ARGUMENT) {
  return fail(code, "key file " + path + ": " + std::string(why));
}

/// Reads without a stream, because the stream's buffer would keep a copy.
Result<GuardedBytes> read_file(const std::string& path) {
  const UniqueFd file = open_to_read(path);
  if (!file) return std::unexpected(from_errno("open " + path, errno));
  struct stat about{};
  if (::fstat(file.get(), &about) < 0) return std::unexpected(from_errno("read " + path, errno));
  if (S_ISDIR(about.st_mode)) return refuse(path, "it is a directory; name a file");
  if (S_ISREG(about.st_mode) && (about.st_mode & S_IROTH) != 0)
    log::warn("{} can be read by all users; chmod o-r", path);

  Result<GuardedBytes> text = GuardedBytes::make(file_bytes_max + 1);
  if (!text) return text;
  std::size_t size = 0;
  for (;;) {
    const std::span<std::uint8_t> room = text->writable().subspan(size);
    if (room.empty()) return refuse(path, "it is larger than 64 KiB, which no key is");
    const ssize_t got = ::read(file.get(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(from_errno("read " + path, errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size == 0 && S_ISFIFO(about.st_mode))
    return refuse(path, "it is a pipe without a writer; give a file, or open the pipe for writing first");
  text->truncate(size);
  return text;
}

int give_passphrase(char* to, int room, int, void* context) {
  const Bytes passphrase = static_cast<const GuardedBytes*>(context)->bytes();
  if (passphrase.size() > static_cast<std::size_t>(room)) return -1;
  std::ranges::copy(passphrase, to);
  return static_cast<int>(passphrase.size());
}

/// The number of PEM blocks.
std::size_t count_blocks(std::string_view text) {
  static constexpr std::string_view begin = "-----BEGIN ";
  std::size_t count = 0;
  for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1))
    ++count;
  return count;
}

std::unexpected<Status> refuse_text(const std::string& path, std::string_view text) {
  if (text.contains("OPENSSH PRIVATE KEY-----"))
    return refuse(
        path,
        "it has a key in OpenSSH's format; convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY (which "
        "leaves Ed25519 as it is: make a new one, openssl genpkey -algorithm ed25519 -out FILE)");
  if (text.contains("PRIVATE KEY-----"))
    return refuse(path, "it has a key in another format; convert it: openssl pkcs8 -topk8 -in OLD -out NEW");
  if (text.contains("PUBLIC KEY-----") || text.contains("CERTIFICATE-----"))
    return refuse(path, "it has no private key; signing needs one, in PEM (PKCS#8)");
  return refuse(path, "it is not PEM; give a private key that begins with " + std::string(plain_begin));
}

}  // namespace

Result<openssl::Owned<EVP_PKEY>> read_key_file(const std::string& path, const GuardedBytes& passphrase) {
  const Result<GuardedBytes> file = read_file(path);
  if (!file) return std::unexpected(file.error());
  const std::string_view text = as_text(file->bytes());
  const bool encrypted = text.contains(encrypted_begin);
  const bool encapsulated = text.contains("Proc-Type:");  // PEM's own encryption, older than PKCS#8
  if (encapsulated || (!encrypted && !text.contains(plain_begin))) return refuse_text(path, text);
  if (count_blocks(text) != 1)
    return refuse(path, "it has more than one PEM block; give the key a file of its own");
  if (encrypted && passphrase.size() == 0)
    return refuse(path, "it is encrypted, and no passphrase was given", Code::FAILED_PRECONDITION);
  if (derivation_cost(text) > derivation_cost_max)
    return refuse(
        path,
        "to try a passphrase takes more than 10 million iterations (of scrypt N * r * p); encrypt it "
        "again with fewer: openssl pkcs8 -topk8 -iter 1000000 -in OLD -out NEW");

  const openssl::Owned<BIO> stream(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  openssl::Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(stream.get(), nullptr, give_passphrase,
                                                       const_cast<GuardedBytes*>(&passphrase)));  // only read
  ERR_clear_error();  // the errors may quote the file's content
  if (key) return key;
  if (encrypted)
    return refuse(path, "it cannot be decrypted; the passphrase is wrong or the file is damaged",
                  Code::FAILED_PRECONDITION);
  return refuse(path, "it is damaged, or has a key of a type that OpenSSL does not know");
}

Result<GuardedBytes> read_passphrase_file(const std::string& path) {
  Result<GuardedBytes> text = read_file(path);
  if (!text) return text;
  const std::string_view all = as_text(text->bytes());
  const std::size_t size = std::min(all.find_first_of("\r\n"), all.size());
  if (size == 0 || size > passphrase_bytes_max)
    return fail(Code::INVALID_ARGUMENT,
                "passphrase file " + path + ": its first line must have 1 to 1024 bytes, the passphrase");
  text->truncate(size);
  return text;
}

}  // namespace ringrpc
