#include "loginetl/app/commands.h"
#include "loginetl/app/world.h"

int le_schema(struct le_settings *settings)
{
    struct le_buf ddl;
    le_buf_init(&ddl, 65536);
    bool ledger = le_setting_number(settings, LE_OPT_DEDUPE) == 0;
    enum le_err err =
        le_store_ddl(&ddl, le_setting(settings, LE_OPT_TABLE), &settings->fields, ledger);
    bool said = err == LE_OK && le_say(le_buf_span(&ddl));
    if (err != LE_OK)
        le_complain("%s", le_err_text(err));
    le_buf_free(&ddl);
    return said ? LE_EXIT_DONE : LE_EXIT_FAILED;
}
