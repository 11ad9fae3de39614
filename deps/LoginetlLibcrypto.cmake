# LOGINETL_LIBCRYPTO_FOUND: libcrypto is there, with the functions that each hash has of its own. OpenSSL calls them
# deprecated, so that a build of it may lack them.

include(CheckSymbolExists)

set(LOGINETL_LIBCRYPTO_FOUND OFF)
find_package(OpenSSL 3.0 QUIET COMPONENTS Crypto)
if(TARGET OpenSSL::Crypto)
    set(CMAKE_REQUIRED_DEFINITIONS -DOPENSSL_SUPPRESS_DEPRECATED)
    set(CMAKE_REQUIRED_LIBRARIES OpenSSL::Crypto)
    check_symbol_exists(SHA256_Final openssl/sha.h LOGINETL_HAVE_SHA256)
    check_symbol_exists(SHA512_Final openssl/sha.h LOGINETL_HAVE_SHA512)
    check_symbol_exists(MD5_Final openssl/md5.h LOGINETL_HAVE_MD5)
    unset(CMAKE_REQUIRED_DEFINITIONS)
    unset(CMAKE_REQUIRED_LIBRARIES)
    if(LOGINETL_HAVE_SHA256 AND LOGINETL_HAVE_SHA512 AND LOGINETL_HAVE_MD5)
        set(LOGINETL_LIBCRYPTO_FOUND ON)
    endif()
endif()
