#include "ringrpc/jwt_auth.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "ringrpc/log.h"
#include "ringrpc/worker_pool.h"

#include "base/internals.h"
#include "observe/metrics_text.h"
#include "reactor/shard.h"
#include "rpc/policy/bearer_credentials.h"
#include "rpc/policy/call_origin.h"
#include "rpc/policy/jwt_cache.h"
#include "rpc/policy/jwt_verifier.h"
#include "rpc/policy/token_check.h"

namespace ringrpc {
namespace {

constexpr std::chrono::seconds leeway_max{300};
constexpr std::size_t cached_tokens_min = 4;
constexpr std::size_t cached_tokens_max = 65'536;
constexpr std::size_t waiting_tokens_max = 65'536;
/// A shard that wakes on a shared core runs before the thread that verifies.
constexpr int verifier_niceness = 10;
/// The wall clock may be set while a token is cached, whose freshness is on the clock of the shard.
constexpr std::chrono::minutes fresh_for_max{5};

using Verdict = std::expected<VerifiedJwt, JwtRefusal>;

Instant fresh_until(const VerifiedJwt& token, Instant at, std::chrono::system_clock::time_point now) {
  return at + std::min<std::chrono::system_clock::duration>(token.expires - now, fresh_for_max);
}

Task<Status> give(Status status) { co_return status; }

void admit(Call& call, const std::vector<Metadata::Entry>& entries) {
  for (const Metadata::Entry& each : entries)
    detail::Internals::add_received(call.attributes(), each.name, each.value);
}

Status check_options(const JwtAuthOptions& options) {
  const auto wrong = [](const char* what) { return fail(Code::INVALID_ARGUMENT, what); };
  if (!options.keys) return wrong("JwtAuthOptions::keys is null: load them with JwtKeys::load");
  if (options.issuer.empty()) return wrong("JwtAuthOptions::issuer is empty: give the `iss` of tokens");
  if (options.audience.empty())
    return wrong("JwtAuthOptions::audience is empty: give the name of this server in `aud`");
  if (options.algorithms.empty())
    return wrong("JwtAuthOptions::algorithms is empty: no token would be valid");
  if (options.leeway < std::chrono::seconds(0) || options.leeway > leeway_max)
    return wrong("JwtAuthOptions::leeway is not from 0 to 300 s");
  if (options.waiting_tokens > waiting_tokens_max)
    return wrong("JwtAuthOptions::waiting_tokens is not from 0 to 65536");
  if (options.cached_tokens < cached_tokens_min || options.cached_tokens > cached_tokens_max)
    return wrong("JwtAuthOptions::cached_tokens is not from 4 to 65536");
  return {};
}

std::uint64_t next_owner() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

JwtRules rules_of(const JwtAuthOptions& options) {
  JwtRules rules{.issuer = options.issuer,
                 .audience = options.audience,
                 .algorithms = {},
                 .leeway = options.leeway,
                 .claims = options.claims};
  for (const JwtAlgorithm each : options.algorithms) rules.algorithms.add(each);
  return rules;
}

}  // namespace

struct JwtAuth::State {
  State(const JwtAuthOptions& given, std::unique_ptr<WorkerPool> pool)
      : options(given), rules(rules_of(given)), verifiers(std::move(pool)) {
    if (!options.now) options.now = [] { return std::chrono::system_clock::now(); };
  }

  /// The cache of this shard.
  JwtCache& cache() {
    Shard& shard = Shard::here();
    auto* cache = static_cast<JwtCache*>(shard.local(this));
    if (cache && cache->owner() == owner) [[likely]]
      return *cache;
    shard.drop(this);
    auto made = std::make_unique<JwtCache>(owner, options.cached_tokens);
    cache = made.get();
    shard.keep(this, std::move(made));
    return *cache;
  }

  /// The token if it has been verified and is still valid; else null.
  const VerifiedToken* known(JwtCache& cache, std::string_view token, Instant at);
  bool renew(VerifiedToken& token, Instant at, std::uint64_t version);
  Task<Status> verify_and_run(Call& call, std::string token, JwtCache& cache, Next next);
  Task<std::optional<JwtRefusal>> verify_shared(Call& call, std::string_view token, JwtCache& cache);
  Task<std::optional<JwtRefusal>> verify(Call& call, std::string_view token, JwtCache& cache);
  Status refuse(const Call& call, const JwtRefusal& refusal);

