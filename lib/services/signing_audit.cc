#include "services/signing_audit.h"

#include "ringrpc/log.h"

namespace ringrpc {

SigningAudit::SigningAudit(const Call& call, std::string_view method)
    : wanted_(log::enabled(log::Level::info)), method_(method) {
  if (wanted_) peer_ = call.peer();
}

SigningAudit::~SigningAudit() {
  if (wanted_)
    log::info("{} {} {} key {} digest {}: {}{}", peer_, method_, algorithm_, key_id_, digest_, name(code_),
              cause_);
}

void SigningAudit::chosen(const SigningChoice& choice) {
  if (!wanted_) return;
  algorithm_ = name(choice.algorithm);
  key_id_ = choice.signer->public_key().id();
}

void SigningAudit::failed(Code code, const Status& cause) {
  ended(code);
  if (wanted_) cause_.append(" (").append(cause.message()).append(")");
}

}  // namespace ringrpc
