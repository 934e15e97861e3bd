// The verdict about single tokens, on a clock of the test's own. tests/interop/jwt_test.py has the tokens of other
// programs, and all algorithms.
#include "rpc/policy/jwt_verifier.h"

#include <doctest/doctest.h>
#include <string>

#include "rpc/policy/jwt_issuer.h"
#include "rpc/wire/base64url.h"
#include "rpc/wire/strict_json.h"

namespace ringrpc {
namespace {

using test::JwtIssuer;

struct Judge {
  JwtIssuer issuer;
  JwtKeySet keys = JwtKeySet::parse(issuer.key_set()).value();
  JwtRules rules{
      .issuer = "i", .audience = "a", .algorithms = {}, .leeway = std::chrono::seconds(30), .claims = {}};

  Judge() { rules.algorithms.add(JwtAlgorithm::eddsa); }

  auto verdict(const std::string& token, double now_s = 1000) const {
    const auto now =
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::duration<double>(now_s));
    return verify_jwt(token, keys, rules, std::chrono::system_clock::time_point(now));
  }
  /// "OK", or the refusal, of a token with these claims beside `iss` and `aud`.
  std::string of(const std::string& claims, double now_s = 1000) const {
    const auto found = verdict(issuer.token(R"({"iss":"i","aud":"a",)" + claims + "}"), now_s);
    return found ? "OK" : found.error().why;
  }
};

TEST_CASE("a token ends exactly at exp and the leeway") {
  const Judge judge;
  CHECK(judge.of(R"("exp":1000)", 1029.999) == "OK");
  CHECK(judge.of(R"("exp":1000)", 1030) == "the token expired at 1970-01-01T00:16:40.000Z");
  CHECK(judge.of(R"("exp":1000.5)", 1030.25) == "OK");
  CHECK(judge.of(R"("exp":1000.5)", 1030.5).starts_with("the token expired"));
  CHECK(judge.of(R"("exp":253402300799)", 9e9) == "OK");
  CHECK(judge.of(R"("exp":253402300800)").ends_with("exp is not a number of seconds since 1970"));
}

TEST_CASE("a token with a claim twice is refused, and the reason says so") {
  const Judge judge;
  CHECK(judge.of(R"("exp":2000,"exp":3000)") ==
        "the token is malformed: its claims are not a JSON object, or one is there twice");
  const auto found = judge.verdict(judge.issuer.token(R"({"iss":"i","aud":"a","exp":2000})",
                                                      R"({"alg":"EdDSA","typ":"JWT","typ":"JWT"})"));
  REQUIRE_FALSE(found);
  CHECK(found.error().why ==
        "the token is malformed: its header is not a JSON object, or has a member twice");
}

TEST_CASE("a token is for access: nothing critical, nothing nested, and of no foreign type") {
  const Judge judge;
  const auto verdict = [&](const std::string& members) {
    return judge.verdict(judge.issuer.token(R"({"iss":"i","aud":"a","exp":2000})",
                                            R"({"alg":"EdDSA","kid":"ed",)" + members + "}"));
  };
  for (const char* good :
       {R"("typ":"JWT")", R"("typ":"at+jwt")", R"("typ":"application/at+jwt")", R"("x":1)"})
    CHECK(verdict(good));
  for (const char* bad : {R"("crit":["exp"])", R"("crit":[])", R"("cty":"JWT")", R"("cty":"text/plain")",
                          R"("typ":"dpop+jwt")", R"("typ":"")", R"("typ":7)"}) {
    CAPTURE(std::string(bad));
    const auto found = verdict(bad);
    REQUIRE_FALSE(found);
    CHECK(found.error().cause == JwtCause::malformed);
  }
}

TEST_CASE("a token begins exactly at nbf and iat less the leeway") {
  const Judge judge;
  CHECK(judge.of(R"("exp":2000,"nbf":1030)", 1000) == "OK");
  CHECK(judge.of(R"("exp":2000,"nbf":1030)", 999.5) ==
        "the token is not valid before 1970-01-01T00:17:10.000Z (nbf)");
  CHECK(judge.of(R"("exp":2000,"iat":1030)", 1000) == "OK");
  CHECK(judge.of(R"("exp":2000,"iat":1030)", 999.5) ==
        "the token was issued at 1970-01-01T00:17:10.000Z (iat), which is to come: compare the clocks");
}

TEST_CASE("a valid token gives its subject and the listed claims") {
  Judge judge;
  judge.rules.claims = {"email", "roles", "age", "absent"};
  const auto found = judge.verdict(judge.issuer.token(
      R"({"iss":"i","aud":["x","a"],"exp":2000,"sub":"alice","email":"a@x","roles":["r",1.5,null,true],"age":7})"));
  REQUIRE(found);
  CHECK(found->expires.time_since_epoch() == std::chrono::seconds(2030));
  std::string text;
  for (const Metadata::Entry& each : found->attributes) text += each.name + "=" + each.value + ";";
  CHECK(text == R"(principal=alice;claim:email=a@x;claim:roles=["r",1.5,null,true];claim:age=7;)");
}

TEST_CASE("an algorithm that is not allowed is refused before any key is tried") {
  Judge judge;
  judge.rules.algorithms = {};
  judge.rules.algorithms.add(JwtAlgorithm::es256);
  const auto found = judge.verdict(judge.issuer.token(R"({"iss":"i","aud":"a","exp":2000})"));
  REQUIRE_FALSE(found);
  CHECK(found.error().cause == JwtCause::algorithm);
  CHECK(found.error().why == "the token's algorithm EdDSA is not allowed here");
}

TEST_CASE("a token without a key id is refused if more than four keys could have signed it") {
  Judge judge;
  std::string set = R"({"keys":[)";
  const std::string key = judge.issuer.key_set();
  const std::string x = key.substr(key.find("\"x\""), key.rfind('}') - 2 - key.find("\"x\""));
  for (int i = 0; i < 5; ++i)
    set += (i == 0 ? "" : ",") +
           (R"({"kty":"OKP","crv":"Ed25519","kid":")" + std::to_string(i) + "\"," + x + "}");
  judge.keys = JwtKeySet::parse(set + "]}").value();
  const std::string claims = R"({"iss":"i","aud":"a","exp":2000})";
  CHECK(judge.verdict(judge.issuer.token(claims, R"({"alg":"EdDSA","kid":"4"})")));
  const auto found = judge.verdict(judge.issuer.token(claims, R"({"alg":"EdDSA"})"));
  REQUIRE_FALSE(found);
  CHECK(found.error().why == "the token has no key id (kid), and too many keys allow its algorithm");
}

