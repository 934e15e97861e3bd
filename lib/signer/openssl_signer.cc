#include "signer/openssl_signer.h"

#include <utility>

namespace ringrpc {

Result<OpensslSigner::Context> OpensslSigner::take_context(Algorithm algorithm) const {
  {
    const std::lock_guard lock(mutex_);
    std::vector<Context>& idle = idle_[static_cast<std::size_t>(algorithm)];
    if (!idle.empty()) {
      Context context = std::move(idle.back());
      idle.pop_back();
      return context;
    }
  }
  Context context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  if (!context || EVP_PKEY_sign_init(context.get()) <= 0) return std::unexpected(openssl_failure("sign"));
  if (Status status = choose_algorithm(context.get(), algorithm); !status.ok())
    return std::unexpected(std::move(status));
  return context;
}

void OpensslSigner::give_back(Algorithm algorithm, Context context) const {
  const std::lock_guard lock(mutex_);
  idle_[static_cast<std::size_t>(algorithm)].push_back(std::move(context));
}

Result<std::string> OpensslSigner::do_sign(Algorithm algorithm, Bytes input) const {
  Result<Context> context = take_context(algorithm);
  if (!context) return std::unexpected(std::move(context).error());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  const int signed_well = EVP_PKEY_sign(context->get(), reinterpret_cast<unsigned char*>(signature.data()),
                                        &size, input.data(), input.size());
  if (signed_well <= 0) return std::unexpected(openssl_failure("sign"));
  signature.resize(size);
  give_back(algorithm, std::move(*context));
  return signature;
}

}  // namespace ringrpc
