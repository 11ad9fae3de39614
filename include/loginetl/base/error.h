/* Errors: one table, each error in a class that says what its reader is to do about it. */
#ifndef LE_BASE_ERROR_H
#define LE_BASE_ERROR_H

/* Everything that can fail is marked with this, and a caller that has nothing to do about a failure
 * says why. */
#define LE_MUST __attribute__((warn_unused_result))

enum le_class {
    LE_CLASS_OK,     /* no error */
    LE_CLASS_RETRY,  /* may go well when tried again later */
    LE_CLASS_REJECT, /* this input will never do; others may */
    LE_CLASS_FATAL,  /* nothing will do until a person changes something */
};

/* X(NAME, CLASS, "words for a person") */
#define LE_ERRORS(X)                                                 \
    X(NOMEM, RETRY, "out of memory")                                 \
    X(TOO_LARGE, REJECT, "larger than its limit")                    \
    X(SYNTAX, REJECT, "not in the expected form")                    \
    X(RANGE, REJECT, "out of range")                                 \
    X(RESOLVE, RETRY, "the host name does not resolve")              \
    X(CONNECT, RETRY, "cannot connect")                              \
    X(TLS, FATAL, "the TLS handshake failed")                        \
    X(TIMEOUT, RETRY, "no answer in time")                           \
    X(CLOSED, RETRY, "the connection was closed")                    \
    X(PROTOCOL, RETRY, "the answer is not what the protocol allows") \
    X(THROTTLED, RETRY, "the service asks to slow down")             \
    X(SERVICE, RETRY, "the service failed")                          \
    X(CREDENTIALS, FATAL, "the credentials were refused")            \
    X(DENIED, FATAL, "access denied")                                \
    X(NO_QUEUE, FATAL, "the queue does not exist")                   \
    X(REFUSED, FATAL, "the service refused the request")             \
    X(DATABASE, RETRY, "the database failed")                        \
    X(DATABASE_FATAL, FATAL, "the database refused")                 \
    X(CANCELLED, RETRY, "given up because the program is stopping")  \
    X(CONFIG, FATAL, "a setting is wrong")                           \
    X(SYSTEM, FATAL, "the system refused")                           \
    X(CRYPTO, FATAL, "a cryptographic function failed")

enum le_err {
    LE_OK = 0,
#define X(name, class_, text) LE_ERR_##name,
    LE_ERRORS(X)
#undef X
        LE_ERR_COUNT
};

/* A stable lower-case word ("timeout"), fit for logs. */
const char *le_err_name(enum le_err err);
/* Words for a person. Never holds anything a server or a message said. */
const char *le_err_text(enum le_err err);
enum le_class le_err_class(enum le_err err);

#endif
