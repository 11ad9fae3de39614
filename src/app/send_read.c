/* Reading the files, a chunk at a time and never more than what is being sent needs. */
#include "loginetl/app/send.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void read_on(struct le_sender *sender);

static const char *file_name(const struct le_sender *sender)
{
    return sender->files[sender->file];
}

static void fail_of_file(struct le_sender *sender, const char *what, const char *why)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%.200s %s: %s", file_name(sender), what, why);
    le_send_fail(sender, text);
}

static void close_file(struct le_sender *sender)
{
    if (sender->fd > STDIN_FILENO) {
        uv_fs_t request;
        (void)uv_fs_close(&sender->world.loop, &request, sender->fd, NULL); /* it was only read */
        uv_fs_req_cleanup(&request);
    }
    sender->fd = -1;
}

static void next_file(struct le_sender *sender)
{
    close_file(sender);
    sender->file++;
    sender->input_ended = sender->file == sender->file_count;
    le_splitter_free(&sender->splitter);
    le_splitter_init(&sender->splitter, LE_SQS_BATCH_BYTES_MAX, LE_SEND_CHUNK);
}

static void on_read(uv_fs_t *request)
{
    struct le_sender *sender = request->data;
    ssize_t got = request->result;
    uv_fs_req_cleanup(request);
    sender->reading = false;
    if (got < 0) {
        fail_of_file(sender, "cannot be read", uv_strerror((int)got));
        return;
    }
    if (got == 0)
        le_splitter_end(&sender->splitter);
    else if (le_splitter_feed(&sender->splitter, sender->chunk, (size_t)got) != LE_OK)
        le_send_fail(sender, le_err_text(LE_ERR_NOMEM));
    le_send_turn(sender);
}

static void on_open(uv_fs_t *request)
{
    struct le_sender *sender = request->data;
    ssize_t fd = request->result;
    uv_fs_req_cleanup(request);
    sender->reading = false;
    if (fd < 0) {
        fail_of_file(sender, "cannot be opened", uv_strerror((int)fd));
        return;
    }
    sender->fd = (uv_file)fd;
    read_on(sender);
}

static void check_started(struct le_sender *sender, int code)
{
    if (code == 0)
        return;
    sender->reading = false;
    fail_of_file(sender, "cannot be read", uv_strerror(code));
}

static void read_on(struct le_sender *sender)
{
    assert(!sender->reading);
    uv_buf_t buffer = uv_buf_init(sender->chunk, sizeof sender->chunk);
    sender->reading = true;
    sender->request.data = sender;
    if (sender->fd < 0 && strcmp(file_name(sender), "-") == 0)
        sender->fd = STDIN_FILENO;
    if (sender->fd < 0)
        check_started(sender, uv_fs_open(&sender->world.loop, &sender->request, file_name(sender),
                                         O_RDONLY | O_CLOEXEC, 0, on_open));
    else
        check_started(sender, uv_fs_read(&sender->world.loop, &sender->request, sender->fd, &buffer,
                                         1, -1, on_read));
}

bool le_send_next(struct le_sender *sender, struct le_split *split, bool *more)
{
    *more = true;
    while (!sender->input_ended && !sender->reading && !sender->failed) {
        uint64_t line = 0;
        if (le_splitter_next(&sender->splitter, split))
            return true;
        if (le_splitter_error(&sender->splitter, &line) != LE_OK) {
            char where[64];
            (void)snprintf(where, sizeof where, "line %llu", (unsigned long long)line);
            fail_of_file(sender, "is not an array of JSON values", where);
            break;
        }
        if (sender->splitter.ended)
            next_file(sender);
        else
            read_on(sender);
    }
    *more = !sender->input_ended && !sender->failed;
    return false;
}
