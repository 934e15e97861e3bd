#include "signer/signer.h"

namespace ringrpc {

Result<std::string> Signer::sign(Algorithm algorithm, Bytes input) const {
  if (!algorithms_.contains(algorithm))
    return fail(Code::INVALID_ARGUMENT, "key " + public_key_.id() + " is not for " +
                                            std::string(name(algorithm)) + "; use " + algorithms_.names());
  const Hash hash = hash_of(algorithm);
  if (hash != Hash::none && input.size() != digest_bytes(hash))
    return fail(Code::INVALID_ARGUMENT,
                std::string(name(algorithm)) + " signs a digest of " + std::to_string(digest_bytes(hash)) +
                    " bytes (" + std::string(name(hash)) + "), not of " + std::to_string(input.size()));
  return do_sign(algorithm, input);
}

}  // namespace ringrpc
