/* One small secret over HTTP, out of a file or into it, or from a process: what the sources of
 * credentials are made of. */
#ifndef LE_AWS_FETCH_H
#define LE_AWS_FETCH_H

#include "loginetl/base/http.h"
#include "loginetl/net/net.h"
#include "loginetl/net/pool.h"

/* ---- HTTP ---- */

#define LE_FETCH_REQUEST_MAX (64 * 1024) /* a token of 20 kB doubles at most in a form */

struct le_fetch; /* requests to one origin, one at a time */

struct le_fetch_config {
    struct le_net *net;
    const char *name;           /* for the log */
    const char *origin;         /* "http://host:port"; a path is ignored; copied */
    int64_t connect_timeout_ms; /* of each attempt */
    bool direct;                /* never through a proxy */
};

struct le_fetch_request {
    struct le_span method;
    struct le_span target;
    const struct le_http_header *headers; /* Host among them */
    size_t header_count;
    struct le_span body;
    int64_t timeout_ms; /* of each attempt */
    unsigned attempts; /* at least 1: what no answer came to, 429 and 5xx are tried again at once */
};

struct le_fetched {
    enum le_err err; /* as an exchange's */
    int status;      /* 0 when no answer came */
    char *text;      /* the answer's body, to be worked on in place; until the next send or rest */
    size_t len;
    struct le_span date; /* the answer's; absent: none came; valid inside done only */
};

/* LE_ERR_NOMEM. */
LE_MUST enum le_err le_fetch_new(const struct le_fetch_config *config, struct le_fetch **out);
/* Copies the request. done comes once, never from inside; it may send again, rest or close. On an
 * error nothing was begun: LE_ERR_CONFIG (the origin), LE_ERR_SYNTAX (a line end in a header),
 * LE_ERR_TOO_LARGE, LE_ERR_NOMEM. */
LE_MUST enum le_err le_fetch_send(struct le_fetch *fetch, const struct le_fetch_request *request,
                                  void (*done)(void *owner, const struct le_fetched *fetched),
                                  void *owner);
/* Wipes request and answer and closes the connection, until the next send. Nothing may be under
 * way. */
void le_fetch_rest(struct le_fetch *fetch);
/* The same, for good; what is under way is given up, and its done is not called. Freed when the
 * loop has run. NULL is fine. */
void le_fetch_close(struct le_fetch *fetch);

/* ---- a file ---- */

#define LE_SECRET_FILE_MAX (20 * 1024)
#define LE_FILE_TIMEOUT_MS 5000

struct le_file_fetch; /* one file, one read at a time */

/* LE_OK and the text, which is wiped afterwards; or fixed words about the file ("does not exist")
 * and LE_ERR_CONFIG, or LE_ERR_TIMEOUT. */
typedef void le_file_fetched_fn(void *owner, enum le_err err, const char *words,
                                struct le_span text);

/* Copies the path. LE_ERR_NOMEM. */
LE_MUST enum le_err le_file_fetch_new(uv_loop_t *loop, struct le_span path, int64_t timeout_ms,
                                      struct le_file_fetch **out);
/* Reads it, if it is a regular file, without blocking the loop. done comes once, never from inside;
 * it may read again or close. A read that takes too long goes on, for it cannot be stopped, and the
 * next one waits for it instead of beginning another: a file system that hangs holds one thread.
 * LE_ERR_NOMEM: nothing was begun. */
LE_MUST enum le_err le_file_fetch_read(struct le_file_fetch *file, le_file_fetched_fn *done,
                                       void *owner);
/* done will not be called; freed when the loop has run, which does not wait for what is being read.
 * NULL is fine. */
void le_file_fetch_close(struct le_file_fetch *file);

struct le_file_store;

/* Puts text (some, and LE_SECRET_FILE_MAX at most; copied) in the place of a file's, which has to
 * be there, without blocking the loop: a new file beside it, which the same owner and nobody else
 * may read, takes its name when it is whole and on the disk. done comes once, never from inside:
 * NULL, or fixed words about the file ("may not be written"), which is then as it was, and stays so
 * when it is only the time that is over, unless nothing but the name was left to be changed. *out
 * is for le_file_store_cancel and is gone when done is called. LE_ERR_NOMEM: nothing was begun. */
LE_MUST enum le_err le_file_store(uv_loop_t *loop, const char *path, struct le_span text,
                                  int64_t timeout_ms, void (*done)(void *owner, const char *words),
                                  void *owner, struct le_file_store **out);
/* done will not be called. What was begun is done all the same, before the loop ends, if there is
 * time enough. */
void le_file_store_cancel(struct le_file_store *store);

/* ---- a process ---- */

#define LE_PROCESS_OUTPUT_MAX (64 * 1024)

struct le_process_fetch;

struct le_process_config {
    uv_loop_t *loop;
    char *const *argv;  /* NULL at its end; the first is looked for in PATH if it has no slash */
    int64_t timeout_ms; /* until when it has to have ended */
    int64_t grace_ms;   /* between SIGTERM and SIGKILL */
};

struct le_process_ended {
    enum le_err err; /* LE_OK: by itself. LE_ERR_TIMEOUT, LE_ERR_TOO_LARGE (what it wrote): it was
                        made to end */
    int status;      /* of its exit; 0 when a signal ended it */
    int signal;      /* 0: none */
    char *text;      /* what it wrote to stdout, to be worked on in place; wiped afterwards */
    size_t len;
};

/* Starts a program with this process's environment, in a session of its own, with no terminal, no
 * signal blocked or ignored and no file but three: stdin and stderr are /dev/null, for what it says
 * on stderr may be secret. The loop waits until the system has found and loaded the program, no
 * longer. done comes once, never from inside, when the program has ended; what it has started and
 * left behind is not waited for. When it may not go on, its whole process group is ended.
 * *out is for le_process_fetch_cancel and is gone when done is called. LE_ERR_CONFIG, LE_ERR_NOMEM:
 * nothing was begun, and *words say why ("does not exist"). */
LE_MUST enum le_err le_process_fetch(const struct le_process_config *config,
                                     void (*done)(void *owner,
                                                  const struct le_process_ended *ended),
                                     void *owner, struct le_process_fetch **out,
                                     const char **words);
/* done will not be called. The process group is ended, and the loop does not before it has. */
void le_process_fetch_cancel(struct le_process_fetch *process);

#endif
