"""moto's server with a KMS that signs as the service is documented: a digest is signed as it is, and PSS has a salt of the
digest's length. moto hashes what it is given once more, and takes the longest salt."""

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from moto.kms.utils import ECDSAPrivateKey, RSAPrivateKey
from moto.server import main

prehashed = utils.Prehashed(hashes.SHA256())


def checked(message, algorithm, wanted):
    if algorithm != wanted or len(message) != hashlib.sha256().digest_size:
        raise ValueError(f"{algorithm} of {len(message)} bytes is not asked for here")


def sign_by_curve(self, message, signing_algorithm):
    checked(message, signing_algorithm, "ECDSA_SHA_256")
    return self.private_key.sign(message, ec.ECDSA(prehashed))


def sign_by_rsa(self, message, signing_algorithm):
    checked(message, signing_algorithm, "RSASSA_PSS_SHA_256")
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    return self.private_key.sign(message, pss, prehashed)


ECDSAPrivateKey.sign = sign_by_curve
RSAPrivateKey.sign = sign_by_rsa
main()
