#include "tls.h"

#include "loginetl/base/mem.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

struct tls_config {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    mbedtls_ssl_config ssl;
};

struct tls {
    mbedtls_ssl_context ssl;
    int fd;
};

/* --- configuration --- */

static int read_key(struct tls_config *config, const char *file)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    return mbedtls_pk_parse_keyfile(&config->key, file, NULL, mbedtls_ctr_drbg_random,
                                    &config->random);
#else
    return mbedtls_pk_parse_keyfile(&config->key, file, NULL);
#endif
}

/* TLS 1.2 in every version of the library, so that figures can be compared. */
static void limit_version(mbedtls_ssl_config *ssl)
{
    mbedtls_ssl_conf_max_version(ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}

static bool set_up(struct tls_config *config, const char *cert_file, const char *key_file)
{
    if (mbedtls_ctr_drbg_seed(&config->random, mbedtls_entropy_func, &config->entropy, NULL, 0) !=
        0)
        return false;
    if (mbedtls_x509_crt_parse_file(&config->cert, cert_file) != 0) {
        fprintf(stderr, "%s: not a certificate that can be read\n", cert_file);
        return false;
    }
    if (read_key(config, key_file) != 0) {
        fprintf(stderr, "%s: not a key that can be read\n", key_file);
        return false;
    }
    if (mbedtls_ssl_config_defaults(&config->ssl, MBEDTLS_SSL_IS_SERVER,
                                    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_rng(&config->ssl, mbedtls_ctr_drbg_random, &config->random);
    limit_version(&config->ssl);
    return mbedtls_ssl_conf_own_cert(&config->ssl, &config->cert, &config->key) == 0;
}

struct tls_config *tls_config_new(const char *cert_file, const char *key_file)
{
    struct tls_config *config = le_calloc(1, sizeof *config);
    if (config == NULL)
        return NULL;
    mbedtls_entropy_init(&config->entropy);
    mbedtls_ctr_drbg_init(&config->random);
    mbedtls_x509_crt_init(&config->cert);
    mbedtls_pk_init(&config->key);
    mbedtls_ssl_config_init(&config->ssl);
    if (set_up(config, cert_file, key_file))
        return config;
    tls_config_free(config);
    return NULL;
}

void tls_config_free(struct tls_config *config)
{
    if (config == NULL)
        return;
    mbedtls_ssl_config_free(&config->ssl);
    mbedtls_pk_free(&config->key);
    mbedtls_x509_crt_free(&config->cert);
    mbedtls_ctr_drbg_free(&config->random);
    mbedtls_entropy_free(&config->entropy);
    le_free(config);
}

/* --- one session --- */

static int on_send(void *self, const unsigned char *bytes, size_t len)
{
    const struct tls *tls = self;
    ssize_t sent = send(tls->fd, bytes, len, MSG_NOSIGNAL);
    if (sent >= 0)
        return (int)sent;
    return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int on_receive(void *self, unsigned char *bytes, size_t len)
{
    const struct tls *tls = self;
    ssize_t got = recv(tls->fd, bytes, len, 0);
    if (got >= 0)
        return (int)got;
    return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

struct tls *tls_new(const struct tls_config *config, int fd)
{
    struct tls *tls = le_calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    tls->fd = fd;
    mbedtls_ssl_init(&tls->ssl);
    if (mbedtls_ssl_setup(&tls->ssl, &config->ssl) != 0) {
        tls_free(tls);
        return NULL;
    }
    mbedtls_ssl_set_bio(&tls->ssl, tls, on_send, on_receive, NULL);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    mbedtls_ssl_free(&tls->ssl);
    le_free(tls);
}

static ssize_t result_of(int result)
{
    if (result > 0)
        return result;
    if (result == 0 || result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return 0;
    bool again = result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
    errno = again ? EAGAIN : EPROTO;
    return -1;
}

ssize_t tls_read(struct tls *tls, char *bytes, size_t len)
{
    return result_of(mbedtls_ssl_read(&tls->ssl, (unsigned char *)bytes, len));
}

ssize_t tls_write(struct tls *tls, const char *bytes, size_t len)
{
    return result_of(mbedtls_ssl_write(&tls->ssl, (const unsigned char *)bytes, len));
}
