"""Issues tokens, good and bad, with PyJWT and jwcrypto: issuer.py FOLDER

Writes into FOLDER the key set jwks.json, the key rsa.pem, and cases.json: a list of cases, each with its name, its token, and
the beginning of the refusal that it deserves, or "" for a token that must be accepted. PyJWT accepts each of the latter.
callers.json has good tokens of many callers, by their algorithm.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
import time

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto import jwe, jwk, jws

ISSUER = "https://login.example.org"
AUDIENCE = "routes"
LEEWAY_SECONDS = 300
CALLERS = 60
SPKI = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

MALFORMED = "malformed"
ALGORITHM = "the token's algorithm"
NO_KEY = "no key "
SIGNATURE = "the token's signature"
WRONG_ISSUER = "the token's issuer"
WRONG_AUDIENCE = "the token is for another audience"
EXPIRED = "expired"
EARLY = "(nbf)"
ISSUED_LATER = "(iat)"

RSA_KEYS = {name: rsa.generate_private_key(65537, bits) for name, bits in (("rsa", 2048), ("rsa-3072", 3072))}
STRANGERS = {"RS": rsa.generate_private_key(65537, 2048), "P-256": ec.generate_private_key(ec.SECP256R1()),
             "P-384": ec.generate_private_key(ec.SECP384R1()), "Ed": ed25519.Ed25519PrivateKey.generate()}  # fmt: skip
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
ONLY_PS = rsa.generate_private_key(65537, 2048)
OWN = {"rsa": RSA_KEYS["rsa"], "rsa-3072": RSA_KEYS["rsa-3072"], "p256": P256, "p384": P384, "ed": ED, "only-ps": ONLY_PS}
ALGORITHMS = {"rsa": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
              "rsa-3072": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
              "p256": ("ES256",), "p384": ("ES384",), "ed": ("EdDSA",), "only-ps": ("PS256",)}  # fmt: skip
DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}

cases = []
now = int(time.time())


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def claims(**more):
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": now + 36000, **more}
    return {name: value for name, value in made.items() if value is not ...}


def raw(signature, size):
    r, s = decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def sign(alg, key, text):
    text = text.encode()
    if alg == "EdDSA":
        return key.sign(text)
    digest = DIGESTS[alg[2:]]
    if alg.startswith("RS"):
        return key.sign(text, padding.PKCS1v15(), digest)
    if alg.startswith("PS"):
        return key.sign(text, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return raw(key.sign(text, ec.ECDSA(digest)), key.curve.key_size // 8)


def by_hand(header, payload, signer):
    """A token from the texts of its parts, which no library would let pass."""
    header = header if isinstance(header, str) else json.dumps(header)
    payload = payload if isinstance(payload, str) else json.dumps(payload)
    text = f"{b64(header)}.{b64(payload)}"
    signature = signer(text) if callable(signer) else signer
    return f"{text}.{b64(signature)}"


def rs256(text):
    return sign("RS256", OWN["rsa"], text)


def case(name, token, refusal):
    cases.append({"name": name, "token": token, "refusal": refusal})


def accept(name, token):
    case(name, token, "")


def good():
    for kid, algorithms in ALGORITHMS.items():
        for alg in algorithms:
            accept(f"{alg} with key {kid}", jwt.encode(claims(), OWN[kid], alg, headers={"kid": kid}))
            accept(f"{alg} with key {kid}, no typ",
                   by_hand({"alg": alg, "kid": kid}, claims(), lambda text: sign(alg, OWN[kid], text)))  # fmt: skip
            made = jws.JWS(json.dumps(claims()))
            # jwcrypto leaves `kid` to the header.
            made.add_signature(jwk.JWK.from_pyca(OWN[kid]), alg, json.dumps({"alg": alg, "kid": kid, "typ": "at+jwt"}))
            accept(f"{alg} with key {kid} of jwcrypto", made.serialize(compact=True))
    for alg, kid in (("ES256", "p256"), ("ES384", "p384"), ("EdDSA", "ed"), ("RS256", "rsa"), ("RS512", "rsa-3072")):
        accept(f"{alg} without kid", jwt.encode(claims(), OWN[kid], alg))
    for typ in ("JWT", "jwt", "at+jwt", "application/at+jwt", "application/JWT"):
        accept(f"typ {typ}", by_hand({"alg": "RS256", "kid": "rsa", "typ": typ}, claims(), rs256))
    for name, more in {
        "audiences": {"aud": [AUDIENCE]}, "audience among others": {"aud": ["x", AUDIENCE, "y"]},
        "no subject": {"sub": ...}, "fraction of a second": {"exp": now + 36000.5}, "exponent": {"exp": 9.9e9},
        "expired within the leeway": {"exp": now - 60}, "nbf within the leeway": {"nbf": now + 120},
        "iat within the leeway": {"iat": now + 120}, "all dates": {"iat": now, "nbf": now}, "far future": {"exp": 99999999999},
        "iat 0": {"iat": 0, "nbf": 0}, "subject in Greek": {"sub": "αλίκη"}, "nested claims": {"groups": {"a": [1, 2, {"b": None}]}},
        "unknown claims": {"jku": "http://x", "alg": "none"}, "empty subject": {"sub": ""}, "long claims": {"x": "y" * 3000},
    }.items():  # fmt: skip
        accept(name, by_hand({"alg": "RS256", "kid": "rsa"}, claims(**more), rs256))
    stranger = jwk.JWK.from_pyca(STRANGERS["RS"].public_key()).export(as_dict=True)
    for name, more in {"jwk": {"jwk": stranger}, "jku": {"jku": "https://evil.example/jwks.json"},
                       "x5u": {"x5u": "https://evil.example/cert.pem"}, "x5c": {"x5c": ["AAAA"]},
                       "x5t": {"x5t": "AAAA"}, "b64 without crit": {"b64": True}}.items():  # fmt: skip
        accept(f"header {name} has no effect", by_hand({"alg": "RS256", "kid": "rsa", **more}, claims(), rs256))
    accept("spaces in JSON", by_hand(' {"alg" : "RS256" ,\n"kid":"rsa"} ', json.dumps(claims(), indent=4), rs256))
    accept("escapes in JSON", by_hand('{"\\u0061lg": "RS256", "kid": "\\u0072sa"}', claims(), rs256))


def bad_algorithms():
    pem = OWN["rsa"].public_key().public_bytes(*SPKI)
    der = OWN["rsa"].public_key().public_bytes(serialization.Encoding.DER, SPKI[1])
    modulus = OWN["rsa"].public_key().public_numbers().n.to_bytes(256, "big")
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        for what, secret in (("PEM", pem), ("PEM without its line end", pem.strip()), ("DER", der), ("modulus", modulus), ("nothing", b"")):
            token = by_hand({"alg": alg, "kid": "rsa"}, claims(), lambda text: hmac.digest(secret, text.encode(), digest))
            case(f"{alg} with the public key as secret: {what}", token, ALGORITHM)
    for none in ("none", "None", "NONE", "nOnE", "none ", " none", "none\u0000", "\tnone", ""):
        for signature in (b"", b"x" * 256):
            case(f"alg {none!r}, {len(signature)} bytes", by_hand({"alg": none, "kid": "rsa"}, claims(), signature), ALGORITHM)
    case("none without a last point", by_hand({"alg": "none"}, claims(), b"").rstrip("."), MALFORMED)
    for alg in ("rs256", "Rs256", "RS256 ", "RS1", "ES512", "ES256K", "Ed25519", "PS", "RSA-OAEP", "dir", "A256GCM"):
        case(f"alg {alg!r}", by_hand({"alg": alg, "kid": "rsa"}, claims(), rs256), ALGORITHM)
    for alg in (None, 1, True, ["RS256"], {"RS256": 1}):
        case(f"alg {alg!r}", by_hand({"alg": alg, "kid": "rsa"}, claims(), rs256), MALFORMED)
    case("no alg", by_hand({"kid": "rsa"}, claims(), rs256), MALFORMED)
    for claimed, used in (("RS256", "PS256"), ("PS256", "RS256"), ("RS512", "PS512"), ("PS384", "RS384"), ("RS256", "RS512"),
                          ("RS512", "RS256"), ("PS256", "PS512")):  # fmt: skip
        case(f"{claimed} made as {used}",
             by_hand({"alg": claimed, "kid": "rsa"}, claims(), lambda text: sign(used, OWN["rsa"], text)), SIGNATURE)  # fmt: skip
    for alg, kid in (("ES256", "ed"), ("ES256", "rsa"), ("ES256", "p384"), ("ES384", "p256"), ("EdDSA", "p256"), ("RS256", "p256"),
                     ("RS256", "ed"), ("EdDSA", "rsa"), ("RS256", "only-ps"), ("PS512", "only-ps")):  # fmt: skip
        key = OWN[kid]
        own = ALGORITHMS[kid][0]
        case(f"{alg} for the key {kid}", by_hand({"alg": alg, "kid": kid}, claims(), lambda text: sign(own, key, text)), NO_KEY)
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    case("PS256 with a salt of 20 bytes",
         by_hand({"alg": "PS256", "kid": "rsa"}, claims(), lambda text: OWN["rsa"].sign(text.encode(), salted, hashes.SHA256())),
         SIGNATURE)  # fmt: skip


def bad_keys():
    for kid in ("other", "", "RSA", "rsa ", "../../dev/null", "/dev/null", "/proc/self/environ", "rsa' OR '1'='1", "x' UNION SELECT 'k",
                "file:///etc/passwd", "http://127.0.0.1/key", "rsa\u0000", "\u0000", "%00", "$(id)", "a" * 2000, "κλειδί", "rsa\n"):  # fmt: skip
        case(f"kid {kid[:30]!r}", by_hand({"alg": "RS256", "kid": kid}, claims(), rs256), NO_KEY)
    for kid in (None, 1, ["rsa"], {"rsa": 1}, True):
        case(f"kid {kid!r}", by_hand({"alg": "RS256", "kid": kid}, claims(), rs256), MALFORMED)
    case("the kid of another key", by_hand({"alg": "RS256", "kid": "rsa-3072"}, claims(), rs256), SIGNATURE)
    for alg, name, kid in (("RS256", "RS", "rsa"), ("PS256", "RS", "rsa"), ("ES256", "P-256", "p256"), ("ES384", "P-384", "p384"), ("EdDSA", "Ed", "ed")):
        stranger = STRANGERS[name]
        signer = lambda text: sign(alg, stranger, text)  # noqa: E731
        embedded = jwk.JWK.from_pyca(stranger.public_key()).export(as_dict=True)
        case(f"{alg} of a stranger", by_hand({"alg": alg, "kid": kid}, claims(), signer), SIGNATURE)
        case(f"{alg} of a stranger without kid", by_hand({"alg": alg}, claims(), signer), SIGNATURE)
        case(f"{alg} of a stranger who brings the key",
             by_hand({"alg": alg, "kid": kid, "jwk": embedded, "jku": "https://evil.example/"}, claims(), signer), SIGNATURE)  # fmt: skip
        case(f"{alg} of a stranger whose key is its kid", by_hand({"alg": alg, "kid": json.dumps(embedded)}, claims(), signer), NO_KEY)


def bad_signatures():
    for alg, kid in (("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "p256"), ("ES384", "p384"), ("EdDSA", "ed")):
        token = by_hand({"alg": alg, "kid": kid}, claims(), lambda text: sign(alg, OWN[kid], text))
        text, _, signature = token.rpartition(".")
        made = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        for what, changed in {"empty": b"", "one byte short": made[:-1], "one byte long": made + b"\0", "a zero before": b"\0" + made,
                              "a bit": bytes([made[0] ^ 1]) + made[1:], "the last bit": made[:-1] + bytes([made[-1] ^ 1]),
                              "zeros": bytes(len(made)), "ones": b"\xff" * len(made), "twice": made + made}.items():  # fmt: skip
            case(f"{alg}, signature: {what}", f"{text}.{b64(changed)}", SIGNATURE)
        other = by_hand({"alg": alg, "kid": kid}, claims(sub="mallory"), b"")
        case(f"{alg}, claims of another token", other + signature, SIGNATURE)
    for alg, key, size in (("ES256", P256, 32), ("ES384", P384, 48)):
        kid = "p256" if size == 32 else "p384"
        digest = DIGESTS[alg[2:]]
        case(f"{alg} in DER", by_hand({"alg": alg, "kid": kid}, claims(), lambda text: key.sign(text.encode(), ec.ECDSA(digest))), SIGNATURE)
        numbers = {"r zero": (0, 1), "s zero": (1, 0), "both one": (1, 1)}
        order = {32: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
                 48: int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)}[size]  # fmt: skip
        numbers["the order"] = (order, order)
        for what, (r, s) in numbers.items():
            case(f"{alg}, {what}", by_hand({"alg": alg, "kid": kid}, claims(), r.to_bytes(size, "big") + s.to_bytes(size, "big")), SIGNATURE)


def bad_headers():
    for name, more in {"crit": {"crit": ["exp"]}, "empty crit": {"crit": []}, "crit b64": {"crit": ["b64"], "b64": False},
                       "cty": {"cty": "JWT"}, "cty jwt": {"cty": "jwt"}, "typ of a logout token": {"typ": "logout+jwt"},
                       "typ 1": {"typ": 1}, "typ dpop": {"typ": "dpop+jwt"}, "typ null": {"typ": None}}.items():  # fmt: skip
        case(name, by_hand({"alg": "RS256", "kid": "rsa", **more}, claims(), rs256), MALFORMED)
    inner = by_hand({"alg": "RS256", "kid": "rsa"}, claims(), rs256)
    case("nested without cty", by_hand({"alg": "RS256", "kid": "rsa"}, inner, rs256), MALFORMED)
    encrypted = jwe.JWE(json.dumps(claims()), json.dumps({"alg": "RSA-OAEP-256", "enc": "A256GCM"}))
    encrypted.add_recipient(jwk.JWK.from_pyca(OWN["rsa"].public_key()))
    case("encrypted", encrypted.serialize(compact=True), MALFORMED)
    for name, header in {"duplicate alg": '{"alg":"none","alg":"RS256","kid":"rsa"}', "duplicate alg, other order": '{"alg":"RS256","alg":"none"}',
                         "duplicate kid": '{"alg":"RS256","kid":"x","kid":"rsa"}', "an escaped duplicate": '{"alg":"RS256","\\u0061lg":"none"}',
                         "array": '["RS256"]', "text": '"RS256"', "empty": "", "null": "null", "single quotes": "{'alg':'RS256'}",
                         "a comma too many": '{"alg":"RS256",}', "a comment": '{"alg":"RS256"/**/}', "two objects": '{"alg":"RS256"}{}',
                         "deep": '{"alg":"RS256","x":' + "[" * 400 + "]" * 400 + "}", "bare name": '{alg:"RS256"}',
                         "unfinished": '{"alg":"RS256"', "many members": "{" + ",".join(f'"{i}":0' for i in range(400)) + ',"alg":"RS256"}'}.items():  # fmt: skip
        case(f"header: {name}", by_hand(header, claims(), rs256), MALFORMED)
    text = f"{b64(json.dumps({'alg': 'RS256', 'kid': 'rsa'}).encode() + bytes([0xFF]))}.{b64(json.dumps(claims()))}"
    case("header: not UTF-8", f"{text}.{b64(rs256(text))}", MALFORMED)


def bad_forms():
    token = by_hand({"alg": "RS256", "kid": "rsa"}, claims(x=1), rs256)
    header, payload, signature = token.split(".")
    padded = b64('{"alg":"RS256","kid":"rsa" }')  # 27 bytes: no padding; the next has some
    for name, text in {"one part": header, "two parts": f"{header}.{payload}", "four parts": token + ".x", "no parts": "..", "a point": ".",
                       "a point before": "." + token, "a point behind": token + ".", "no header": f".{payload}.{signature}",
                       "padding": f"{header}.{payload}.{signature}==", "padding in the header": f"{padded}=.{payload}.{signature}",
                       "plus": f"{header}.{payload}.+{signature[1:]}", "slash": f"{header}.{payload}.{signature[:-1]}/",
                       "a space inside": f"{header}.{payload}. {signature}", "a lone digit": f"{header}.{payload}.{signature}AAA",
                       "JSON": json.dumps({"protected": header, "payload": payload, "signature": signature}), "x": "x",
                       "a percent sign": token.replace(".", "%2E")}.items():  # fmt: skip
        case(f"form: {name}", text, MALFORMED)
    # 256 bytes end in a digit of which two bits count: the others must be zeros.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for add in (1, 7, 15):
        last = alphabet[alphabet.index(signature[-1]) + add]
        case(f"form: other trailing bits, {add}", f"{header}.{payload}.{signature[:-1]}{last}", MALFORMED)
    case("huge", by_hand({"alg": "RS256", "kid": "rsa"}, claims(x="y" * 8000), rs256), MALFORMED)
    case("a huge signature", f"{header}.{payload}.{'A' * 8200}", MALFORMED)


def bad_claims():
    def bad(name, refusal, **more):
        case(name, by_hand({"alg": "RS256", "kid": "rsa"}, claims(**more), rs256), refusal)

    for issuer in ("", ISSUER + "/", ISSUER.upper(), "https://login.example.org.evil.example", " " + ISSUER):
        bad(f"iss {issuer!r}", WRONG_ISSUER, iss=issuer)
    for issuer in (..., None, 1, [ISSUER], {"x": ISSUER}):
        bad(f"iss {issuer!r}", MALFORMED, iss=issuer)
    for audience in ("", "Routes", "routes ", "route", [], ["x"], ["routes/"], "x,routes", "*"):
        bad(f"aud {audience!r}", WRONG_AUDIENCE, aud=audience)
    for audience in (..., None, 1, True, {"routes": 1}, ["routes", 1], [["routes"]], [None, "routes"]):
        bad(f"aud {audience!r}", MALFORMED, aud=audience)
    for name, date in {"by a second": now - LEEWAY_SECONDS - 1, "by a fraction": now - LEEWAY_SECONDS - 0.5, "long ago": 1, "in 1970": 0}.items():
        bad(f"expired {name}", EXPIRED, exp=date)
    for date in (..., None, str(now + 36000), "soon", True, [now + 36000], {}, -1, -1.5, 1e308, 1e18, "NaN", "Infinity"):
        bad(f"exp {date!r}", MALFORMED, exp=date)
    for claim in ("nbf", "iat"):
        for date in (None, str(now), True, [now], {}, -1, 1e308):
            bad(f"{claim} {date!r}", MALFORMED, **{claim: date})
    bad("nbf in a day", EARLY, nbf=now + 86400)
    bad("nbf in a day, with a fraction", EARLY, nbf=now + 86400.25)
    bad("iat in a day", ISSUED_LATER, iat=now + 86400)
    for subject in (None, 1, ["alice"], {"alice": 1}):
        bad(f"sub {subject!r}", MALFORMED, sub=subject)
    for name, payload in {
        "NaN": json.dumps(claims(exp=...))[:-1] + ', "exp": NaN}', "Infinity": json.dumps(claims(exp=...))[:-1] + ', "exp": Infinity}',
        "1e999": json.dumps(claims(exp=...))[:-1] + ', "exp": 1e999}', "a leading zero": json.dumps(claims(exp=...))[:-1] + ', "exp": 09999999999}',
        "a plus sign": json.dumps(claims(exp=...))[:-1] + ', "exp": +9999999999}', "hexadecimal": json.dumps(claims(exp=...))[:-1] + ', "exp": 0xFFFFFFFF}',
        "duplicate exp": json.dumps(claims())[:-1] + ', "exp": 1}', "duplicate sub": '{"sub": "root", ' + json.dumps(claims())[1:],
        "duplicate aud": '{"aud": "x", ' + json.dumps(claims())[1:], "duplicate below": json.dumps(claims())[:-1] + ', "x": {"a": 1, "a": 2}}',
        "array": json.dumps([claims()]), "text": json.dumps("x"), "empty": "", "no JSON": "exp=1", "two objects": json.dumps(claims()) * 2,
        "trailing bytes": json.dumps(claims()) + "x", "deep": json.dumps(claims())[:-1] + ', "x": ' + "[" * 1000 + "]" * 1000 + "}",
        "a lone surrogate": json.dumps(claims())[:-1] + ', "x": "\\ud800"}', "a control character": json.dumps(claims())[:-1] + ', "x": "\n"}',
    }.items():  # fmt: skip
        case(f"claims: {name}", by_hand({"alg": "RS256", "kid": "rsa"}, payload, rs256), MALFORMED)
    case("no claims", by_hand({"alg": "RS256", "kid": "rsa"}, {}, rs256), MALFORMED)


def check_good_tokens():
    """Tokens that ringrpc must accept are accepted by PyJWT too."""
    for each in cases:
        if each["refusal"]:
            continue
        header = jwt.get_unverified_header(each["token"])
        kid = header.get("kid") or next(kid for kid, key in OWN.items() if _verifies(key, each["token"], header["alg"]))
        jwt.decode(each["token"], OWN[kid].public_key(), [header["alg"]], audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY_SECONDS)


def _verifies(key, token, alg):
    try:
        jwt.decode(token, key.public_key(), [alg], audience=AUDIENCE)
        return True
    except Exception:  # noqa: BLE001: of another type, among others
        return False


def main():
    folder = pathlib.Path(sys.argv[1])
    for make in (good, bad_algorithms, bad_keys, bad_signatures, bad_headers, bad_forms, bad_claims):
        make()
    check_good_tokens()
    keys = []
    for kid, key in OWN.items():
        public = jwk.JWK.from_pyca(key.public_key()).export(as_dict=True)
        keys.append({**public, "kid": kid, "use": "sig", **({"alg": "PS256"} if kid == "only-ps" else {})})
    # Not for us: an encryption key, a curve and a type of key that no token here has.
    keys.append({**jwk.JWK.from_pyca(STRANGERS["RS"].public_key()).export(as_dict=True), "kid": "enc", "use": "enc"})
    keys.append({**jwk.JWK.generate(kty="EC", crv="P-521").export_public(as_dict=True), "kid": "p521"})
    keys.append({"kty": "AKP", "kid": "later", "pub": "AAAA"})
    (folder / "jwks.json").write_text(json.dumps({"keys": keys}))
    (folder / "rsa.pem").write_bytes(OWN["rsa"].public_key().public_bytes(*SPKI))
    (folder / "rsa.key").write_bytes(
        OWN["rsa"].private_bytes(SPKI[0], serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    stranger = {**jwk.JWK.from_pyca(STRANGERS["P-256"].public_key()).export(as_dict=True), "kid": "next"}
    (folder / "next.json").write_text(json.dumps({"keys": [stranger]}))
    (folder / "next.token").write_text(jwt.encode(claims(sub="bob"), STRANGERS["P-256"], "ES256", headers={"kid": "next"}))
    (folder / "cases.json").write_text(json.dumps(cases))
    callers = {
        alg: [jwt.encode(claims(sub=f"caller {i}"), OWN[kid], alg, headers={"kid": kid}) for i in range(CALLERS)]
        for alg, kid in (("RS256", "rsa"), ("ES384", "p384"))
    }
    (folder / "callers.json").write_text(json.dumps(callers))


if __name__ == "__main__":
    main()
