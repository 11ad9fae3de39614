/* The database's half of `check`. */
#include "loginetl/app/check.h"

#include "loginetl/app/database_auth.h"
#include "loginetl/pg/ledger.h"
#include "loginetl/pg/sqlstate.h"

#include <stdio.h>

static void on_ready(void *owner)
{
    struct le_check *check = owner;
    check->store_ready = true;
    le_check_go_on(check);
}

static void on_failed(void *owner, enum le_err err)
{
    struct le_check *check = owner;
    (void)err; /* le_store_last_failure says it better */
    check->store_failed = true;
    le_check_go_on(check);
}

static void on_changed(void *owner)
{
    (void)owner;
}

static void on_patience(uv_timer_t *timer)
{
    le_check_go_on(timer->data);
}

/* ---- what was found ---- */

static void tell_connection(struct le_check *check, const struct le_store_report *report)
{
    const bool token = le_setting_rds_iam(check->settings);
    le_check_tell(check, LE_VERDICT_OK, "database", "PostgreSQL %d.%d, %s%s",
                  report->server_version / 10000, report->server_version % 10000,
                  report->tls ? "over TLS" : "without TLS",
                  token ? ", signed in by --database-auth rds-iam" : "");
    if (report->read_only)
        le_check_tell(check, LE_VERDICT_FAIL, "database",
                      "the server is read-only (a standby?): point --database-url at the primary");
}

static bool may_create(const struct le_check *check, const struct le_store_report *report)
{
    return report->can_create && le_setting_number(check->settings, LE_OPT_SCHEMA) == 0;
}

static void tell_missing(struct le_check *check, const struct le_store_report *report,
                         const char *what)
{
    if (!report->schema_exists)
        le_check_tell(check, LE_VERDICT_FAIL, what, "%s", le_sqlstate_words("3F000"));
    else if (may_create(check, report))
        le_check_tell(check, LE_VERDICT_OK, what, "does not exist yet; it is created at start");
    else
        le_check_tell(
            check, LE_VERDICT_FAIL, what,
            "does not exist%s: ask one who may to run what `loginetl schema --table %s` prints",
            report->can_create ? " and --schema require forbids to create it"
                               : " and this user may not create it",
            le_setting(check->settings, LE_OPT_TABLE));
}

static void tell_columns(struct le_check *check, const struct le_store_report *report)
{
    if (report->required_columns[0] != '\0')
        le_check_tell(check, LE_VERDICT_FAIL, "columns",
                      "NOT NULL without a default, and nothing fills them: %s",
                      report->required_columns);
    if (report->missing_columns[0] != '\0')
        le_check_tell(check, LE_VERDICT_FAIL, "columns",
                      "the table lacks %s: ALTER TABLE %s ADD COLUMN …, each as `loginetl schema` "
                      "prints it",
                      report->missing_columns, le_setting(check->settings, LE_OPT_TABLE));
    if (!report->types_fit)
        le_check_tell(check, LE_VERDICT_FAIL, "columns", "%s", report->misfit);
    if (report->required_columns[0] == '\0' && report->missing_columns[0] == '\0' &&
        report->types_fit)
        le_check_tell(check, LE_VERDICT_OK, "columns", "all there, with types that fit");
}

static void tell_table(struct le_check *check, const struct le_store_report *report)
{
    const char *table = le_setting(check->settings, LE_OPT_TABLE);
    if (!report->table_exists) {
        tell_missing(check, report, "table");
        return;
    }
    le_check_tell(check, LE_VERDICT_OK, "table", "%s", table);
    tell_columns(check, report);
    if (report->can_insert)
        le_check_tell(check, LE_VERDICT_OK, "privileges", "INSERT on the table");
    else
        le_check_tell(check, LE_VERDICT_FAIL, "privileges",
                      "no INSERT on the table: GRANT INSERT ON %s TO this user", table);
}

static void tell_ledger(struct le_check *check, const struct le_store_report *report)
{
    if (le_setting_number(check->settings, LE_OPT_DEDUPE) != 0 && report->has_key)
        le_check_tell(check, LE_VERDICT_OK, "ledger",
                      "--dedupe off: the table's own key tells what is there already");
    else if (le_setting_number(check->settings, LE_OPT_DEDUPE) != 0)
        le_check_tell(check, LE_VERDICT_WARN, "ledger",
                      "--dedupe off: a redelivered message becomes a second row unless the table "
                      "has a key");
    else if (!report->ledger_exists)
        tell_missing(check, report, "ledger");
    else if (!report->can_insert_ledger)
        le_check_tell(check, LE_VERDICT_FAIL, "ledger",
                      "no INSERT and SELECT on loginetl_ledger: GRANT them to this user");
    else if (report->ledger_neglected)
        le_check_tell(check, LE_VERDICT_WARN, "ledger", "%s", LE_LEDGER_NEGLECTED);
    else
        le_check_tell(check, LE_VERDICT_OK, "ledger", "loginetl_ledger");
}

/* ---- */

static enum le_err open_store(struct le_check *check)
{
    struct le_settings *settings = check->settings;
    const struct le_store_config config = {
        .loop = &check->world.loop,
        .database_url = le_setting(settings, LE_OPT_DATABASE_URL),
        .passwords = le_database_passwords(&check->world),
        .table = le_setting(settings, LE_OPT_TABLE),
        .fields = &settings->fields,
        .connections = 1,
        .batch_rows = 1,
        .mask_chars = le_mask_chars(settings->mask),
        .ledger = le_setting_number(settings, LE_OPT_DEDUPE) == 0,
        .window_days = (int)le_setting_number(settings, LE_OPT_DEDUPE_WINDOW),
        .schema = LE_SCHEMA_LOOK,
        .seed = le_rng_next(&check->world.rng),
        .wall_ms = le_wall_ms,
        .changed = on_changed,
        .ready = on_ready,
        .failed = on_failed,
        .owner = check,
    };
    return le_store_new(&config, &check->store);
}

static void wait_for_store(struct le_check *check)
{
    uv_timer_init(&check->world.loop, &check->timer);
    check->timer.data = check;
    uv_timer_start(&check->timer, on_patience, LE_CHECK_PATIENCE_MS, 0);
    le_check_wait(check, "database");
    uv_close((uv_handle_t *)&check->timer, NULL);
}

void le_check_store(struct le_check *check)
{
    if (check->settings->password_unused)
        le_check_tell(check, LE_VERDICT_WARN, "database", "%s", LE_PASSWORD_UNUSED);
    enum le_err err = open_store(check);
    if (err != LE_OK) {
        le_check_tell(check, LE_VERDICT_FAIL, "database", "%s", le_err_text(err));
        return;
    }
    wait_for_store(check);
    const char *failure = le_store_last_failure(check->store);
    if (check->store_ready) {
        const struct le_store_report *report = le_store_report(check->store);
        tell_connection(check, report);
        tell_table(check, report);
        tell_ledger(check, report);
    } else {
        le_check_tell(check, LE_VERDICT_FAIL, "database", "%s",
                      failure[0] != '\0' ? failure : "no answer: check --database-url");
    }
    le_store_close(check->store);
}
