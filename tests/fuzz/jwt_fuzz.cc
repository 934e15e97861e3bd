// Tokens and key sets of any text: refused with a reason, or accepted within the bounds. Half of the tokens
// have a signature that is valid, so that their claims are read.
#include <memory>
#include <string>

#include "fuzz/target.h"
#include "rpc/policy/jwt_issuer.h"
#include "rpc/policy/jwt_key_set.h"
#include "rpc/policy/jwt_verifier.h"

namespace ringrpc::fuzz {
namespace {

struct Bench {
  Bench() {
    for (const JwtAlgorithm each :
         {JwtAlgorithm::rs256, JwtAlgorithm::ps256, JwtAlgorithm::es256, JwtAlgorithm::eddsa})
      rules.algorithms.add(each);
  }
  test::JwtIssuer issuer;
  JwtKeySet keys = JwtKeySet::parse(issuer.key_set()).value();
  JwtRules rules{
      .issuer = "i", .audience = "a", .algorithms = {}, .leeway = std::chrono::seconds(30), .claims = {"c"}};
};

void check_token(const Bench& bench, const std::string& token, const JwtKeySet& keys) {
  const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1000));
  const auto found = verify_jwt(token, keys, bench.rules, now);
  if (!found) {
    CHECK_FALSE(found.error().why.empty());
    CHECK(found.error().why.size() < 512);
    return;
  }
  CHECK(token.size() <= jwt_bytes_max);
  CHECK(found->expires > now);
  CHECK(found->attributes.size() <= 2);
  plant(found->attributes.size() == 2);
}

}  // namespace

void run(Input input) {
  static const Bench bench;
  switch (input.number(4)) {
    case 0: {
      const auto keys = JwtKeySet::parse(input.rest());
      if (!keys) {
        CHECK_FALSE(keys.error().message().empty());
        return;
      }
      CHECK((keys->size() > 0 && keys->size() <= JwtKeySet::keys_max));
      for (const JwtKey* key : keys->candidates(nullptr, JwtAlgorithm::es256))
        CHECK_FALSE(key->key.verify(JwtAlgorithm::es256, "text", std::string(64, '\1')));
      return;
    }
    case 1:
      return check_token(bench, std::string(input.rest()), bench.keys);
    case 2:
      return check_token(bench, bench.issuer.token(input.rest()), bench.keys);
    default:
      return check_token(bench, bench.issuer.token(R"({"iss":"i","aud":"a","exp":2000})", input.rest()),
                         bench.keys);
  }
}

}  // namespace ringrpc::fuzz
