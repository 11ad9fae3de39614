#include "loginetl/login/reject.h"

#include <assert.h>

const char *le_reject_word(enum le_reject_reason reason)
{
    static const char *const words[LE_REJECT_COUNT] = {[LE_REJECT_NONE] = "none",
#define X(name, word) [LE_REJECT_##name] = word,
                                                       LE_REJECTS(X)
#undef X
    };
    assert(reason >= LE_REJECT_NONE && reason < LE_REJECT_COUNT);
    assert(words[reason] != NULL);
    return words[reason];
}
