#include "grpcd/services/crypto.h"

#include <chrono>
#include <utility>

#include "ringrpc/turn_share.h"

#include "base/internals.h"
#include "grpcd/services/signing_audit.h"
#include "grpcd/services/signing_job.h"
#include "rpc/policy/call_origin.h"

namespace ringrpc {

using crypto::v1::PublicKeyRequest;
using crypto::v1::PublicKeyResponse;
using crypto::v1::SignRequest;
using crypto::v1::SignResponse;

namespace {

/// The call's deadline on the steady clock: worker threads do not have the shard's clock.
Instant expiry_of(const Call& call) {
  if (call.deadline() == never) return never;
  return after(std::chrono::steady_clock::now(), call.deadline() - call.now());
}

/// Replaces messages of the worker pool and the backlog by ones for clients.
Status for_client(Status status) {
  if (status.code() == Code::RESOURCE_EXHAUSTED)
    return fail(Code::RESOURCE_EXHAUSTED, "too many signatures are waiting; try again later");
  if (status.code() == Code::CANCELLED) return fail(Code::UNAVAILABLE, "the server is shutting down");
  return status;
}

/// Clients do not learn why the log cannot be written.
Status unrecorded() {
  return fail(Code::UNAVAILABLE, "signatures cannot be recorded at the moment; try again later");
}

/// Callers share the workers by turns, and the backlog by their addresses.
Task<Result<std::string>> run(const Call& call, WorkerPool& workers,
                              const std::shared_ptr<SigningBacklog>& backlog, SigningJob job) {
  if (job.quick()) {
    co_await turn_share();
    co_return job.run();
  }
  const WorkOrigin origin = origin_of(call);
  Result<SigningBacklog::Share> share = SigningBacklog::take(backlog, origin.peer, job.data_bytes());
  if (!share) co_return std::unexpected(std::move(share).error());
  // The lambda owns the job and its share of the queue, because the worker may run longer than the call.
  auto work = [job = std::move(job), share = std::move(*share)] { return job.run(); };
  co_return co_await detail::Internals::run_for(workers, origin, std::move(work));
}

}  // namespace

Task<Result<SignResponse>> CryptoService::SignRSA(Call& call, SignRequest request) {
  return sign(call, sign_rsa_method, std::move(request));
}

Task<Result<SignResponse>> CryptoService::SignECC(Call& call, SignRequest request) {
  return sign(call, sign_ecc_method, std::move(request));
}

Task<Result<SignResponse>> CryptoService::Sign(Call& call, SignRequest request) {
  return sign(call, sign_method, std::move(request));
}

Task<Result<SignResponse>> CryptoService::sign(Call& call, const SigningMethod& method, SignRequest request) {
  SigningAudit audit(call, method.name);
  const Result<SigningChoice> choice = choose_signing(keys_, method, request, audit);
  if (!choice) {
    audit.ended(choice.error().code());
    co_return std::unexpected(choice.error());
  }
  if (options_.audit_required) {
    if (const Status possible = audit.possible(); !possible.ok()) {
      audit.failed(Code::UNAVAILABLE, possible);
      co_return std::unexpected(unrecorded());
    }
  }

  const SigningJob::Wishes wishes{.verify = options_.verify_signatures, .digest = audit.wanted()};
  SigningJob job(*choice, std::move(request), wishes, expiry_of(call), audit.use());
  Result<std::string> signature = co_await run(call, workers_, backlog_, std::move(job));
  signatures_.count(*choice->signer, choice->algorithm, signature.has_value());
  if (!signature) {
    Status shown = for_client(signature.error());
    audit.failed(shown.code(), std::move(signature).error());
    co_return std::unexpected(std::move(shown));
  }
  if (options_.audit_required) {
    const Status written = co_await audit.written(options_.audit_timeout);
    if (!written.ok()) co_return std::unexpected(unrecorded());
  } else {
    audit.ended(Code::OK);
  }

  SignResponse response;
  response.set_signature(*std::move(signature));
  response.set_algorithm(std::string(name(choice->algorithm)));
  response.set_key_id(choice->signer->public_key().id());
  co_return response;
}

void CryptoService::write_metrics(MetricsWriter& writer) {
  signatures_.write(writer);
  writer.gauge("grpcd_signing_backlog_bytes",
               "Request data that waits for a signing worker or is being signed.");
  writer.sample({}, static_cast<double>(backlog_->bytes()));
}

Task<Result<PublicKeyResponse>> CryptoService::GetPublicKey(Call&, PublicKeyRequest request) {
  const Result<const Signer*> signer = choose_key(keys_, request);
  if (!signer) co_return std::unexpected(signer.error());
  const PublicKey& key = (*signer)->public_key();
  PublicKeyResponse response;
  response.set_spki_der(key.spki().data(), key.spki().size());
  response.set_pem(key.pem());
  response.set_key_id(key.id());
  for (const Algorithm algorithm : every_algorithm)
    if ((*signer)->algorithms().contains(algorithm)) response.add_algorithms(std::string(name(algorithm)));
  co_return response;
}

}  // namespace ringrpc
