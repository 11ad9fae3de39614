#include "loginetl/app/option_table.h"

#define RUN         LE_COMMAND_RUN
#define CHECK       LE_COMMAND_CHECK
#define SEND        LE_COMMAND_SEND
#define ALL         LE_COMMAND_ALL
#define QUEUE_USERS (RUN | CHECK | SEND)
#define TABLE_USERS (RUN | CHECK | LE_COMMAND_SCHEMA)

#define QUEUE_GROUP       "Queue"
#define DATABASE_GROUP    "Database"
#define ROWS_GROUP        "From message to row"
#define FLOW_GROUP        "Flow"
#define OUTPUT_GROUP      "Output"
#define GENERAL_GROUP     "General"
#define ENVIRONMENT_GROUP "From the environment only"

/* A variable of loginetl's own may also be given as a file. */
#define OWN(variable) .environment = {"LOGINETL_" variable}, .file_variable = true

/* One block for each option: what it is, what it takes, who uses it, what it says. */
/* clang-format off */
const struct le_option le_option_table[LE_OPT_COUNT] = {
    [LE_OPT_QUEUE] = {
        .name = "queue", .argument = "NAME", OWN("QUEUE"), .standard = "login-queue",
        .group = QUEUE_GROUP, .commands = QUEUE_USERS,
        .help = "the queue's name, or its ARN when it is another account's; looked up with "
                "GetQueueUrl"},
    [LE_OPT_QUEUE_URL] = {
        .name = "queue-url", .argument = "URL", OWN("QUEUE_URL"),
        .otherwise = "looked up by --queue", .group = QUEUE_GROUP, .commands = QUEUE_USERS,
        .help = "the queue's URL, used as it is; its scheme and host are the endpoint when none "
                "is given"},
    [LE_OPT_ENDPOINT_URL] = {
        .name = "endpoint-url", .argument = "URL",
        .environment = {"AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"},
        .otherwise = "the profile's, else AWS's own in the region", .group = QUEUE_GROUP,
        .commands = QUEUE_USERS,
        .help = "where requests go"},
    [LE_OPT_REGION] = {
        .name = "region", .argument = "NAME", .environment = {"AWS_REGION", "AWS_DEFAULT_REGION"},
        .otherwise = "the profile's, else from the queue's or the endpoint's URL, us-east-1 when "
                     "that is not AWS's",
        .group = QUEUE_GROUP, .commands = QUEUE_USERS,
        .help = "the AWS region"},
    [LE_OPT_PROFILE] = {
        .name = "profile", .argument = "NAME",
        .environment = {"AWS_DEFAULT_PROFILE", "AWS_PROFILE"},
        .otherwise = "default, if there is one", .group = QUEUE_GROUP, .commands = QUEUE_USERS,
        .help = "the profile of ~/.aws/config and ~/.aws/credentials; as an argument it is "
                "stronger than AWS_ACCESS_KEY_ID"},
    [LE_OPT_SQS_PROTOCOL] = {
        .name = "sqs-protocol", .argument = "NAME", OWN("SQS_PROTOCOL"), .kind = LE_OPTION_CHOICE,
        .standard = "auto", .choices = "auto|json|query", .group = QUEUE_GROUP,
        .commands = QUEUE_USERS,
        .help = "what the queue service speaks; auto: found out at its first answer"},
    [LE_OPT_CONCURRENCY] = {
        .name = "concurrency", .argument = "N", OWN("CONCURRENCY"), .kind = LE_OPTION_COUNT,
        .standard = "8", .min = 1, .max = 256, .group = QUEUE_GROUP, .commands = RUN | SEND,
        .help = "most ReceiveMessage calls in flight (send: batches); each brings up to ten messages a "
                "round trip; an idle queue is watched by one"},
    [LE_OPT_WAIT_TIME] = {
        .name = "wait-time", .argument = "S", OWN("WAIT_TIME"), .kind = LE_OPTION_COUNT,
        .standard = "20", .min = 0, .max = 20, .group = QUEUE_GROUP, .commands = RUN,
        .help = "seconds of a long poll; 1 at most while draining"},
    [LE_OPT_VISIBILITY_TIMEOUT] = {
        .name = "visibility-timeout", .argument = "S", OWN("VISIBILITY_TIMEOUT"),
        .kind = LE_OPTION_COUNT, .standard = "60", .min = 5, .max = 43200, .group = QUEUE_GROUP,
        .commands = RUN,
        .help = "seconds that a received message stays hidden, extended while it is still in work"},
    [LE_OPT_GROUP_ID] = {
        .name = "group-id", .argument = "TEXT", OWN("GROUP_ID"),
        .otherwise = "each user_id's logins are a group", .group = QUEUE_GROUP, .commands = SEND,
        .help = "of a FIFO queue: the message group of all that is sent"},
    [LE_OPT_DATABASE_URL] = {
        .name = "database-url", .argument = "URL", .environment = {"DATABASE_URL"},
        .file_variable = true, .secret = true, .otherwise = "the PG* variables, as for psql",
        .group = DATABASE_GROUP, .commands = RUN | CHECK,
        .help = "a libpq URI or a key=value string"},
    [LE_OPT_DATABASE_AUTH] = {
        .name = "database-auth", .argument = "HOW", OWN("DATABASE_AUTH"), .kind = LE_OPTION_CHOICE,
        .standard = "password", .choices = "password|rds-iam", .group = DATABASE_GROUP,
        .commands = RUN | CHECK,
        .help = "rds-iam: signs in to Amazon RDS or Aurora with a token of the AWS credentials, made "
                "for each connection, over TLS only (sslmode require is then the default)"},
    [LE_OPT_CONNECTIONS] = {
        .name = "connections", .argument = "N", OWN("CONNECTIONS"), .kind = LE_OPTION_COUNT,
        .standard = "2", .min = 1, .max = 32, .group = DATABASE_GROUP, .commands = RUN,
        .help = "database connections"},
    [LE_OPT_TABLE] = {
        .name = "table", .argument = "NAME", OWN("TABLE"), .standard = "user_logins",
        .group = DATABASE_GROUP, .commands = TABLE_USERS,
        .help = "the target table; may be schema-qualified"},
    [LE_OPT_SCHEMA] = {
        .name = "schema", .argument = "MODE", OWN("SCHEMA"), .kind = LE_OPTION_CHOICE,
        .standard = "create", .choices = "create|require", .group = DATABASE_GROUP, .commands = RUN | CHECK,
        .help = "create what is missing, or fail and say what the table needs"},
    [LE_OPT_DEDUPE] = {
        .name = "dedupe", .argument = "MODE", OWN("DEDUPE"), .kind = LE_OPTION_CHOICE,
        .standard = "ledger", .choices = "ledger|off", .group = DATABASE_GROUP,
        .commands = TABLE_USERS,
        .help = "remember message ids beside the rows, so that a redelivered message is one row; "
                "off is for tables with a key of their own"},
    [LE_OPT_DEDUPE_WINDOW] = {
        .name = "dedupe-window", .argument = "DAYS", OWN("DEDUPE_WINDOW"), .kind = LE_OPTION_COUNT,
        .standard = "15", .min = 1, .max = 15, .group = DATABASE_GROUP, .commands = RUN,
        .help = "how long the ledger remembers"},
    [LE_OPT_BATCH_ROWS] = {
        .name = "batch-rows", .argument = "N", OWN("BATCH_ROWS"), .kind = LE_OPTION_COUNT,
        .standard = "1000", .min = 1, .max = 10000, .group = DATABASE_GROUP, .commands = RUN,
        .help = "most rows in a statement"},
    [LE_OPT_ENVELOPE] = {
        .name = "envelope", .argument = "KIND", OWN("ENVELOPE"), .kind = LE_OPTION_CHOICE,
        .standard = "auto", .choices = "auto|none|sns|eventbridge", .group = ROWS_GROUP,
        .commands = RUN,
        .help = "what stands around a login: an SNS notification, an EventBridge event, or nothing; "
                "auto: each message tells, also of one in the other"},
    [LE_OPT_REQUIRE] = {
        .name = "require", .argument = "KEYS", OWN("REQUIRE"), .may_be_empty = true,
        .standard = "user_id", .group = ROWS_GROUP, .commands = RUN | CHECK,
        .help = "JSON keys, comma separated; a message without one of them is rejected"},
    [LE_OPT_APP_VERSION] = {
        .name = "app-version", .argument = "HOW", OWN("APP_VERSION"), .kind = LE_OPTION_CHOICE,
        .standard = "digits", .choices = "digits|packed|major", .group = ROWS_GROUP,
        .commands = RUN,
        .help = "how a version becomes an integer: 2.3.0 as 230, as 2003000, or as 2; a text "
                "column takes it as it stands"},
    [LE_OPT_MASK] = {
        .name = "mask", .argument = "METHOD", OWN("MASK"), .kind = LE_OPTION_CHOICE,
        .standard = "sha256", .choices = "sha256|sha512", .group = ROWS_GROUP,
        .commands = RUN | CHECK | LE_COMMAND_MASK,
        .help = "what stands in the table instead of ip and device_id"},
    [LE_OPT_ON_REJECT] = {
        .name = "on-reject", .argument = "WHAT", OWN("ON_REJECT"), .kind = LE_OPTION_CHOICE,
        .choices = "dlq|leave|discard", .otherwise = "dlq when one is known, else leave",
        .group = ROWS_GROUP, .commands = RUN | CHECK,
        .help = "a message that cannot become a row: send it to the dead-letter queue with the "
                "reason, leave it to the queue's redrive, or delete it (unless the database may "
                "be at fault: then it is left)"},
    [LE_OPT_DLQ_URL] = {
        .name = "dlq-url", .argument = "URL", OWN("DLQ_URL"),
        .otherwise = "the queue's redrive target", .group = ROWS_GROUP, .commands = RUN | CHECK,
        .help = "the dead-letter queue"},
    [LE_OPT_DRAIN] = {
        .name = "drain", .kind = LE_OPTION_SWITCH, .standard = "no", .group = FLOW_GROUP,
        .commands = RUN,
        .help = "end when the queue is empty"},
    [LE_OPT_MEMORY_LIMIT] = {
        .name = "memory-limit", .argument = "SIZE", OWN("MEMORY_LIMIT"), .kind = LE_OPTION_SIZE,
        .standard = "64MiB", .min = 1 << 20, .max = INT64_C(1) << 40, .group = FLOW_GROUP,
        .commands = RUN,
        .help = "bytes (or K, M, G: 64M is 64MiB) of messages and connections held; receiving pauses at it; "
                "resident memory is up to 16MiB more"},
    [LE_OPT_MAX_MESSAGES] = {
        .name = "max-messages", .argument = "N", OWN("MAX_MESSAGES"), .kind = LE_OPTION_COUNT,
        .min = 1, .max = INT64_MAX, .otherwise = "no limit", .group = FLOW_GROUP, .commands = RUN,
        .help = "stop after that many are received"},
    [LE_OPT_SHUTDOWN_TIMEOUT] = {
        .name = "shutdown-timeout", .argument = "S", OWN("SHUTDOWN_TIMEOUT"),
        .kind = LE_OPTION_COUNT, .standard = "25", .min = 1, .max = 3600, .group = FLOW_GROUP,
        .commands = RUN,
        .help = "seconds in which work is finished and the rest given back after SIGTERM or "
                "SIGINT"},
    [LE_OPT_LOG_LEVEL] = {
        .name = "log-level", .argument = "LEVEL", OWN("LOG_LEVEL"), .kind = LE_OPTION_CHOICE,
        .standard = "info", .choices = "error|warn|info|debug", .group = OUTPUT_GROUP,
        .commands = QUEUE_USERS,
        .help = "how much the log on stderr tells"},
    [LE_OPT_LOG_FORMAT] = {
        .name = "log-format", .argument = "FORMAT", OWN("LOG_FORMAT"), .kind = LE_OPTION_CHOICE,
        .standard = "auto", .choices = "auto|logfmt|json", .group = OUTPUT_GROUP,
        .commands = QUEUE_USERS,
        .help = "auto: sentences on a terminal, logfmt elsewhere"},
    [LE_OPT_PROGRESS] = {
        .name = "progress", .argument = "WHEN", OWN("PROGRESS"), .kind = LE_OPTION_CHOICE,
        .standard = "auto", .choices = "auto|yes|no", .group = OUTPUT_GROUP, .commands = RUN,
        .help = "one updating line: done, rate, about how many left; auto: on a terminal"},
    [LE_OPT_CONFIG] = {
        .name = "config", .argument = "FILE", .place = LE_OPTION_ARGUMENT_ONLY,
        .group = GENERAL_GROUP, .commands = ALL,
        .help = "read settings from a file, lines `name = value` with the names above; an "
                "argument or a variable is stronger"},
    [LE_OPT_PRINT_CONFIG] = {
        .name = "print-config", .kind = LE_OPTION_SWITCH, .place = LE_OPTION_ARGUMENT_ONLY,
        .group = GENERAL_GROUP, .commands = ALL,
        .help = "print every setting, its value and where it came from, and end: with 2 and an "
                "error when a start would"},
    [LE_OPT_HELP] = {
        .name = "help", .kind = LE_OPTION_SWITCH, .place = LE_OPTION_ARGUMENT_ONLY,
        .group = GENERAL_GROUP, .commands = ALL,
        .help = "print this, and end"},
    [LE_OPT_VERSION] = {
        .name = "version", .kind = LE_OPTION_SWITCH, .place = LE_OPTION_ARGUMENT_ONLY,
        .group = GENERAL_GROUP, .commands = ALL,
        .help = "print the version, and end"},
    [LE_OPT_ACCESS_KEY_ID] = {
        .name = "AWS_ACCESS_KEY_ID", .argument = "KEY", .environment = {"AWS_ACCESS_KEY_ID"},
        .secret = true, .place = LE_OPTION_ENVIRONMENT_ONLY, .group = ENVIRONMENT_GROUP,
        .commands = QUEUE_USERS,
        .help = "with AWS_SECRET_ACCESS_KEY, who signs the requests"},
    [LE_OPT_SECRET_ACCESS_KEY] = {
        .name = "AWS_SECRET_ACCESS_KEY", .argument = "KEY",
        .environment = {"AWS_SECRET_ACCESS_KEY"}, .secret = true,
        .place = LE_OPTION_ENVIRONMENT_ONLY, .group = ENVIRONMENT_GROUP, .commands = QUEUE_USERS,
        .help = "the key's secret"},
    [LE_OPT_SESSION_TOKEN] = {
        .name = "AWS_SESSION_TOKEN", .argument = "TOKEN", .environment = {"AWS_SESSION_TOKEN"},
        .secret = true, .place = LE_OPTION_ENVIRONMENT_ONLY, .group = ENVIRONMENT_GROUP,
        .commands = QUEUE_USERS,
        .help = "of temporary credentials"},
    [LE_OPT_CA_BUNDLE] = {
        .name = "AWS_CA_BUNDLE", .argument = "FILE", .environment = {"AWS_CA_BUNDLE"},
        .otherwise = "the profile's ca_bundle, else the system's", .place = LE_OPTION_ENVIRONMENT_ONLY,
        .group = ENVIRONMENT_GROUP, .commands = QUEUE_USERS,
        .help = "certificates that an https endpoint is verified with"},
    [LE_OPT_PGPASSWORD] = {
        .name = "PGPASSWORD", .argument = "PASSWORD", .environment = {"PGPASSWORD"},
        .file_variable = true, .secret = true, .place = LE_OPTION_ENVIRONMENT_ONLY,
        .group = ENVIRONMENT_GROUP, .commands = RUN | CHECK,
        .help = "the database password; all other PG* variables work as for psql"},
};
/* clang-format on */
