/* How the database is signed in to: by the password of the settings, or by tokens that the AWS
 * credentials make. */
#ifndef LE_APP_DATABASE_AUTH_H
#define LE_APP_DATABASE_AUTH_H

#include "loginetl/app/world.h"

#define LE_PASSWORD_UNUSED                                                                     \
    "a password is given for the database, in --database-url or PGPASSWORD, and is not used: " \
    "--database-auth is rds-iam"

/* What makes the passwords: the world's, whose queue, credentials and settings it uses. NULL: the
 * settings have it. */
struct le_pg_passwords *le_database_passwords(struct le_world *world);

#endif