  JwtAuthOptions options;
  const JwtRules rules;
  const std::uint64_t owner = next_owner();
  std::atomic<std::uint64_t> verified = 0;  // counted when a token is not in a cache, so seldom
  std::array<std::atomic<std::uint64_t>, jwt_causes> refused{};
  std::unique_ptr<WorkerPool> verifiers;  // last: its jobs use the rules
};

Status JwtAuth::State::refuse(const Call& call, const JwtRefusal& refusal) {
  refused[static_cast<std::size_t>(refusal.cause)].fetch_add(1, std::memory_order_relaxed);
  if (log::enabled(log::Level::debug))
    log::debug("{}: refused to call {}: {}", log::Field("peer", call.peer()), call.method(), refusal.why);
  return {refusal.cause == JwtCause::busy ? Code::UNAVAILABLE : Code::UNAUTHENTICATED, refusal.why,
          Initiator::library};
}

/// Judges a token that is not fresh again, except for its signature.
bool JwtAuth::State::renew(VerifiedToken& token, Instant at, std::uint64_t version) {
  const auto now = options.now();
  const Verdict verdict =
      verify_jwt(token.token, *detail::Internals::keys(*options.keys), rules, now, &token.verified.key);
  if (!verdict) {
    token = {};
    return false;
  }
  token.fresh_until = fresh_until(*verdict, at, now);
  token.keys_version = version;
  return true;
}

const VerifiedToken* JwtAuth::State::known(JwtCache& cache, std::string_view token, Instant at) {
  VerifiedToken* const found = cache.find(token);
  if (!found) return nullptr;
  // The version comes before the keys: if they change now, the token is judged once more, not trusted longer.
  const std::uint64_t version = detail::Internals::version(*options.keys);
  if (found->fresh(at, version)) [[likely]]
    return found;
  return renew(*found, at, version) ? found : nullptr;
}

/// The verification waits among those of other callers. A caller whose last token was valid is preferred.
Task<std::optional<JwtRefusal>> JwtAuth::State::verify(Call& call, std::string_view token, JwtCache& cache) {
  const std::uint64_t version = detail::Internals::version(*options.keys);  // before the keys, as above
  const auto now = options.now();
  const Instant asked_at = call.now();
  WorkOrigin origin = origin_of(call);
  origin.trusted = cache.standing().holds(origin);
  Result<Verdict> verdict = co_await detail::Internals::run_for(
      *verifiers, origin,
      [owned = std::string(token), keys = detail::Internals::keys(*options.keys), these = &rules,
       now]() -> Result<Verdict> { return verify_jwt(owned, *keys, *these, now); });
  if (!verdict) {
    if (verdict.error().code() != Code::RESOURCE_EXHAUSTED)
      co_return JwtRefusal{JwtCause::busy, "the token cannot be verified: " + verdict.error().to_string()};
    co_return JwtRefusal{JwtCause::busy, "this server has too many tokens to verify; try again"};
  }
  if (!*verdict) {
    if (verdict->error().cause == JwtCause::signature) cache.standing().lose(origin);
    co_return std::move(*verdict).error();
  }
  verified.fetch_add(1, std::memory_order_relaxed);
  cache.standing().gain(origin);
  cache.keep({.token = std::string(token),
              .fresh_until = fresh_until(**verdict, asked_at, now),
              .keys_version = version,
              .verified = std::move(**verdict)});
  co_return std::nullopt;
}

/// The first call with a token has it verified, and others wait for the result. If its caller has no place left, the next
/// of them may have one.
Task<std::optional<JwtRefusal>> JwtAuth::State::verify_shared(Call& call, std::string_view token,
                                                              JwtCache& cache) {
  TokenTurn turn(cache.checks(), token);
  co_await turn;
  if (turn.settled()) co_return turn.refusal();
  std::optional<JwtRefusal> refusal = co_await verify(call, token, cache);
  if (!refusal || refusal->cause != JwtCause::busy) turn.settle(refusal);
  co_return refusal;
}

/// The token outlives the call's stream, which may end meanwhile.
Task<Status> JwtAuth::State::verify_and_run(Call& call, std::string token, JwtCache& cache, Next next) {
  for (;;) {
    if (std::optional<JwtRefusal> refusal = co_await verify_shared(call, token, cache))
      co_return refuse(call, *refusal);
    // It is not there if other tokens have replaced it, or if it has expired or the keys have changed meanwhile.
    if (const VerifiedToken* const found = known(cache, token, call.now())) {
      admit(call, found->verified.attributes);
      break;
    }
  }
  co_return co_await next();
}

JwtAuth::JwtAuth(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
JwtAuth::~JwtAuth() = default;

Result<std::unique_ptr<JwtAuth>> JwtAuth::start(const JwtAuthOptions& options) {
  if (Status status = check_options(options); !status.ok()) return std::unexpected(std::move(status));
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::start(
      {.threads = 1, .queue_limit = options.waiting_tokens, .nice = verifier_niceness, .name = "jwt"});
  if (!pool) return std::unexpected(std::move(pool).error());
  return std::unique_ptr<JwtAuth>(new JwtAuth(std::make_unique<State>(options, std::move(*pool))));
}

std::optional<std::string_view> JwtAuth::claim(Call& call, std::string_view name) {
  return call.attributes().find(claim_attribute(name));
}

Task<Status> JwtAuth::intercept(Call& call, Next next) {
  if (names_method_of(state_->options.open_services, call.method())) return next();
  const auto [credentials, repeated] = call.find_metadata("authorization");
  if (!credentials || repeated)
    return give(state_->refuse(
        call, {JwtCause::missing, repeated ? "more than one authorization: send one"
                                           : "no authorization: send \"authorization: Bearer <token>\""}));
  const std::optional<std::string_view> token = bearer_token(*credentials);
  if (!token)
    return give(
        state_->refuse(call, {JwtCause::missing, "the authorization is not of the form \"Bearer <token>\""}));
  JwtCache& cache = state_->cache();
  const VerifiedToken* const found = state_->known(cache, *token, call.now());
  if (!found) return state_->verify_and_run(call, std::string(*token), cache, next);
  admit(call, found->verified.attributes);
  return next();
}

void JwtAuth::write_metrics(MetricsWriter& writer) {
  MetricsText& page = detail::Internals::page(writer);
  page.begin({.name = "ringrpc_jwt_verified",
              .help = "Tokens that were verified; not those found in a cache.",
              .type = MetricType::counter});
  page.number("", static_cast<double>(state_->verified.load(std::memory_order_relaxed)));
  page.begin({.name = "ringrpc_jwt_refused",
              .help = "Calls that were refused for their token, by cause.",
              .type = MetricType::counter});
  for (std::size_t i = 0; i < jwt_causes; ++i)
    page.number(label("cause", name(static_cast<JwtCause>(i))),
                static_cast<double>(state_->refused[i].load(std::memory_order_relaxed)));
}

}  // namespace ringrpc
