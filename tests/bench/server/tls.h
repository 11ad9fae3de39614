/* TLS over a nonblocking socket, with mbedTLS. */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include "loginetl/base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct tls_config;
struct tls;

/* NULL: says on standard error what is wrong with the files. */
LE_MUST struct tls_config *tls_config_new(const char *cert_file, const char *key_file);
void tls_config_free(struct tls_config *config);

/* fd stays the caller's, and open for as long as the session lives. NULL: no memory. */
LE_MUST struct tls *tls_new(const struct tls_config *config, int fd);
void tls_free(struct tls *tls);

/* As read and write are: bytes, 0 for the end, -1 with errno; EAGAIN when the socket is to be
 * waited for. A write that was told to wait is to be repeated with the same bytes. The handshake is
 * a part of the first of them. */
ssize_t tls_read(struct tls *tls, char *bytes, size_t len);
ssize_t tls_write(struct tls *tls, const char *bytes, size_t len);

#endif
