/* Login messages of the shape that the field's sample queue has, each a pure function of seed and
 * number: ten million of them cost nothing until they are received. */
#ifndef STUB_LOGINS_H
#define STUB_LOGINS_H

#include <stdint.h>

struct text;

struct logins {
    uint64_t seed;
    uint64_t total, made;
    unsigned bad_per_million;
    unsigned body_size; /* bodies are padded to this many bytes with a key that nobody asked for; 0
                           for no padding */
    int64_t
        end_ms; /* the last one's SentTimestamp; earlier ones are a tenth of a millisecond apart */
};

void login_body(const struct logins *logins, uint64_t number, struct text *body);
void login_id(const struct logins *logins, uint64_t number, char id[37]);
int64_t login_sent_ms(const struct logins *logins, uint64_t number);

#endif