TEST_CASE("a token is cut, and each of its bits changed: none of these is valid") {
  const Judge judge;
  const std::string token = judge.issuer.token(R"({"iss":"i","aud":"a","exp":2000})");
  REQUIRE(judge.verdict(token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    CHECK_FALSE(judge.verdict(token.substr(0, i)));
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = token;
      changed[i] = static_cast<char>(changed[i] ^ (1u << bit));
      CHECK_FALSE(judge.verdict(changed));
    }
  }
}

TEST_CASE("strict JSON has bounds: 16 levels, 256 members") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(StrictJson::parse(nested(16)));
  CHECK_FALSE(StrictJson::parse(nested(17)));
  CHECK_FALSE(StrictJson::parse(nested(100'000)));
  const auto members = [](int count) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
    return text + "}";
  };
  CHECK(StrictJson::parse(members(256)));
  CHECK_FALSE(StrictJson::parse(members(257)));
  CHECK_FALSE(StrictJson::parse("\xef\xbb\xbf{}"));
  CHECK(StrictJson::parse(R"({"a":[1,-2.5,"x\u00e9",true,null,{}]})")->to_json() ==
        "{\"a\":[1,-2.5,\"x\xc3\xa9\",true,null,{}]}");
}

TEST_CASE("base64url has one text for each sequence of bytes") {
  CHECK(base64url_decode("") == "");
  CHECK(base64url_decode("-_8") == "\xfb\xff");
  for (const char* text : {"A", "AA=", "AA==", "AB", "AAB", "+A", "/A", "A A", "AAAAA", "\xff\xff"})
    CHECK_FALSE(base64url_decode(text));
}

TEST_CASE(
    "a token that was verified before is judged without its signature, as long as its key would be tried") {
  Judge judge;
  const auto refusal = [&](const std::string& token, double now_s, const TokenKey::Fingerprint& key) {
    const auto now =
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::duration<double>(now_s));
    const auto found =
        verify_jwt(token, judge.keys, judge.rules, std::chrono::system_clock::time_point(now), &key);
    return found ? "OK" : found.error().why;
  };
  const std::string token = judge.issuer.token(R"({"iss":"i","aud":"a","exp":1000})");
  const TokenKey::Fingerprint key = judge.verdict(token).value().key;
  CHECK(refusal(token.substr(0, token.size() - 4) + "AAAA", 1000, key) == "OK");
  CHECK(refusal(token, 1030, key).starts_with("the token expired"));
  const JwtIssuer impostor("ed");
  const JwtIssuer other("other");
  judge.keys = JwtKeySet::parse(test::key_set_of({&other, &judge.issuer})).value();
  CHECK(refusal(token, 1000, key) == "OK");
  judge.keys = JwtKeySet::parse(test::key_set_of({&impostor, &other})).value();
  CHECK(refusal(token, 1000, key) == "the token's signature is not valid");
  judge.keys = JwtKeySet::parse(other.key_set()).value();
  CHECK(refusal(token, 1000, key).starts_with("no key has the token's key id"));
}

}  // namespace
}  // namespace ringrpc
