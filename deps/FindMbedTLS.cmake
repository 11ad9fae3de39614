# The cryptography half of mbedTLS; its TLS is not used.
# Gives the target MbedTLS::Crypto.
include(LoginetlDeps)
loginetl_module(MbedTLS MbedTLS::Crypto HEADER mbedtls/md.h LIBRARY mbedcrypto)
