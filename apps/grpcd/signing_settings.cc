#include "grpcd/signing_settings.h"

#include <cstdint>

#include "common/setting.h"

namespace ringrpc::grpcd {
namespace {

constexpr std::uint64_t queue_bytes_max = 64ull << 30;

}  // namespace

void add_signing(apps::CommandLine& line, SigningValues& signing) {
  const std::string group = "Signing";
  line.add(apps::texts(
      {.name = "key",
       .group = group,
       .placeholder = "FILE",
       .help = "Private key to sign with, in PEM (PKCS#8): RSA of 2048 bits or more, P-256, P-384 or "
               "Ed25519. ALGORITHM,...:FILE restricts it to these algorithms. Repeat the flag for several "
               "keys.",
       .fallback = "none"},
      signing.key_files));
  line.add(apps::text({.name = "key-passphrase-file",
                       .group = group,
                       .placeholder = "FILE",
                       .help = "File whose first line is the passphrase of encrypted keys",
                       .fallback = "none"},
                      signing.passphrase_file));
  line.add(apps::texts(
      {.name = "generate-key",
       .group = group,
       .placeholder = "KIND",
       .help = "Key to generate at each start: rsa2048, rsa3072, rsa4096, p256, p384, ed25519 or none. "
               "ALGORITHM,...:KIND restricts it to these algorithms. Repeat the flag for several keys.",
       .fallback = "rsa2048, p256, p384 and ed25519, unless --key is given"},
      signing.generated));
  line.add(
      apps::number({.name = "signing-workers",
                    .group = group,
                    .placeholder = "N",
                    .help = "Threads for signatures with RSA and P-384, of messages over 8 KiB, and with "
                            "--verify-signatures, at most 1024; 0 means one per usable core"},
                   signing.workers, {0, 1024}));
  line.add(apps::number(
      {.name = "signing-queue",
       .group = group,
       .placeholder = "N",
       .help = "Signatures that may wait for such a thread, 1 to 65536; further requests fail at once"},
      signing.queue_limit, {1, 65'536}));
  line.add(apps::size(
      {.name = "signing-queue-size",
       .group = group,
       .placeholder = "BYTES",
       .help =
           "Data of the requests that such threads process or that wait for one, at most 64G. An address may "
           "have half of what others leave of it, so half if it is alone; further requests fail at once."},
      signing.queue_bytes_max, {1, queue_bytes_max}));
  line.add(apps::toggle(
      {.name = "verify-signatures", .group = group, .help = "Verifies each signature before it is sent"},
      signing.verify));
  line.add(apps::toggle({.name = "audit-required",
                         .group = group,
                         .help = "Sends each signature only after its log line has been written, and fails "
                                 "requests with UNAVAILABLE while log lines cannot be written. The log level "
                                 "must be info or more verbose."},
                        signing.audit_required));
}

}  // namespace ringrpc::grpcd
