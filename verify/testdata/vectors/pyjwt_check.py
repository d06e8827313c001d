"""Prints the vectors of tokens.json that PyJWT decides otherwise, with the strictest settings that it has.

Needs Debian's python3-jwt and python3-cryptography. Nothing depends on this program: README.md quotes what it printed.
"""

import datetime
import json
import pathlib

import jwt
import jwt.api_jwt

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "user_id", "token_type"]


def clock(now):
    """A datetime module's class whose now() stands still: PyJWT takes no clock."""

    class Still(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(now, tz)

    return Still


def usable(jwks):
    """The keys that PyJWT reads, by kid: it refuses a whole set for one key that it does not know."""
    keys = {}
    for jwk in jwks["keys"]:
        try:
            if jwk.get("use", "sig") == "sig":
                keys[jwk["kid"]] = (jwt.PyJWK(jwk).key, jwk["alg"])
        except (jwt.PyJWTError, KeyError):
            continue
    return keys


def decide(vector, keys):
    """The claims, or the exception that PyJWT raises."""
    policy = vector["policy"]
    jwt.api_jwt.datetime = clock(policy["now"])
    header = jwt.get_unverified_header(vector["token"])
    if "kid" in header:
        key, algorithm = keys[header["kid"]]
    else:
        (key, algorithm), = [k for k in keys.values() if k[1] == header.get("alg")]
    return jwt.decode(
        vector["token"], key, algorithms=[algorithm], issuer=policy["issuer"], audience=policy["audience"],
        leeway=policy["leeway"], options={"require": REQUIRED},
    )


def main():
    file = json.loads(pathlib.Path(__file__).with_name("tokens.json").read_text())
    lax, strict, fails = {}, [], []
    for vector in file["vectors"]:
        keys = usable(file["key_sets"][vector["key_set"]])
        try:
            decide(vector, keys)
            accepted = True
        except (jwt.PyJWTError, KeyError, ValueError):  # an unknown kid is a KeyError, an ambiguous one a ValueError
            accepted = False
        except Exception as e:  # what no caller expects of a token
            accepted = False
            fails.append(f"{vector['id']} ({type(e).__name__})")
        if accepted and vector["verdict"] == "refuse":
            lax.setdefault(vector["reason"], []).append(vector["id"])
        if not accepted and vector["verdict"] == "accept":
            strict.append(vector["id"])
    print(f"PyJWT {jwt.__version__}, {len(file['vectors'])} tokens")
    for reason, ids in sorted(lax.items()):
        print(f"accepts {len(ids)} that are refused here, {reason}: {' '.join(ids)}")
    print(f"refuses {len(strict)} that are accepted here: {' '.join(strict)}")
    print(f"raises another exception than its own for {len(fails)}: {' '.join(fails)}")


if __name__ == "__main__":
    main()
